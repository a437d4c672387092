import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { modelNameSchema } from '@softmargin/shared/bundle/manifest.ts';
import { weightTypes } from '@softmargin/shared/bundle/packed-tensor.ts';
import type { Variant } from '@softmargin/shared/bundle/variant.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { startWasmBackend } from '../backend/wasm.ts';
import { type ImportedModel, importModel } from '../import/import-model.ts';
import { replaceFile } from '../loop/replace-file.ts';
import { UsageError } from '../terminal/exit-codes.ts';
import { oneOf, pictureSize, wholeNumber } from './arguments.ts';

/** Channel statistics of ImageNet, by which torchvision, torchreid and fast-reid normalise. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406];
const IMAGENET_DEVIATION = [0.229, 0.224, 0.225];

interface ImportOptions {
  readonly output: string;
  readonly architecture?: string;
  readonly name?: string;
  readonly input?: { readonly height: number; readonly width: number };
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  readonly shorterSide?: number;
  readonly distance: 'cosine' | 'euclidean';
  readonly weights: (typeof weightTypes)[number];
  readonly calibrate?: string;
  readonly embedding?: string;
  readonly neck?: 'batch-normalisation' | 'none';
  readonly lastStride?: '1' | '2';
  readonly stemPool?: 'padded' | 'ceil';
  readonly stemActivation?: 'relu' | 'none';
  readonly json?: true;
}

/** `softmargin import`: a network that was trained elsewhere as a bundle. */
export function importCommand(): Command {
  return new Command('import')
    .description('Make a bundle of PyTorch weights (.safetensors) or of a TensorFlow.js model (model.json).')
    .addArgument(new Argument('<weights>', 'a state dict as .safetensors, or model.json'))
    .requiredOption('-o, --output <bundle>', 'the bundle to write')
    .addOption(oneOf(new Option('--architecture <name>', 'of a state dict'), [...architectures.keys()]))
    .option('--name <name>', "of the model (default: the bundle's file name)")
    .option('--input <height>x<width>', "size of the pictures (default: the network's own)", pictureSize)
    .option('--mean <numbers>', "of each channel, by commas (default: ImageNet's)", numbers, IMAGENET_MEAN)
    .option('--deviation <numbers>', 'the same', numbers, IMAGENET_DEVIATION)
    .option(
      '--shorter-side <n>',
      'resize to it and cut out the centre, instead of stretching',
      wholeNumber(1),
    )
    .addOption(new Option('--distance <name>').choices(['cosine', 'euclidean']).default('cosine'))
    .addOption(new Option('--weights <type>', 'how they are stored').choices([...weightTypes]).default('f32'))
    .option(
      '--calibrate <folder>',
      'pictures to measure the drift of f16 and int8 on (default: generated ones)',
    )
    .option('--embedding <layer>', 'of a TensorFlow.js model (default: its last global average pooling)')
    .addOption(
      new Option('--neck <kind>', 'of a state dict (default: as its names say)').choices([
        'batch-normalisation',
        'none',
      ]),
    )
    .addOption(
      new Option('--last-stride <n>', 'of a ResNet (default: 1 with a neck, 2 without)').choices(['1', '2']),
    )
    .addOption(
      new Option('--stem-pool <kind>', 'of a ResNet (default: ceil for fast-reid)').choices([
        'padded',
        'ceil',
      ]),
    )
    .addOption(
      new Option('--stem-activation <kind>', 'of a ResNet (default: none for the strong baseline)').choices([
        'relu',
        'none',
      ]),
    )
    .option('--json', 'print one JSON object')
    .action(run);
}

async function run(file: string, options: ImportOptions): Promise<void> {
  const { output, neck, lastStride, stemPool, stemActivation, embedding, json, ...rest } = options;
  const name =
    options.name ??
    basename(output)
      .replace(/\.safetensors$/, '')
      .toLowerCase();
  const checked = modelNameSchema.safeParse(name);
  if (!checked.success) throw new UsageError(`--name ${name}: ${checked.error.issues[0].message}.`);
  const variant: Variant = {
    ...(neck && { neck }),
    ...(lastStride && { lastStride: lastStride === '1' ? 1 : 2 }),
    ...(stemPool && { stemPool }),
    ...(stemActivation && { stemActivation }),
  };
  await startWasmBackend();
  const imported = await importModel({ ...rest, file, name, output: embedding, variant });
  await mkdir(dirname(output), { recursive: true });
  await replaceFile(output, imported.bytes);
  console.log(json ? JSON.stringify(summaryOf(output, imported)) : render(output, imported));
}

function summaryOf(bundle: string, { manifest, sha256, bytes, ignored, initialised }: ImportedModel) {
  const { architecture, variant, input, embedding, weights } = manifest;
  return {
    bundle,
    sha256,
    bytes: bytes.length,
    architecture,
    variant,
    input,
    embedding,
    weights,
    ignored,
    initialised,
  };
}

function render(bundle: string, imported: ImportedModel): string {
  const { architecture, variant, input, embedding, weights, ignored, initialised, sha256, bytes } = summaryOf(
    bundle,
    imported,
  );
  const { drift } = weights ?? {};
  return [
    `${architecture}: ${input.height}×${input.width}×${input.channels} → ${embedding.dimension}`,
    ...(variant
      ? [
          `  ${Object.entries(variant)
            .map(([field, value]) => `${field} ${value}`)
            .join(', ')}`,
        ]
      : []),
    ...(ignored.length > 0 ? [`  without use: ${ignored.join(', ')}`] : []),
    ...(initialised.length > 0 ? [`  not there, taken as they start: ${initialised.join(', ')}`] : []),
    `  weights ${weights?.type ?? 'f32'}, served ${weights?.serving ?? 'resident'}`,
    ...(drift
      ? [
          `  cosine distance to f32 over ${drift.count} ${drift.pictures} pictures: mean ${drift.mean.toExponential(1)}, largest ${drift.largest.toExponential(1)}`,
        ]
      : []),
    `${bundle}: ${(bytes / 2 ** 20).toFixed(1)} MiB, sha256 ${sha256}`,
  ].join('\n');
}

function numbers(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.some((value) => !Number.isFinite(value)) || text.trim() === '') {
    throw new InvalidArgumentError('It must be numbers, separated by commas.');
  }
  return values;
}
