import type { BundleTensor } from '../bundle/bundle.ts';
import { isFiniteTensor } from '../bundle/packed-tensor.ts';
import type { Architecture } from './layers.ts';
import { parametersOf } from './parameters.ts';

/** All that keeps tensors from being the parameters of an architecture; empty where they fit. */
export function complaintsAbout(
  architecture: Architecture,
  tensors: ReadonlyMap<string, BundleTensor>,
): string[] {
  const expected = new Map(parametersOf(architecture).map((parameter) => [parameter.name, parameter.shape]));
  const complaints: string[] = [];
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  if (missing.length > 0) complaints.push(`missing: ${missing.join(', ')}`);
  const unexpected = [...tensors.keys()].filter((name) => !expected.has(name));
  if (unexpected.length > 0) complaints.push(`unexpected: ${unexpected.join(', ')}`);
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (found !== undefined && found.shape.join() !== shape.join()) {
      complaints.push(`${name} has shape [${found.shape}], not [${shape}]`);
    }
    if (found !== undefined && !isFiniteTensor(found)) {
      complaints.push(`${name} holds a value that is not finite`);
    }
  }
  return complaints;
}
