import type { EmbeddingSet } from '../shared/sets/embedding-set.ts';
import { readData, readDataText } from './data.ts';

/** The files of the fixture: Grocery Store by 256-d MobileNet features. */
export const GROCERY = ['eval-fixtures/grocery-mobilenet256.json', 'eval-fixtures/grocery-mobilenet256.f32'];

/** What an implementation reported; not each reports everything. */
export interface Reference {
  readonly mAP: number;
  readonly mINP?: number;
  readonly cmc?: Readonly<Record<string, number>>;
}

/** Its queries and gallery, and what published implementations find by each kind of distance. */
export function loadGrocery() {
  const described = JSON.parse(readDataText(GROCERY[0])) as {
    n: number;
    dim: number;
    ids: number[];
    cams: number[];
    isQuery: number[];
    expected: Record<string, Record<string, Reference> & { validQueries: number }>;
  };
  const { n, dim, ids, cams, isQuery, expected } = described;
  const features = new Float32Array(readData(GROCERY[1]).buffer);
  const select = (wanted: number): EmbeddingSet => {
    const items = Array.from({ length: n }, (_, i) => i).filter((i) => isQuery[i] === wanted);
    return {
      count: items.length,
      dimension: dim,
      features: Float32Array.from(items.flatMap((i) => [...features.subarray(i * dim, (i + 1) * dim)])),
      identities: Int32Array.from(items, (i) => ids[i]),
      cameras: Int32Array.from(items, (i) => cams[i]),
    };
  };
  return { queries: select(1), gallery: select(0), expected };
}
