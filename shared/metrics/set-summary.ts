import type { RankedPart, SetRule } from './evaluate-sets.ts';
import { addHits, type SingleShotHits, singleShotCmc } from './single-gallery-shot.ts';
import { type EvaluationResult, Summary } from './summary.ts';

/** Sums up what shards of queries yield by any protocol, one after the other. */
export class SetSummary {
  readonly #rule: SetRule;
  readonly #summary = new Summary();
  #hits: SingleShotHits | undefined;

  constructor(rule: SetRule) {
    this.#rule = rule;
  }

  /** Takes what the next queries yielded. @throws {RangeError} if it is of others. */
  add({ scores, hits }: Pick<RankedPart, 'scores' | 'hits'>): void {
    this.#summary.add(scores);
    if (hits !== undefined) this.#hits = addHits(this.#hits, hits);
  }

  /** @throws {RangeError} if not all queries came. */
  result(queryCount: number): EvaluationResult {
    const result = this.#summary.result(queryCount);
    if (this.#rule.protocol !== 'cuhk03-classic') return result;
    return { ...result, cmc: singleShotCmc(this.#hits, this.#rule.draws) };
  }
}
