import type { SetProtocol } from '@softmargin/shared/metrics/evaluate-sets.ts';

/** The protocols by name, and what the list of a query is in each. */
export const PROTOCOLS: readonly { readonly name: SetProtocol; readonly list: string }[] = [
  { name: 'none', list: 'Each query is ranked against the whole gallery.' },
  { name: 'all', list: 'A set against itself: each query against all other items.' },
  {
    name: 'market1501',
    list: 'Without junk (identity −1) and without items of the query’s identity and camera; identity 0 is a distractor.',
  },
  {
    name: 'veri776',
    list: 'Without junk (identity −1) and without items of the query’s identity and camera; identity 0 is a distractor.',
  },
  {
    name: 'veri776-track',
    list: 'The rule of veri776 over tracks: a track is as near as its nearest image.',
  },
  {
    name: 'cuhk03-np',
    list: 'Without junk (identity −1) and without items of the query’s identity and camera; identity 0 is a distractor.',
  },
  {
    name: 'cuhk03-classic',
    list: 'Without items of the query’s identity and camera; CMC is the mean over seeded draws of one item an identity.',
  },
];
