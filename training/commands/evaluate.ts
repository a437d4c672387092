import { readFile } from 'node:fs/promises';
import { distanceNames } from '@softmargin/shared/metrics/distance.ts';
import { type EvaluationRule, evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { protocolNames } from '@softmargin/shared/metrics/protocols.ts';
import type { EvaluationResult } from '@softmargin/shared/metrics/summary.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { parseNpz } from '@softmargin/shared/sets/npz.ts';
import { Command, Option } from 'commander';
import { loadKernel } from '../evaluation/kernel.ts';

/** `softmargin evaluate`: the evaluation that a job runs, on this machine, to the same bits. */
export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('Rank a query set against a gallery set: mAP, CMC, mINP.')
    .requiredOption('--query <file.npz>', 'features, identities and cameras of the queries')
    .requiredOption('--gallery <file.npz>', 'the same of the gallery')
    .addOption(new Option('--protocol <name>').choices([...protocolNames]).default('none'))
    .addOption(new Option('--distance <name>').choices([...distanceNames]).default('cosine'))
    .option('--json', 'print one JSON object')
    .action(async ({ query, gallery, json, protocol, distance }) => {
      const rule: EvaluationRule = { protocol, distance };
      const result = await evaluate(loadKernel(), rule, await readSet(query), await readSet(gallery));
      console.log(json ? JSON.stringify({ ...rule, ...result }) : table(result));
    });
}

async function readSet(path: string): Promise<EmbeddingSet> {
  try {
    return parseNpz(await readFile(path), Number.POSITIVE_INFINITY);
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}

function table({ mAP, mAPTrapezoid, mINP, cmc, validQueries, skippedQueries }: EvaluationResult): string {
  const percent = (value: number | null | undefined) =>
    value == null ? '–' : `${(100 * value).toFixed(2)} %`.padStart(8);
  return [
    `mAP             ${percent(mAP)}`,
    `mAP, trapezoid  ${percent(mAPTrapezoid)}`,
    `mINP            ${percent(mINP)}`,
    ...[1, 5, 10, 20]
      .filter((rank) => rank in cmc)
      .map((rank) => `${`CMC-${rank}`.padEnd(16)}${percent(cmc[rank])}`),
    `${validQueries} queries valid, ${skippedQueries} skipped`,
  ].join('\n');
}
