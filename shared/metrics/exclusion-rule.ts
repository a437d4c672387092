import * as z from 'zod';
import { indicesByIdentity } from '../sets/identities.ts';
import type { Labels, Protocol } from './protocols.ts';
import { countLabels } from './shards.ts';

const label = z.int32();

/** What has to hold of a query and a gallery item, all of it. `false` asks for the opposite. */
const conditionSchema = z
  .strictObject({
    sameIdentity: z.boolean(),
    sameCamera: z.boolean(),
    sameGroup: z.boolean(),
    queryIdentity: label,
    queryCamera: label,
    queryGroup: label,
    galleryIdentity: label,
    galleryCamera: label,
    galleryGroup: label,
  })
  .partial()
  .refine((condition) => Object.keys(condition).length > 0, {
    message: 'a condition without a field would drop every item',
  });

/**
 * An exclusion rule as data. A gallery item is left out of a query's list where any condition of `drop`
 * holds, and a condition holds where all of its fields do. Items of the identities in `distractors` are
 * kept and match nothing.
 *
 * Market-1501's protocol in this form:
 *
 *     {
 *       "drop": [{ "sameIdentity": true, "sameCamera": true }, { "galleryIdentity": -1 }],
 *       "distractors": [0]
 *     }
 */
export const exclusionRuleSchema = z.strictObject({
  drop: z.array(conditionSchema),
  distractors: z.array(label).default([]),
});

export type ExclusionRule = z.infer<typeof exclusionRuleSchema>;

type Condition = z.infer<typeof conditionSchema>;

/** An exclusion rule that is not one. The message names the field. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
}

/** @throws {RuleError} that names the first field that is wrong. */
export function parseExclusionRule(value: unknown): ExclusionRule {
  const parsed = exclusionRuleSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0];
  const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  throw new RuleError(`${field.replace(/^\./, '') || 'rule'}: ${message}.`);
}

/** Binds a rule to labels. @throws {RuleError} if it asks for groups and a set has none. */
export function bindRule(rule: ExclusionRule, queries: Labels, gallery: Labels): Protocol {
  const items = gallery.identities.length;
  // Conditions on the gallery alone hold for every query: what they drop is in no list.
  const bound = (ofGallery: boolean) =>
    rule.drop
      .filter((condition) => isOfGallery(condition) === ofGallery)
      .map((condition) => bindCondition(condition, queries, gallery));
  const [general, single] = [bound(true), bound(false)];
  const drops = (item: number) => general.some((holds) => holds(0, item));
  const isLeftOut = (query: number, item: number) => single.some((holds) => holds(query, item));
  const keeps = (query: number, item: number) => !drops(item) && !isLeftOut(query, item);
  const itemsOf = indicesByIdentity(gallery.identities, new Set(queries.identities));
  const sameIdentity = (query: number) => itemsOf.get(queries.identities[query]) ?? [];
  // Where only items of the query's own identity can be left out, the others are not looked at.
  const isOfIdentity = rule.drop.every(
    (condition) => isOfGallery(condition) || condition.sameIdentity === true,
  );
  const leftOut = (query: number) => {
    const isOut = (item: number) => isLeftOut(query, item) && !drops(item);
    if (isOfIdentity) return sameIdentity(query).filter(isOut);
    const found: number[] = [];
    for (let item = 0; item < items; item++) if (isOut(item)) found.push(item);
    return found;
  };
  let dropped = 0;
  for (let item = 0; item < items; item++) dropped += Number(drops(item));
  const distractors = new Set(rule.distractors);
  return {
    keeps,
    drops,
    leftOut,
    keptCount: (query) => items - dropped - leftOut(query).length,
    matches(query) {
      const identity = queries.identities[query];
      if (distractors.has(identity)) return [];
      return sameIdentity(query).filter((item) => keeps(query, item));
    },
  };
}

/**
 * How many gallery items a rule may leave out for a query, at most, and match: what ranking looks at one by one.
 * Found from counts of labels alone, without a look at each pair.
 */
export function boundLocated(
  rule: ExclusionRule,
  queries: Labels,
  gallery: Labels,
): (query: number) => number {
  const items = gallery.identities.length;
  const ofColumn = (ofQueries?: Int32Array, ofGallery?: Int32Array) => {
    const counts = countLabels(ofGallery ?? new Int32Array(0));
    const of = (value: number) => counts.get(value) ?? 0;
    return { label: (query: number) => ofQueries?.[query], of };
  };
  const columns = [
    ['Identity', ofColumn(queries.identities, gallery.identities)],
    ['Camera', ofColumn(queries.cameras, gallery.cameras)],
    ['Group', ofColumn(queries.groups, gallery.groups)],
  ] as const;
  const single = rule.drop.filter((condition) => !isOfGallery(condition));
  const most = (condition: Condition, query: number) => {
    let bound = items;
    for (const [name, { label, of }] of columns) {
      const own = label(query) ?? 0;
      const same = condition[`same${name}`];
      const queryValue = condition[`query${name}`];
      const galleryValue = condition[`gallery${name}`];
      if (same !== undefined) bound = Math.min(bound, same ? of(own) : items - of(own));
      if (queryValue !== undefined && queryValue !== own) bound = 0;
      if (galleryValue !== undefined) bound = Math.min(bound, of(galleryValue));
    }
    return bound;
  };
  const ofIdentity = columns[0][1].of;
  return (query) =>
    single.reduce((sum, condition) => sum + most(condition, query), ofIdentity(queries.identities[query]));
}

function isOfGallery(condition: Condition): boolean {
  return Object.keys(condition).every((field) => field.startsWith('gallery'));
}

function bindCondition(
  condition: Condition,
  queries: Labels,
  gallery: Labels,
): (query: number, item: number) => boolean {
  const tests: ((query: number, item: number) => boolean)[] = [];
  const compare = (
    name: 'Identity' | 'Camera' | 'Group',
    ofQueries: Int32Array | undefined,
    ofGallery: Int32Array | undefined,
  ) => {
    const same = condition[`same${name}`];
    const queryValue = condition[`query${name}`];
    const galleryValue = condition[`gallery${name}`];
    const column = (labels: Int32Array | undefined, set: string): Int32Array => {
      if (labels === undefined) {
        throw new RuleError(`The rule asks for groups, and the ${set} set has none.`);
      }
      return labels;
    };
    if (same !== undefined) {
      const [left, right] = [column(ofQueries, 'query'), column(ofGallery, 'gallery')];
      tests.push((query, item) => (left[query] === right[item]) === same);
    }
    if (queryValue !== undefined) {
      const labels = column(ofQueries, 'query');
      tests.push((query) => labels[query] === queryValue);
    }
    if (galleryValue !== undefined) {
      const labels = column(ofGallery, 'gallery');
      tests.push((_, item) => labels[item] === galleryValue);
    }
  };
  compare('Identity', queries.identities, gallery.identities);
  compare('Camera', queries.cameras, gallery.cameras);
  compare('Group', queries.groups, gallery.groups);
  return (query, item) => tests.every((holds) => holds(query, item));
}
