import type { Architecture } from './layers.ts';
import { mnist2d } from './mnist-2d.ts';
import { mnistWide } from './mnist-wide.ts';

/** Every architecture by its name. */
export const architectures: ReadonlyMap<string, Architecture> = new Map(
  [mnist2d, mnistWide].map((architecture) => [architecture.name, architecture]),
);
