import { reIdentification } from './re-identification.ts';

/** VeRi-776: vehicles, square. */
export const veri776 = reIdentification({ name: 'veri776' }, 37_778, { height: 256, width: 256 });
