import { describe, expect, test } from 'vitest';
import { kernel } from '../../test/kernel.ts';
import { quantised, randomSet, slowEvaluate, withGroups } from '../../test/slow-evaluation.ts';
import { createRandom } from '../random.ts';
import { evaluate } from './evaluate.ts';
import { bindRule, boundLocated, type ExclusionRule, parseExclusionRule } from './exclusion-rule.ts';

const random = createRandom(11);
const queries = withGroups(random, randomSet(random, 40, 3, quantised));
const gallery = withGroups(random, randomSet(random, 90, 3, quantised));

const rules: [string, ExclusionRule][] = [
  ['nothing', { drop: [], distractors: [] }],
  ['same identity and camera', { drop: [{ sameIdentity: true, sameCamera: true }], distractors: [] }],
  ['another camera', { drop: [{ sameCamera: false }], distractors: [0] }],
  ['same group, or a camera', { drop: [{ sameGroup: true }, { galleryCamera: 2 }], distractors: [-1, 0] }],
  [
    'one camera against one other',
    {
      drop: [
        { queryCamera: 1, galleryCamera: 2 },
        { queryIdentity: 3, sameGroup: false },
      ],
      distractors: [],
    },
  ],
  [
    'groups and identities',
    { drop: [{ queryGroup: 0, galleryGroup: 1, galleryIdentity: 2 }], distractors: [4] },
  ],
];

describe.each(rules)('%s', (_, protocol) => {
  test('no query has more matches and items left out than its bound', () => {
    const { matches, leftOut } = bindRule(protocol, queries, gallery);
    const bound = boundLocated(protocol, queries, gallery);
    for (let query = 0; query < queries.count; query++) {
      expect(bound(query)).toBeGreaterThanOrEqual(matches(query).length + leftOut(query).length);
    }
  });

  test.each(['cosine', 'euclidean'] as const)('is what the slow way finds, by %s', async (distance) => {
    const rule = { protocol, distance };
    const found = await evaluate(kernel, rule, queries, gallery);
    const expected = slowEvaluate(rule, queries, gallery);
    expect(found.validQueries).toBeGreaterThan(0);
    expect(found.validQueries).toBe(expected.validQueries);
    expect(found.cmc).toEqual(expected.cmc);
    for (const name of ['mAP', 'mAPTrapezoid', 'mAPAtR', 'rPrecision', 'mINP'] as const) {
      expect(found[name], name).toBeCloseTo(expected[name] as number, 12);
    }
  });
});

test('market1501 written as a rule gives the same bits', async () => {
  const protocol = parseExclusionRule({
    drop: [{ sameIdentity: true, sameCamera: true }, { galleryIdentity: -1 }],
    distractors: [0],
  });
  expect(await evaluate(kernel, { protocol, distance: 'cosine' }, queries, gallery)).toStrictEqual(
    await evaluate(kernel, { protocol: 'market1501', distance: 'cosine' }, queries, gallery),
  );
});

test('without groups, a rule that asks for them is refused', () => {
  const { groups: _, ...plain } = gallery;
  const message = (set: string) => `The rule asks for groups, and the ${set} set has none.`;
  const sameGroup = { drop: [{ sameGroup: true }], distractors: [] };
  expect(() => bindRule(sameGroup, queries, plain)).toThrow(message('gallery'));
  expect(() => bindRule(sameGroup, plain, gallery)).toThrow(message('query'));
  expect(() => bindRule({ drop: [{ galleryGroup: 1 }], distractors: [] }, plain, gallery)).not.toThrow();
});

test.each([
  ['nothing', undefined, /^rule: /],
  ['no drop', {}, /^drop: /],
  ['an unknown field', { drop: [], keep: [] }, /^rule: .*"keep"/],
  [
    'an unknown condition',
    { drop: [{ sameIdentity: true }, { sameColour: true }] },
    /^drop\[1\]: .*"sameColour"/,
  ],
  ['a condition of another type', { drop: [{ sameIdentity: 1 }] }, /^drop\[0\]\.sameIdentity: /],
  ['a label that is no whole number', { drop: [{ galleryIdentity: 0.5 }] }, /^drop\[0\]\.galleryIdentity: /],
  ['a label beyond 32 bits', { drop: [{ galleryIdentity: 2 ** 31 }] }, /^drop\[0\]\.galleryIdentity: /],
  ['an empty condition', { drop: [{}] }, /^drop\[0\]: a condition without a field would drop every item\.$/],
  ['distractors that are none', { drop: [], distractors: 0 }, /^distractors: /],
])('refuses %s and names the field', (_, value, message) => {
  expect(() => parseExclusionRule(value)).toThrow(message);
});

test('the bound counts an item for each single condition that may leave it out', () => {
  const labels = (cameras: number[]) => ({
    identities: new Int32Array(cameras.length).fill(1),
    cameras: Int32Array.from(cameras),
  });
  const bound = (drop: ExclusionRule['drop']) =>
    boundLocated({ drop, distractors: [] }, labels([2]), labels([2, 2, 2, 5]))(0) - 4;
  expect(bound([])).toBe(0);
  // What no list has is located for nobody.
  expect(bound([{ galleryCamera: 2 }])).toBe(0);
  expect(bound([{ sameCamera: true }])).toBe(3);
  expect(bound([{ sameCamera: false }])).toBe(1);
  expect(bound([{ sameIdentity: true, galleryCamera: 5 }])).toBe(1);
  expect(bound([{ queryCamera: 3, sameIdentity: true }])).toBe(0);
  expect(bound([{ sameCamera: true }, { sameCamera: false }])).toBe(4);
});
