import { writeFile } from 'node:fs/promises';
import {
  type Evaluation,
  type EvaluationState,
  evaluationStates,
  type SoftmarginClient,
} from '@softmargin/client';
import { Command, Option } from 'commander';
import { renderReport } from '../evaluation/report.ts';
import { addServiceOptions, connect, type ServiceOptions } from '../service/connection.ts';
import { UsageError } from '../terminal/exit-codes.ts';
import { type Progress, ProgressBars } from '../terminal/progress.ts';
import { printResult } from '../terminal/result.ts';
import { renderTable } from '../terminal/table.ts';
import { oneOf, wholeNumber } from './arguments.ts';
import {
  addRankingOptions,
  bootstrapOf,
  checkMap,
  protocolOf,
  type RankingOptions,
} from './ranking-options.ts';

interface Options extends ServiceOptions {
  readonly json?: true;
}

interface RunOptions extends Options, RankingOptions {
  readonly query: string;
  readonly gallery: string;
  readonly model?: string;
  readonly watch?: true;
  readonly dryRun?: true;
  readonly idempotencyKey?: string;
  readonly perQuery?: string;
}

/** `softmargin evaluations`: jobs of the service. */
export function evaluationsCommand(signal: AbortSignal): Command {
  const command = (name: string) => addServiceOptions(new Command(name));
  const json = ['--json', 'print one JSON object'] as const;

  const run = command('run')
    .description('Start an evaluation of two stored sets, and watch it if you like.')
    .requiredOption('--query <set>', 'the name of the query set')
    .requiredOption('--gallery <set>', 'the name of the gallery set')
    .option('--model <name>', 'what embeds sets of pictures')
    .option('--watch', 'show how far it is, and its result')
    .option('--dry-run', 'say what it would take, and start nothing')
    .option('--idempotency-key <text>', 'sent again with it, the same request is the same evaluation')
    .option('--per-query <file.csv>', "once it ended, every query's AP and first match")
    .option(...json)
    .addHelpText(
      'after',
      `
--fail-under-map and --per-query watch too. Interrupted, watching ends and the evaluation goes on.

Examples:
  softmargin evaluations run --query my-query --gallery my-gallery --protocol market1501 --watch
  softmargin evaluations run --query q --gallery g --fail-under-map 0.8 --json`,
    )
    .action((options: RunOptions) => start(options, signal));

  addRankingOptions(run);

  const watch = command('watch')
    .description('Show how far an evaluation is until it ends, and its result.')
    .argument('<id>')
    .option(...json)
    .action(async (id: string, options: Options) => {
      const ended = succeeded(await watched(await connect(options), id, signal));
      printResult(options, ended, render);
    });

  const list = command('list')
    .description('List evaluations, the newest first.')
    .addOption(oneOf(new Option('--state <state>', 'only these'), evaluationStates))
    .option('--limit <n>', 'the most that are listed', wholeNumber(1), 20)
    .option(...json)
    .action(async ({ state, limit, ...options }: Options & { state?: EvaluationState; limit: number }) => {
      const client = await connect(options);
      const data: Evaluation[] = [];
      for await (const evaluation of client.evaluations.list({ state, signal })) {
        data.push(evaluation);
        if (data.length === limit) break;
      }
      printResult(options, { data }, () => renderList(data));
    });

  const show = command('show')
    .description('Show an evaluation, and write its table and its figures.')
    .argument('<id>')
    .option('--per-query <file.csv>', "every query's AP and first match, for softmargin compare")
    .option('--cmc <file.svg>', 'the CMC curve')
    .option('--roc <file.svg>', 'the ROC curve, of one with --verification')
    .option('--histogram <file.svg>', 'of distances, of one with --verification')
    .option(...json)
    .addHelpText('after', '\nExample:\n  softmargin evaluations show ID --per-query a.csv --cmc cmc.svg')
    .action(async (id: string, options: Options & { perQuery?: string } & Figures) => {
      const client = await connect(options);
      printResult(options, await client.evaluations.get(id, signal), render);
      if (options.perQuery !== undefined) {
        await writeFile(options.perQuery, await client.evaluations.csv(id, signal));
      }
      for (const figure of ['cmc', 'roc', 'histogram'] as const) {
        const file = options[figure];
        if (file !== undefined) await writeFile(file, await client.evaluations.svg(id, figure, signal));
      }
    });

  const cancel = command('cancel')
    .description('End an evaluation without a result.')
    .argument('<id>')
    .option(...json)
    .action(async (id: string, options: Options) => {
      const client = await connect(options);
      printResult(options, await client.evaluations.cancel(id, signal), render);
    });

  const remove = command('delete')
    .description('Remove evaluations and all that is stored of them.')
    .argument('<ids...>')
    .option(...json)
    .action(async (ids: string[], options: Options) => {
      const client = await connect(options);
      for (const id of ids) await client.evaluations.delete(id, signal);
      printResult(options, { deleted: ids }, () => `Deleted ${ids.join(', ')}`);
    });

  return [run, watch, list, show, cancel, remove].reduce(
    (group, one) => group.addCommand(one),
    new Command('evaluations').description(
      'Evaluation jobs of the service: run, watch, list, show, cancel, delete.',
    ),
  );
}

