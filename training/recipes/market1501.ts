import { reIdentification } from './re-identification.ts';

/** Market-1501. */
export const market1501 = reIdentification({ name: 'market1501' }, 12_936, { height: 256, width: 128 });
