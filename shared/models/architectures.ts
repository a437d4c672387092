import { conv4 } from './conv4.ts';
import type { Architecture } from './layers.ts';
import { mnist2d } from './mnist-2d.ts';
import { mnistWide } from './mnist-wide.ts';
import { mobilenetV2 } from './mobilenet-v2.ts';
import { osnetAinX10, osnetX05, osnetX10, osnetX025, osnetX075 } from './osnet.ts';
import { resnet50, resnet50Gem, resnet50IbnA, resnet50IbnAGem } from './resnet50.ts';

/** Every architecture by its name. */
export const architectures: ReadonlyMap<string, Architecture> = new Map(
  [
    mnist2d,
    mnistWide,
    conv4,
    resnet50,
    resnet50Gem,
    resnet50IbnA,
    resnet50IbnAGem,
    osnetX025,
    osnetX05,
    osnetX075,
    osnetX10,
    osnetAinX10,
    mobilenetV2,
  ].map((architecture) => [architecture.name, architecture]),
);
