import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialiseSafetensors } from '@softmargin/shared/bundle/safetensors.ts';
import { evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { evaluateSets, type SetRule } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { reRank } from '@softmargin/shared/metrics/re-ranking.ts';
import { reRankingDefaults } from '@softmargin/shared/metrics/re-ranking-options.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpy } from '@softmargin/shared/sets/npy.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import type { Command } from 'commander';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { kernel } from '../../test/kernel.ts';
import { quantised, randomSet, withGroups } from '../../test/slow-evaluation.ts';
import { compareCommand } from './compare.ts';
import { evaluateCommand } from './evaluate.ts';

const folder = mkdtempSync(join(tmpdir(), 'softmargin-evaluate-'));
const path = (name: string) => join(folder, name);
const draws = { repeats: 10, seed: 0 };

const random = createRandom(21);
const queries = withGroups(random, randomSet(random, 30, 4, quantised));
const gallery = withGroups(random, randomSet(random, 60, 4, quantised));

/** Runs a command as the command line does, in this process. @returns what it prints. */
async function run(command: Command, ...parameters: string[]): Promise<string> {
  const log = vi.spyOn(console, 'log').mockReturnValue(undefined);
  try {
    const quiet = command.exitOverride().configureOutput({ writeErr: () => undefined });
    await quiet.parseAsync(parameters, { from: 'user' });
    return log.mock.calls.map(([text]) => `${text}\n`).join('');
  } finally {
    log.mockRestore();
  }
}

const compare = (...parameters: string[]) => run(compareCommand(), ...parameters);

const sets = ['--query', path('q.npz'), '--gallery', path('g.npz')];

/** What `softmargin evaluate` prints as JSON. */
async function evaluated(...parameters: string[]) {
  return JSON.parse(await run(evaluateCommand(), ...parameters, '--json'));
}

beforeAll(() => {
  writeFileSync(path('q.npz'), serialiseNpz(queries));
  writeFileSync(path('g.npz'), serialiseNpz(gallery));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('softmargin evaluate --json', () => {
  test('has the result to the same bits, and what it was asked for', async () => {
    const rule = { protocol: 'veri776', distance: 'euclidean' } as const;
    expect(await evaluated(...sets, '--protocol', rule.protocol, '--distance', rule.distance)).toStrictEqual({
      ...rule,
      ...(await evaluate(kernel, rule, queries, gallery)),
    });
  });

  test('draws for cuhk03-classic by a seed', async () => {
    const rule: SetRule = { protocol: 'cuhk03-classic', distance: 'cosine', draws: { repeats: 3, seed: 5 } };
    const found = await evaluated(...sets, '--protocol', 'cuhk03-classic', '--repeats', '3', '--seed', '5');
    expect(found).toStrictEqual({ ...rule, ...(await evaluateSets(kernel, rule, queries, gallery)).result });
  });

  test('lists the nearest of every query', async () => {
    const rule: SetRule = { protocol: 'market1501', distance: 'cosine', draws };
    const found = await evaluated(...sets, '--protocol', 'market1501', '--top-k', '3');
    const { nearest, scores } = await evaluateSets(kernel, rule, queries, gallery, { topK: 3 });
    expect(found.queries).toHaveLength(queries.count);
    for (const [query, entry] of found.queries.entries()) {
      expect(entry).toStrictEqual({
        query,
        identity: queries.identities[query],
        camera: queries.cameras[query],
        averagePrecision: scores[0].at(query).score?.averagePrecision ?? null,
        firstMatchRank: scores[0].at(query).score?.firstMatchRank ?? null,
        skipped: scores[0].at(query).score === undefined,
        nearest: nearest[0].of(query),
      });
    }
    await expect(evaluated(...sets, '--top-k', '51')).rejects.toThrow('from 1 to 50');
  });

  test('excludes by a rule from a file', async () => {
    const protocol = { drop: [{ sameGroup: true }], distractors: [0] };
    writeFileSync(path('rule.json'), JSON.stringify(protocol));
    const rule = { protocol, distance: 'cosine' } as const;
    expect(await evaluated(...sets, '--rule', path('rule.json'))).toStrictEqual({
      ...rule,
      ...(await evaluate(kernel, rule, queries, gallery)),
    });
  });

  test('adds intervals, verification and re-ranked figures where they are asked for', async () => {
    const found = await evaluated(
      ...sets,
      '--bootstrap',
      '1000',
      '--seed',
      '3',
      '--verification',
      '--rerank',
      '--k1',
      '9',
    );
    const { mAP, cmc, intervals, verification, reranked } = found;
    expect(intervals).toMatchObject({ resamples: 1000, seed: 3, confidence: 0.95 });
    expect(intervals.mAP[0]).toBeLessThan(mAP);
    expect(intervals.mAP[1]).toBeGreaterThan(mAP);
    expect(intervals.cmc1[0]).toBeLessThanOrEqual(cmc[1]);
    expect(verification.matchingPairs + verification.nonMatchingPairs).toBe(30 * 60);
    expect(verification.tarAtFar).toHaveLength(4);

    const options = { ...reRankingDefaults, k1: 9 };
    const distances = await reRank(kernel, queries, gallery, 'cosine', options, 2 ** 30);
    const rule: SetRule = { protocol: 'none', distance: 'cosine', draws };
    const { result } = await evaluateSets(kernel, rule, queries, gallery, { distances });
    expect(reranked).toMatchObject({ ...options, ...result });
    expect(reranked.intervals.resamples).toBe(1000);
  });
});

describe('sets', () => {
  const { groups: _, ...plain } = queries;
  const columns = (set: EmbeddingSet) =>
    Array.from({ length: set.count }, (_row, i) => [
      set.identities[i],
      set.cameras[i],
      [...set.features.subarray(i * set.dimension, (i + 1) * set.dimension)],
    ]);
  const expected = async () => {
    const rule = { protocol: 'market1501', distance: 'cosine' } as const;
    return { ...rule, ...(await evaluate(kernel, rule, plain, gallery)) };
  };
  const query = async (...parameters: string[]) =>
    evaluated('--query', ...parameters, '--gallery', path('g.npz'), '--protocol', 'market1501');

  test('may be .npy with labels beside it or elsewhere', async () => {
    const csv = ['identity,camera', ...columns(plain).map(([id, camera]) => `${id},${camera}`)].join('\n');
    writeFileSync(path('bare.npy'), serialiseNpy(plain.features, [30, 4]));
    writeFileSync(path('elsewhere.csv'), csv);
    await expect(query(path('bare.npy'))).rejects.toThrow(`its labels are looked for in ${path('bare.csv')}`);
    expect(await query(path('bare.npy'), '--query-labels', path('elsewhere.csv'))).toStrictEqual(
      await expected(),
    );
    writeFileSync(path('bare.csv'), csv);
    expect(await query(path('bare.npy'))).toStrictEqual(await expected());
  });

  test('may be JSON lines', async () => {
    const lines = columns(plain).map(([identity, camera, embedding]) => ({ identity, camera, embedding }));
    writeFileSync(path('q.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'));
    expect(await query(path('q.jsonl'))).toStrictEqual(await expected());
  });

  test('may be safetensors', async () => {
    const tensor = (shape: number[], values: ArrayLike<number>) => ({
      shape,
      data: Float32Array.from(values),
    });
    const tensors = new Map([
      ['features', tensor([30, 4], plain.features)],
      ['identities', tensor([30], plain.identities)],
      ['cameras', tensor([30], plain.cameras)],
    ]);
    writeFileSync(path('q.safetensors'), serialiseSafetensors({ tensors, metadata: {} }));
    expect(await query(path('q.safetensors'))).toStrictEqual(await expected());
  });

  test('may both be in one file, each taken by its option', async () => {
    const side = (set: EmbeddingSet, names: [string, string, string]) => ({
      [`${names[0]}.npy`]: serialiseNpy(set.features, [set.count, set.dimension]),
      [`${names[1]}.npy`]: serialiseNpy(set.identities, [set.count]),
      [`${names[2]}.npy`]: serialiseNpy(set.cameras, [set.count]),
    });
    const archive = zipSync({
      ...side(queries, ['qf', 'q_pids', 'q_camids']),
      ...side(gallery, ['gf', 'g_pids', 'g_camids']),
    });
    writeFileSync(path('both.npz'), archive);
    const both = ['--query', path('both.npz'), '--gallery', path('both.npz')];
    expect(await evaluated(...both, '--protocol', 'market1501')).toStrictEqual(await expected());
  });
});

describe('softmargin compare', () => {
  test('reads what --per-query wrote', async () => {
    const { mAP } = await evaluated(...sets, '--protocol', 'market1501', '--per-query', path('a.csv'));
    const other = await evaluated(
      ...[...sets, '--protocol', 'market1501', '--distance', 'euclidean'],
      ...['--per-query', path('b.csv')],
    );
    const lines = readFileSync(path('a.csv'), 'utf8').trim().split('\n');
    expect(lines[0]).toBe('query,identity,camera,averagePrecision,firstMatchRank,skipped');
    expect(lines).toHaveLength(31);
    const junk = queries.identities.findIndex((identity) => identity <= 0);
    expect(lines[junk + 1]).toBe(`${junk},${queries.identities[junk]},${queries.cameras[junk]},,,true`);

    const compared = JSON.parse(await compare(path('a.csv'), path('b.csv'), '--json'));
    expect(compared).toMatchObject({ resamples: 10_000, seed: 0, confidence: 0.95 });
    expect(compared.mAP.a).toBeCloseTo(mAP, 12);
    expect(compared.mAP.b).toBeCloseTo(other.mAP, 12);
    expect(compared.mAP.difference.mean).toBeCloseTo(other.mAP - mAP, 12);
    expect(await compare(path('a.csv'), path('a.csv'))).toMatch(/mAP .*within noise/);
  });

  test('refuses other queries, and says where they differ', async () => {
    const text = readFileSync(path('a.csv'), 'utf8');
    writeFileSync(path('c.csv'), text.replace(/^0,-?\d+/m, '0,99'));
    await expect(compare(path('a.csv'), path('c.csv'))).rejects.toThrow('Query number 0 has identity');
    writeFileSync(path('d.csv'), text.replace(/(true|false)$/m, 'maybe'));
    await expect(compare(path('a.csv'), path('d.csv'))).rejects.toThrow(
      'd.csv: line 2: skipped is "maybe", not true or false.',
    );
  });
});

test('the exit code is 3 where mAP is under what is asked for', () => {
  const withLimit = (limit: string) =>
    spawnSync(process.execPath, ['training/softmargin.mjs', 'evaluate', ...sets, '--fail-under-map', limit], {
      encoding: 'utf8',
    });
  const under = withLimit('1');
  expect(under.status).toBe(3);
  expect(under.stderr).toMatch(/^mAP is 0\.\d+, under 1\.\n$/);
  expect(under.stdout).toMatch(/^mAP +\d+\.\d\d %\n/);
  expect(withLimit('0.01').status).toBe(0);
});

describe('refuses', () => {
  test.each([
    ['a mAP in percent', ['--fail-under-map', '65'], 'a number from 0 to 1'],
    ['a rule and a protocol', ['--rule', 'r.json', '--protocol', 'all'], 'cannot be used with'],
    ['too few resamples', ['--bootstrap', '10'], 'a whole number from 1000 on'],
    ['a set against itself that is none', ['--protocol', 'all'], '30 queries, 60 gallery items'],
    ['groups that are no tracks', ['--protocol', 'veri776-track'], 'is not one track'],
    [
      're-ranking that would not fit',
      ['--rerank', '--rerank-memory', '1', '--k1', '400'],
      'the limit is 1048576 bytes',
    ],
    ['labels beside an archive', ['--query-labels', 'q.csv'], 'go with a bare .npy only'],
  ])('%s', async (_, parameters, message) => {
    await expect(run(evaluateCommand(), ...sets, ...parameters)).rejects.toThrow(message);
  });
});