interface Figures {
  readonly cmc?: string;
  readonly roc?: string;
  readonly histogram?: string;
}

async function start(options: RunOptions, signal: AbortSignal): Promise<void> {
  const { query, gallery, model, distance, repeats, seed, verification, topK, k1, k2, lambda } = options;
  const isWatched =
    Boolean(options.watch) || options.failUnderMap !== undefined || options.perQuery !== undefined;
  if (options.dryRun && isWatched) throw new UsageError('--dry-run starts nothing that could be watched.');
  const protocol = await protocolOf(options);
  const request = {
    ...{ query, gallery, model, protocol, distance, verification, topK },
    bootstrap: bootstrapOf(options),
    ...(protocol === 'cuhk03-classic' && { draws: { repeats, seed } }),
    ...(options.rerank && { rerank: { k1, k2, lambda } }),
  };
  const client = await connect(options);
  if (options.dryRun) {
    const plan = await client.evaluations.plan(request, signal);
    printResult(
      options,
      plan,
      ({ plan: { shards, multiplyAdds, bytesRead } }) =>
        `${shards} shards, ${multiplyAdds.toExponential(2)} multiply-adds, ${bytesRead} bytes of the gallery at most`,
    );
    return;
  }
  const { idempotencyKey } = options;
  const started = await client.evaluations.create(request, { idempotencyKey, signal });
  if (!isWatched) {
    printResult(options, started, render);
    return;
  }
  const ended = succeeded(await watched(client, started.id, signal));
  if (options.perQuery !== undefined) {
    await writeFile(options.perQuery, await client.evaluations.csv(ended.id, signal));
  }
  printResult(options, ended, render);
  checkMap(ended.result?.mAP ?? null, options);
}

/** Watches an evaluation to its end, with a bar for each of its stages. */
async function watched(client: SoftmarginClient, id: string, signal: AbortSignal): Promise<Evaluation> {
  console.error(`  Evaluation ${id}`);
  const bars = new ProgressBars();
  let bar: Progress | undefined;
  try {
    return await client.evaluations.wait(id, {
      onProgress: ({ progress: { shards, stage } }) => {
        if (shards.total === 0) return;
        bar ??= bars.start('Evaluate', shards.total);
        bar.update(shards.done, stage ?? '');
      },
      signal,
    });
  } catch (error) {
    if (signal.aborted) {
      bars.stop();
      console.error(`\nThe evaluation goes on; softmargin evaluations watch ${id} shows it again.`);
    }
    throw error;
  } finally {
    bars.stop();
  }
}

/** @throws {Error} of one that ended otherwise. */
function succeeded(evaluation: Evaluation): Evaluation {
  const { id, state, error } = evaluation;
  if (state === 'succeeded') return evaluation;
  throw new Error(
    `The evaluation ${id} ${state === 'failed' ? `failed: ${error?.message}` : `was ${state}.`}`,
  );
}

function render(evaluation: Evaluation): string {
  const { id, state, query, gallery, protocol, distance, result, error } = evaluation;
  const rule = typeof protocol === 'string' ? protocol : 'a rule of its own';
  return [
    `${id}: ${state}`,
    `${query.set} (${query.count}) against ${gallery.set} (${gallery.count}), ${rule}, ${distance}`,
    ...(result === undefined ? [] : ['', renderReport(result)]),
    ...(error == null ? [] : [error.message]),
  ].join('\n');
}

function renderList(evaluations: readonly Evaluation[]): string {
  return renderTable(
    ['id', 'state', 'query', 'gallery', 'mAP', 'created'],
    evaluations.map(({ id, state, query, gallery, result, createdAt }) => [
      ...[id, state, query.set, gallery.set],
      result?.mAP == null ? null : `${(100 * result.mAP).toFixed(2)} %`,
      createdAt,
    ]),
  );
}
