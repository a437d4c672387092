import { mkdir } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { type PictureNaming, pictureNamings } from '@softmargin/shared/sets/picture-names.ts';
import { Command, Option } from 'commander';
import { type BackendChoice, backendChoices, chooseBackend } from '../backend/choose-backend.ts';
import { exists } from '../datasets/picture-files.ts';
import { embedByBundle, embedByService, type PictureEmbedding } from '../embedding/embed-pictures.ts';
import { labelsOf, withPictures } from '../embedding/picture-sources.ts';
import { replaceFile } from '../loop/replace-file.ts';
import { addServiceOptions, connect, type ServiceOptions } from '../service/connection.ts';
import { UsageError } from '../terminal/exit-codes.ts';
import { withProgress } from '../terminal/progress.ts';
import { printResult } from '../terminal/result.ts';
import { oneOf } from './arguments.ts';

interface EmbedOptions extends ServiceOptions {
  readonly output: string;
  readonly model?: string;
  readonly names?: PictureNaming;
  readonly flip?: true;
  readonly list?: string;
  readonly backend: BackendChoice;
  readonly json?: true;
}

/** `softmargin embed`: pictures to a set, by a bundle on this machine or by the service. */
export function embedCommand(signal: AbortSignal): Command {
  const command = new Command('embed')
    .description('Embed pictures: by a bundle on this machine, or by a model of the service.')
    .argument('<pictures...>', 'files, folders and .zip archives of pictures')
    .requiredOption('-o, --output <features.npz>', 'features, identities and cameras')
    .option(
      '--model <bundle|name>',
      'a bundle (.safetensors), which is run here; else the name of a model of the service (default: its own)',
    )
    .addOption(
      oneOf(
        new Option('--names <layout>', 'how names give identity and camera (default: both are 0)'),
        pictureNamings,
      ),
    )
    .option('--flip', 'average each picture with its mirror image (default: as the model says)')
    .option('--list <file.csv>', 'write path, identity and camera of every row')
    .addOption(
      new Option('--backend <name>', 'what computes, of a bundle').choices(backendChoices).default('auto'),
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Pictures that cannot be read are named on standard error and left out.

Examples:
  softmargin embed query/ -o query.npz --model osnet.safetensors --names market1501
  softmargin embed a.png b.png -o features.npz --model mnist-wide --url http://127.0.0.1:8787`,
    )
    .action((places: string[], options: EmbedOptions) => run(places, options, signal));
  return addServiceOptions(command);
}

async function run(places: readonly string[], options: EmbedOptions, signal: AbortSignal): Promise<void> {
  const { output, model, names, flip, list } = options;
  if (extname(output).toLowerCase() !== '.npz') throw new UsageError(`${output} is no name of a .npz.`);
  const embed = await engineOf(options);
  const embedded = await withPictures(places, (pictures) => {
    const labels = labelsOf(pictures, names);
    return withProgress('Embed', (onProgress) => embed({ pictures, labels, flip, onProgress, signal }));
  });
  const { set, broken, modelVersion } = embedded;
  for (const { name, reason } of broken) console.error(`  Left out: ${name}: ${reason}`);
  await mkdir(dirname(output), { recursive: true });
  await replaceFile(output, serialiseNpz(set));
  if (list !== undefined) {
    const lines = embedded.names.map((name, i) => `${csvText(name)},${set.identities[i]},${set.cameras[i]}`);
    await replaceFile(list, `${['path,identity,camera', ...lines].join('\n')}\n`);
  }
  const { count, dimension } = set;
  printResult(
    options,
    { output, count, dimension, model: model ?? null, modelVersion, broken },
    () => `${output}: ${count} embeddings of ${dimension} dimensions`,
  );
}

async function engineOf({ model, backend, url, key }: EmbedOptions) {
  if (model === undefined || !(await isBundle(model))) {
    const client = await connect({ ...(url !== undefined && { url }), ...(key !== undefined && { key }) });
    return (embedding: PictureEmbedding) => embedByService(client, model, embedding);
  }
  if (url !== undefined) {
    throw new UsageError(`${model} is a bundle, which is run here; --url goes with the name of a model.`);
  }
  const { description } = await chooseBackend(backend);
  console.error(`  Computing by ${description}`);
  return (embedding: PictureEmbedding) => embedByBundle(model, embedding);
}

/** What is written like a file is one, there or not. */
async function isBundle(model: string): Promise<boolean> {
  return extname(model) === '.safetensors' || /[\\/]/.test(model) || (await exists(model));
}

function csvText(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
