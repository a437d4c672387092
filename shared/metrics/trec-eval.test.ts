import { describe, expect, test } from 'vitest';
import { hasData, readDataText } from '../../test/data.ts';
import { scoreQuery } from './average-precision.ts';

const FOLDER = 'eval-fixtures/trec_eval';
const FILES = ['qrels.test', 'results.test', 'out.test.aq'].map((name) => `${FOLDER}/${name}`);

/** As far down a list as to add nothing to four decimals. */
const NEVER = 1e12;

describe.skipIf(!hasData(...FILES))('trec_eval’s published scores of a real run', () => {
  const rows = (name: string) =>
    readDataText(name)
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/));

  test.each(['301', '302', '303'])('topic %s', (topic) => {
    const relevant = new Set(
      rows(FILES[0]).flatMap(([id, , document, judgement]) =>
        id === topic && Number(judgement) > 0 ? [document] : [],
      ),
    );
    // trec_eval ranks by score; of two documents with one score the later name comes first.
    const list = rows(FILES[1])
      .filter(([id]) => id === topic)
      .map(([, , document, , score]) => ({ document, score: Number(score) }))
      .sort((a, b) => b.score - a.score || (a.document < b.document ? 1 : -1));
    const published = new Map(
      rows(FILES[2]).flatMap(([name, id, value]) => (id === topic ? [[name, value]] : [])),
    );
    expect([list.length, relevant.size]).toEqual(
      ['num_ret', 'num_rel'].map((name) => Number(published.get(name))),
    );

    const found = list.flatMap(({ document }, i) => (relevant.has(document) ? [i + 1] : []));
    // What a run does not retrieve adds nothing to its average precision, and counts as relevant.
    const missed = Array.from({ length: relevant.size - found.length }, (_, i) => NEVER + i);
    const score = scoreQuery([...found, ...missed]);
    expect(score?.averagePrecision.toFixed(4)).toBe(published.get('map'));
    expect(score?.rPrecision.toFixed(4)).toBe(published.get('Rprec'));
    expect(score?.precisionAt.slice(1).map((value) => value.toFixed(4))).toEqual([
      published.get('P_5'),
      published.get('P_10'),
    ]);
    expect((1 / (score?.firstMatchRank ?? 0)).toFixed(4)).toBe(published.get('recip_rank'));
  });
});
