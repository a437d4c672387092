import { type Bundle, writeBundle } from '@softmargin/shared/bundle/bundle.ts';
import { readBundleStream } from '@softmargin/shared/bundle/bundle-stream.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { heldBytes } from '@softmargin/shared/bundle/packed-tensor.ts';
import { compiledFeatures } from '@softmargin/shared/inference/compiled-features.ts';
import { parametersOf, sizeOf } from '@softmargin/shared/models/parameters.ts';
import { resnet50 } from '@softmargin/shared/models/resnet50.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { expect, test } from 'vitest';
import { exampleManifest } from '../../test/bundles.ts';
import { packedParameters } from '../../test/large-network.ts';
import { MAX_MODEL_BYTES } from '../limits.ts';
import { isolateMemory } from '../test/memory.ts';
import { startBackend } from './backend.ts';
import { RuntimeDigest } from './bundle-bytes.ts';
import { modelBytes } from './serving-memory.ts';

const LIMIT = 110_000_000;
const CHUNK = 64 * 1024;

/** A file as R2 gives it. */
async function* chunksOf(file: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < file.length; start += CHUNK) yield file.slice(start, start + CHUNK);
}

function manifestOf(type: 'f16' | 'int8'): Manifest {
  return {
    ...exampleManifest('resnet50', resnet50.dimension),
    input: resnet50.input,
    preprocessing: { resize: 'bilinear-antialiased', invert: 'never', mean: [0, 0, 0], deviation: [1, 1, 1] },
    weights: { type, serving: 'by-layer' },
  };
}

/** Bytes of every typed array that serving holds at once, beside the bundle and the heap: each at its largest. */
function workingBytes(): number {
  const weights = parametersOf(resnet50).filter(({ shape }) => shape.length > 1);
  // Filters are expanded eight at a time.
  const rows = Math.max(...weights.map((weight) => (4 * sizeOf(weight) * 8) / weight.shape[0]));
  const { height, width, channels } = resnet50.input;
  const valuesOfHalves = 4 * 0x10000;
  return rows + valuesOfHalves + 4 * height * width * channels + 4 * resnet50.dimension;
}

function tensorBytes({ tensors }: Bundle): number {
  return [...tensors.values()].reduce((sum, tensor) => sum + heldBytes(tensor), 0);
}

// The heap never shrinks: the smaller bundle comes first, and the heap is what either needs.
test.each(['int8', 'f16'] as const)(
  'ResNet-50 as %s embeds a picture in less than 110 MB',
  {
    timeout: 300_000,
  },
  async (type) => {
    const { engine } = await startBackend();
    const file = await writeBundle(manifestOf(type), packedParameters(resnet50, type));
    const { bundle, pieces } = await readBundleStream(chunksOf(file), new RuntimeDigest(), MAX_MODEL_BYTES);
    const before = engine.heldBytes;
    // Of the file there are the pieces, whose memory the tensors are in, and nothing else.
    const held = pieces.reduce((sum, piece) => sum + piece.buffer.byteLength, 0);
    expect(held).toBe(file.length);

    const model = ServingModel.load(bundle, compiledFeatures(engine));
    const { height, width, channels } = resnet50.input;
    const embedding = await model.embed(new Float32Array(height * width * channels).fill(0.5), 1);
    expect(Math.hypot(...embedding)).toBeCloseTo(1, 4);
    const { heap } = await isolateMemory();
    const reckoned = modelBytes(bundle);
    expect(reckoned.weights).toBe(engine.heldBytes - before);
    expect(reckoned.tensors).toBe(tensorBytes(bundle));
    model.dispose();
    expect(engine.heldBytes).toBe(before);
    expect(heap + held + workingBytes()).toBeLessThan(LIMIT);
  },
);
