import { BundleError } from '../bundle/bundle.ts';
import type { Manifest } from '../bundle/manifest.ts';
import { architectures } from './architectures.ts';
import { graph, TOPOLOGY } from './graph.ts';
import type { Architecture } from './layers.ts';

/**
 * The network of a manifest: the definition that it names, varied where it says so, or the layers that it lists.
 *
 * @throws {BundleError} where there is none of that name, or none that varies like that.
 */
export function architectureOf(manifest: Pick<Manifest, 'architecture' | 'variant' | 'topology' | 'input'>) {
  const { architecture: name, variant, topology, input } = manifest;
  if ((name === TOPOLOGY) !== (topology !== undefined)) {
    throw new BundleError(
      `The manifest's topology: it is there where the architecture is "${TOPOLOGY}", and only there.`,
    );
  }
  try {
    if (topology !== undefined) return graph(topology, input);
    const architecture = architectures.get(name);
    if (architecture === undefined) {
      throw new BundleError(
        `The architecture "${name}" is not one of ${[...architectures.keys()].join(', ')}.`,
      );
    }
    return variant === undefined ? architecture : vary(architecture, variant);
  } catch (cause) {
    if (cause instanceof BundleError) throw cause;
    throw new BundleError(`The manifest's topology: ${(cause as Error).message}`, { cause });
  }
}

function vary(architecture: Architecture, variant: NonNullable<Manifest['variant']>): Architecture {
  if (architecture.vary === undefined) {
    throw new BundleError(`The manifest's variant: ${architecture.name} has none.`);
  }
  const fields = Object.keys(variant) as (keyof typeof variant)[];
  const unknown = fields.find((field) => !architecture.vary?.fields.includes(field));
  if (unknown !== undefined) {
    throw new BundleError(`The manifest's variant.${unknown}: ${architecture.name} has no such choice.`);
  }
  return architecture.vary.by(variant);
}
