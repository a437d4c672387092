import type { Search } from '@softmargin/client';
import { type DistanceName, distanceNames } from '@softmargin/shared/metrics/distance.ts';
import { Command, Option } from 'commander';
import { pictureBatches } from '../embedding/picture-batches.ts';
import { withPictures } from '../embedding/picture-sources.ts';
import { readSet } from '../evaluation/read-set.ts';
import { addServiceOptions, connect, type ServiceOptions } from '../service/connection.ts';
import { UsageError } from '../terminal/exit-codes.ts';
import { printResult } from '../terminal/result.ts';
import { renderTable } from '../terminal/table.ts';
import { oneOf, wholeNumber } from './arguments.ts';

interface SearchOptions extends ServiceOptions {
  readonly features?: string;
  readonly model?: string;
  readonly flip?: true;
  readonly k: number;
  readonly distance: DistanceName;
  readonly json?: true;
}

/** The nearest items of one query. */
interface Found {
  readonly query: string;
  readonly results: Search['data'][number]['results'];
}

/** Queries of a request: the service takes 64. */
const QUERIES_PER_REQUEST = 64;

/** `softmargin search`: the items of a stored set that are nearest to pictures or embeddings. */
export function searchCommand(signal: AbortSignal): Command {
  return addServiceOptions(new Command('search'))
    .description('Find the items of a stored set that are nearest to pictures or embeddings, exactly.')
    .argument('<set>', 'the name of a set of embeddings')
    .argument('[pictures...]', 'files, folders and .zip archives of pictures')
    .option('--features <file>', 'embeddings instead of pictures: .npz, .safetensors, .jsonl, .json')
    .option('--model <name>', 'what embeds the pictures (default: the service’s own)')
    .option('--flip', 'average each picture with its mirror image (default: as the model says)')
    .option('--k <n>', 'how many of the nearest', wholeNumber(1, 100), 10)
    .addOption(oneOf(new Option('--distance <name>'), distanceNames).default('cosine'))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  softmargin search my-gallery person.jpg --model osnet --k 5
  softmargin search my-gallery --features query.npz --json`,
    )
    .action(async (set: string, places: string[], options: SearchOptions) => {
      if ((places.length === 0) === (options.features === undefined)) {
        throw new UsageError('Give either pictures or --features.');
      }
      const { found, broken } = await (options.features === undefined
        ? searchPictures(set, places, options, signal)
        : searchFeatures(set, options.features, options, signal));
      for (const { query, message } of broken) console.error(`  Left out: ${query}: ${message}`);
      if (found.length === 0) throw new Error('None of the pictures could be embedded.');
      printResult(options, { set, data: found, broken }, ({ data }) => render(data));
    });
}

interface Outcome {
  readonly found: Found[];
  readonly broken: { readonly query: string; readonly message: string }[];
}

async function searchPictures(
  set: string,
  places: readonly string[],
  options: SearchOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const { model, flip, k, distance } = options;
  const client = await connect(options);
  return withPictures(places, async (pictures) => {
    const outcome: Outcome = { found: [], broken: [] };
    for await (const { first, batch } of pictureBatches(pictures)) {
      const answer = await client.sets.searchPictures(set, batch, { model, flip, k, distance, signal });
      const nameOf = (index: number) => pictures[first + index].name;
      for (const { index, results } of answer.data) outcome.found.push({ query: nameOf(index), results });
      for (const { index, message } of answer.errors ?? []) {
        outcome.broken.push({ query: nameOf(index), message });
      }
    }
    return outcome;
  });
}

async function searchFeatures(
  set: string,
  file: string,
  options: SearchOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const { k, distance } = options;
  const { count, dimension, features } = await readSet(file, 'query');
  const client = await connect(options);
  const rows = Array.from({ length: count }, (_, i) => features.subarray(i * dimension, (i + 1) * dimension));
  const found: Found[] = [];
  for (let first = 0; first < count; first += QUERIES_PER_REQUEST) {
    const { data } = await client.sets.searchEmbeddings(set, rows.slice(first, first + QUERIES_PER_REQUEST), {
      k,
      distance,
      signal,
    });
    for (const { index, results } of data) found.push({ query: `${file} #${first + index}`, results });
  }
  return { found, broken: [] };
}

function render(found: readonly Found[]): string {
  return found
    .map(({ query, results }) => {
      const rows = results.map(({ index, identity, camera, distance }, place) => [
        ...[place + 1, index, identity, camera],
        Number(distance.toPrecision(6)),
      ]);
      return `${query}\n${renderTable(['rank', 'item', 'identity', 'camera', 'distance'], rows)}`;
    })
    .join('\n\n');
}
