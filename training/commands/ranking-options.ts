import { readFile } from 'node:fs/promises';
import { type DistanceName, distanceNames } from '@softmargin/shared/metrics/distance.ts';
import { type SetRule, setProtocols } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { parseExclusionRule } from '@softmargin/shared/metrics/exclusion-rule.ts';
import { reRankingDefaults } from '@softmargin/shared/metrics/re-ranking-options.ts';
import { MAX_TOP_K } from '@softmargin/shared/metrics/top-lists.ts';
import { type Command, Option } from 'commander';
import { EXIT_CODES } from '../terminal/exit-codes.ts';
import { oneOf, share, wholeNumber } from './arguments.ts';

/** How sets are ranked and what is found out beside: the same here and by the service. */
export interface RankingOptions {
  readonly protocol: Exclude<SetRule['protocol'], object>;
  readonly rule?: string;
  readonly distance: DistanceName;
  readonly repeats: number;
  readonly seed: number;
  readonly bootstrap?: number;
  readonly verification?: true;
  readonly rerank?: true;
  readonly k1: number;
  readonly k2: number;
  readonly lambda: number;
  readonly topK?: number;
  readonly failUnderMap?: number;
}

export function addRankingOptions(command: Command): Command {
  return command
    .addOption(oneOf(new Option('--protocol <name>', 'what is ranked'), [...setProtocols]).default('none'))
    .addOption(
      new Option('--rule <file.json>', 'an exclusion rule instead of a protocol').conflicts('protocol'),
    )
    .addOption(oneOf(new Option('--distance <name>'), [...distanceNames]).default('cosine'))
    .option('--repeats <n>', 'galleries drawn for each query by cuhk03-classic', wholeNumber(1), 10)
    .option('--seed <n>', 'of those draws and of the bootstrap', wholeNumber(0), 0)
    .option('--bootstrap <n>', 'resamples for 95 % intervals of mAP, mINP and CMC-1', wholeNumber(1000))
    .option('--verification', 'also TAR at FAR, ROC and the distance histogram, over all pairs')
    .option('--rerank', 'also re-rank by k-reciprocal neighbours')
    .option('--k1 <n>', 'neighbours of the re-ranking', wholeNumber(1), reRankingDefaults.k1)
    .option('--k2 <n>', 'neighbours of its query expansion', wholeNumber(1), reRankingDefaults.k2)
    .option('--lambda <share>', 'of the original distance in it', share, reRankingDefaults.lambda)
    .option(
      '--top-k <n>',
      `also the first n places of every query's list, up to ${MAX_TOP_K}`,
      wholeNumber(1, MAX_TOP_K),
    )
    .option(
      '--fail-under-map <share>',
      `exit with ${EXIT_CODES.underThreshold} where mAP is under it (0 to 1)`,
      share,
    );
}

/** The protocol of the options, or the rule in the file that they name. */
export async function protocolOf({ protocol, rule }: RankingOptions): Promise<SetRule['protocol']> {
  if (rule === undefined) return protocol;
  try {
    return parseExclusionRule(JSON.parse(await readFile(rule, 'utf8')));
  } catch (cause) {
    throw new Error(`${rule}: ${(cause as Error).message}`, { cause });
  }
}

/** The bootstrap of the options. */
export function bootstrapOf({ bootstrap, seed }: RankingOptions) {
  return bootstrap === undefined ? undefined : { resamples: bootstrap, seed, confidence: 0.95 };
}

/** Says so, and sets what the process ends with, where mAP is under the threshold of the options. */
export function checkMap(mAP: number | null, { failUnderMap }: RankingOptions): void {
  if (failUnderMap === undefined || (mAP !== null && mAP >= failUnderMap)) return;
  console.error(`mAP is ${mAP ?? 'not defined: no query is valid'}, under ${failUnderMap}.`);
  process.exitCode = EXIT_CODES.underThreshold;
}
