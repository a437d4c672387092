import { join } from 'node:path';
import type { ProtocolName } from '@softmargin/shared/metrics/protocols.ts';
import type { DatasetSplit, FileDataset } from './dataset.ts';
import { type HoldOut, holdOutIdentities } from './hold-out.ts';
import { loadNamedFiles } from './identity-camera-names.ts';
import { countWarnings } from './published-counts.ts';

/** Pictures to train on, queries and gallery, as published. */
export interface PublishedSizes {
  readonly train: number;
  readonly query: number;
  readonly gallery: number;
}

/** The layout of Market-1501: `bounding_box_train`, `query` and `bounding_box_test`. */
export async function loadBoundingBoxFolders(
  name: string,
  directory: string,
  options: {
    readonly published: PublishedSizes;
    readonly protocol: ProtocolName;
    readonly holdOut: HoldOut | undefined;
  },
): Promise<DatasetSplit> {
  const [train, query, gallery] = await Promise.all([
    loadNamedFiles(`${name} (train)`, join(directory, 'bounding_box_train')),
    loadNamedFiles(`${name} (query)`, join(directory, 'query')),
    loadNamedFiles(`${name} (gallery)`, join(directory, 'bounding_box_test')),
  ]);
  const split = publishedSplit(name, options, {
    train: train.dataset,
    query: query.dataset,
    gallery: gallery.dataset,
  });
  const junk = gallery.junk === 0 ? '' : `; ${gallery.junk} junk pictures left out`;
  return {
    ...split,
    description: `the folders bounding_box_train, query and bounding_box_test${junk}${split.description}`,
    warnings: [...split.warnings, ...train.warnings, ...query.warnings, ...gallery.warnings],
  };
}

/** A split by its three parts, with a warning for each part that is not of the published size. */
export function publishedSplit(
  name: string,
  options: {
    readonly published: PublishedSizes;
    readonly protocol: ProtocolName;
    readonly holdOut: HoldOut | undefined;
  },
  parts: { readonly train: FileDataset; readonly query: FileDataset; readonly gallery: FileDataset },
): DatasetSplit {
  const { published, protocol, holdOut } = options;
  const { train, query, gallery } = parts;
  return {
    name,
    description: holdOut ? `; ${holdOut.identities} identities held out, seed ${holdOut.seed}` : '',
    ...(holdOut ? holdOutIdentities(train, holdOut, protocol) : { train }),
    test: { query, gallery, protocol },
    warnings: countWarnings(name, [
      { what: 'training pictures', found: train.count, published: published.train },
      { what: 'queries', found: query.count, published: published.query },
      { what: 'gallery pictures', found: gallery.count, published: published.gallery },
    ]),
  };
}
