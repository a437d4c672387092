import { openAsBlob } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { collect, MAX_BODY_BYTES, type PutSet, type StoredSet } from '@softmargin/client';
import { type PictureNaming, pictureNamings } from '@softmargin/shared/sets/picture-names.ts';
import { Command, Option } from 'commander';
import { withPictures } from '../embedding/picture-sources.ts';
import { readSet } from '../evaluation/read-set.ts';
import { addServiceOptions, connect, type ServiceOptions } from '../service/connection.ts';
import { UsageError } from '../terminal/exit-codes.ts';
import { withProgress } from '../terminal/progress.ts';
import { printResult } from '../terminal/result.ts';
import { renderTable } from '../terminal/table.ts';
import { oneOf } from './arguments.ts';

interface Options extends ServiceOptions {
  readonly json?: true;
}

interface PushOptions extends Options {
  readonly names?: PictureNaming;
  readonly side?: 'query' | 'gallery';
  readonly labels?: string;
}

/** `softmargin sets`: query sets and gallery sets of the service. */
export function setsCommand(signal: AbortSignal): Command {
  const push = addServiceOptions(new Command('push'))
    .description('Store a set: embeddings from a file, or pictures.')
    .argument('<name>', 'of the set')
    .argument('<files...>', '.npz, .safetensors, .jsonl, .json, .npy with a .csv; or pictures')
    .addOption(oneOf(new Option('--side <side>', 'of a file that holds both'), ['query', 'gallery']))
    .option('--labels <file.csv>', 'labels of a .npy (default: the .csv beside it)')
    .addOption(oneOf(new Option('--names <layout>', 'how names of pictures give labels'), pictureNamings))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Pictures are a folder, picture files, or one archive (.zip, .tar, .tar.gz), which may hold a labels.csv instead of
names that say whose they are. Embeddings above 100 MB and folders above 32 MB go in parts.

Examples:
  softmargin sets push my-query query.npz
  softmargin sets push my-pictures bounding_box_test/ --names market1501`,
    )
    .action(async (name: string, files: string[], options: PushOptions) => {
      const set = await pushed(name, files, options, signal);
      for (const { path, message } of set.errors ?? [])
        console.error(`  Cannot be read: ${path}: ${message}`);
      printResult(options, set, render);
    });
  const list = addServiceOptions(new Command('list'))
    .description('List the sets.')
    .option('--json', 'print one JSON object')
    .action(async (options: Options) => {
      const client = await connect(options);
      printResult(options, { data: await collect(client.sets.list(signal)) }, ({ data }) =>
        renderTable(
          ['name', 'kind', 'items', 'dimension', 'identities', 'cameras', 'sha256'],
          data.map((set) => [
            ...[set.id, set.kind, set.count, set.dimension, set.identities, set.cameras],
            set.sha256.slice(0, 12),
          ]),
        ),
      );
    });
  const show = addServiceOptions(new Command('show'))
    .description('Describe a set.')
    .argument('<name>')
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: Options) => {
      const client = await connect(options);
      printResult(options, await client.sets.get(name, signal), render);
    });
  const remove = addServiceOptions(new Command('delete'))
    .description('Remove sets. Evaluations that rank them already go on.')
    .argument('<names...>')
    .option('--json', 'print one JSON object')
    .action(async (names: string[], options: Options) => {
      const client = await connect(options);
      for (const name of names) await client.sets.delete(name, signal);
      printResult(options, { deleted: names }, () => `Deleted ${names.join(', ')}`);
    });
  return new Command('sets')
    .description('Query and gallery sets of the service: push, list, show, delete.')
    .addCommand(push)
    .addCommand(list)
    .addCommand(show)
    .addCommand(remove);
}

/** Files that hold a set of embeddings. */
const EMBEDDINGS = /\.(npz|npy|safetensors|jsonl|ndjson|json)$/i;

/** Files that the service unpacks itself. */
const ARCHIVE = /\.(zip|tar|tgz|gz)$/i;

async function pushed(
  name: string,
  files: readonly string[],
  options: PushOptions,
  signal: AbortSignal,
): Promise<PutSet> {
  const { side, labels, names } = options;
  const client = await connect(options);
  const [file] = files;
  if (files.length === 1 && EMBEDDINGS.test(file)) {
    const set = await readSet(file, side, labels);
    return withProgress(`Push ${name}`, (onProgress) =>
      client.sets.putEmbeddings(name, set, { onProgress, signal }),
    );
  }
  if (labels !== undefined || side !== undefined) {
    throw new UsageError('--labels and --side go with one file of embeddings.');
  }
  if (files.length === 1 && ARCHIVE.test(file)) {
    const { size } = await stat(file);
    if (size > MAX_BODY_BYTES) {
      throw new UsageError(
        `${file} has ${size} bytes; an archive may have ${MAX_BODY_BYTES}. Unpack it and push its folder, which goes in parts.`,
      );
    }
    return client.sets.put(name, await openAsBlob(file), { names, signal });
  }
  if (names === undefined) {
    throw new UsageError(`--names is needed for pictures: ${pictureNamings.join(', ')}.`);
  }
  return withPictures(files, (pictures) =>
    withProgress(`Push ${name}`, (onProgress) =>
      client.sets.putPictures(
        name,
        pictures.map(({ name: path, file }) => ({ path, bytes: () => readFile(file) })),
        names,
        { onProgress, signal },
      ),
    ),
  );
}

function render(set: StoredSet): string {
  const { id, kind, count, dimension, identities, cameras, groups, sha256, createdAt } = set;
  const counted = [
    `${count} ${kind}${dimension === null ? '' : ` of ${dimension} dimensions`}`,
    ...(identities === null ? [] : [`${identities} identities`]),
    ...(cameras === null ? [] : [`${cameras} cameras`]),
    ...(groups === null ? [] : [`${groups} groups`]),
    ...(set.brokenPictures ? [`${set.brokenPictures} pictures that cannot be read`] : []),
  ];
  return `${id}: ${counted.join(', ')}\nSHA-256 ${sha256}, stored ${createdAt}`;
}
