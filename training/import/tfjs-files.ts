import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import { HalfTensor } from '@softmargin/shared/bundle/packed-tensor.ts';
import * as z from 'zod';

const specSchema = z.looseObject({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype: z.enum(['float32', 'int32', 'bool', 'string', 'complex64']),
  quantization: z
    .looseObject({
      dtype: z.enum(['uint8', 'uint16', 'float16']),
      scale: z.number().optional(),
      min: z.number().optional(),
    })
    .optional(),
});

const modelSchema = z.looseObject({
  format: z.string().optional(),
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()), weights: z.array(specSchema) })),
});

type WeightSpec = z.infer<typeof specSchema>;

/** A model of TensorFlow.js as its files hold it. */
export interface TfjsModel {
  readonly kind: 'layers' | 'graph';
  readonly topology: Readonly<Record<string, unknown>>;
  readonly weights: ReadonlyMap<string, BundleTensor>;
}

/**
 * Reads a `model.json` and the weights beside it; quantised ones are expanded.
 *
 * @throws {Error} that names the file and what is wrong with it.
 */
export async function readTfjsModel(path: string): Promise<TfjsModel> {
  const text = await readFile(path, 'utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is not JSON.`, { cause });
  }
  const parsed = modelSchema.safeParse(json);
  if (!parsed.success) {
    const [{ path: field, message }] = parsed.error.issues;
    throw new Error(`${path} is not a model of TensorFlow.js: ${field.join('.')}: ${message}.`);
  }
  const { modelTopology: topology, weightsManifest } = parsed.data;
  const weights = new Map<string, BundleTensor>();
  for (const group of weightsManifest) {
    const parts = await Promise.all(group.paths.map((part) => readFile(join(dirname(path), part))));
    const bytes = new Uint8Array(Buffer.concat(parts));
    let position = 0;
    for (const spec of group.weights) {
      const { tensor, length } = readWeight(spec, bytes, position);
      position += length;
      if (tensor !== undefined) weights.set(spec.name, tensor);
    }
    if (position !== bytes.length) {
      throw new Error(
        `${group.paths.join(', ')}: ${bytes.length} bytes, where the weights take ${position}.`,
      );
    }
  }
  const isGraph = parsed.data.format === 'graph-model' || 'node' in topology;
  return { kind: isGraph ? 'graph' : 'layers', topology, weights };
}

function readWeight({ name, shape, dtype, quantization }: WeightSpec, bytes: Uint8Array, position: number) {
  const count = shape.reduce((product, length) => product * length, 1);
  const take = (length: number) => {
    if (position + length > bytes.length) throw new Error(`The weights end in "${name}".`);
    // A copy, since it need not lie at a multiple of its numbers' bytes.
    return bytes.slice(position, position + length).buffer;
  };
  if (quantization !== undefined) {
    const { dtype: stored, scale = 1, min = 0 } = quantization;
    if (stored === 'float16') {
      const halves = new Uint16Array(take(2 * count));
      return { tensor: { shape, data: new HalfTensor(shape, halves).data }, length: 2 * count };
    }
    const steps = stored === 'uint8' ? new Uint8Array(take(count)) : new Uint16Array(take(2 * count));
    const data = Float32Array.from(steps, (step) => step * scale + min);
    return { tensor: { shape, data }, length: steps.byteLength };
  }
  switch (dtype) {
    case 'float32':
      return { tensor: { shape, data: new Float32Array(take(4 * count)) }, length: 4 * count };
    case 'int32':
      return {
        tensor: { shape, data: Float32Array.from(new Int32Array(take(4 * count))) },
        length: 4 * count,
      };
    case 'bool':
      return { tensor: undefined, length: count };
    default:
      throw new Error(`The weight "${name}" is of ${dtype}; float32 and int32 are read.`);
  }
}
