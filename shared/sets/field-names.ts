import { SetError } from './embedding-set.ts';

/** Which of two sets that lie in one file: a query side (`qf`, `q_pids`, …) and a gallery side (`gf`, …). */
export type Side = 'query' | 'gallery';

type Field = 'features' | 'identities' | 'cameras' | 'groups';

/** Names that arrays have on disk, by field: on neither side, or on one (as torchreid-like scripts save them). */
const NAMES: Readonly<
  Record<Field, { readonly neutral: readonly string[] } & Readonly<Record<Side, string>>>
> = {
  features: { neutral: ['feat', 'feats', 'embeddings'], query: 'qf', gallery: 'gf' },
  identities: { neutral: ['pids', 'ids', 'labels'], query: 'q_pids', gallery: 'g_pids' },
  cameras: { neutral: ['camids'], query: 'q_camids', gallery: 'g_camids' },
  groups: { neutral: [], query: 'q_groups', gallery: 'g_groups' },
};

/** The names under which a file has the parts of a set. */
export interface FieldNames extends Readonly<Record<Exclude<Field, 'groups'>, string>> {
  readonly groups: string | undefined;
}

/**
 * Finds the parts of a set among the arrays of a file. A field's own name comes first; else one other name
 * of it has to be there, and only one.
 *
 * @param side of a file that holds two sets; without it, such a file is refused.
 * @throws {SetError} if a field is missing or could be two of the arrays.
 */
export function chooseFields(present: readonly string[], side?: Side): FieldNames {
  const choose = (field: Field): string | undefined => {
    if (present.includes(field)) return field;
    const { neutral, query, gallery } = NAMES[field];
    const sides = side === undefined ? [query, gallery] : [NAMES[field][side]];
    const found = [...neutral, ...sides].filter((name) => present.includes(name));
    if (found.length <= 1) return found[0];
    if (found.includes(query) && found.includes(gallery)) {
      throw new SetError(
        field,
        `The file holds two sets, a query side ("${query}") and a gallery side ("${gallery}"). Say which one: the command line takes the side by its option, --query or --gallery; for an upload, save each side to a file of its own.`,
      );
    }
    throw new SetError(
      field,
      `The file has ${found.map((name) => `"${name}"`).join(' and ')}: which of them holds the ${field} is not clear. Save it under "${field}".`,
    );
  };
  const require = (field: Field): string => {
    const name = choose(field);
    if (name !== undefined) return name;
    const wanted = side === undefined ? `"${field}"` : `"${field}" or "${NAMES[field][side]}"`;
    throw new SetError(field, `The archive has no array ${wanted}; it has ${present.join(', ') || 'none'}.`);
  };
  return {
    features: require('features'),
    identities: require('identities'),
    cameras: require('cameras'),
    groups: choose('groups'),
  };
}
