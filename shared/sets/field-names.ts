import { SetError } from './embedding-set.ts';

/** Which of two sets that lie in one file: a query side (`qf`, `q_pids`, …) and a gallery side (`gf`, …). */
export type Side = 'query' | 'gallery';

/** A part of a set. */
export type Field = 'features' | 'identities' | 'cameras' | 'groups';

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
  const require = (field: Field): string => {
    const name = choose(field, present, side);
    if (name !== undefined) return name;
    const wanted = side === undefined ? `"${field}"` : `"${field}" or "${NAMES[field][side]}"`;
    throw new SetError(field, `The archive has no array ${wanted}; it has ${present.join(', ') || 'none'}.`);
  };
  return {
    features: require('features'),
    identities: require('identities'),
    cameras: require('cameras'),
    groups: choose('groups', present, side),
  };
}

/** Finds the parts of a set among arrays whose names come one by one, by the rules of {@link chooseFields}. */
export class FieldChoice {
  readonly #side: Side | undefined;
  readonly #present: string[] = [];

  constructor(side?: Side) {
    this.#side = side;
  }

  /**
   * @returns the field that the array is to be read as: it takes the place of one of another name that came
   * before. `undefined` where it is none.
   * @throws {SetError} if the field could be two of the arrays.
   */
  fieldOf(name: string): Field | undefined {
    const field = FIELDS.find((each) => namesOf(each, this.#side).includes(name));
    if (field === undefined) return undefined;
    if (this.#present.includes(name)) throw new SetError(field, `${name}: the file has it twice.`);
    this.#present.push(name);
    return choose(field, this.#present, this.#side) === name ? field : undefined;
  }
}

const FIELDS = Object.keys(NAMES) as Field[];

function namesOf(field: Field, side: Side | undefined): string[] {
  const { neutral, query, gallery } = NAMES[field];
  return [field, ...neutral, ...(side === undefined ? [query, gallery] : [NAMES[field][side]])];
}

function choose(field: Field, present: readonly string[], side: Side | undefined): string | undefined {
  const { query, gallery } = NAMES[field];
  const found = namesOf(field, side).filter((name) => present.includes(name));
  if (found.length <= 1 || found[0] === field) return found[0];
  if (found.includes(query) && found.includes(gallery)) {
    throw new SetError(
      field,
      `The file holds two sets, a query side ("${query}") and a gallery side ("${gallery}"). Say which one: the command line takes the side by its option, --query or --gallery; an upload by ?side=query or ?side=gallery.`,
    );
  }
  throw new SetError(
    field,
    `The file has ${found.map((name) => `"${name}"`).join(' and ')}: which of them holds the ${field} is not clear. Save it under "${field}".`,
  );
}
