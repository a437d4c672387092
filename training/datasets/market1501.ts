import { loadBoundingBoxFolders } from './bounding-box-folders.ts';
import type { DatasetSplit } from './dataset.ts';
import type { HoldOut } from './hold-out.ts';

/** The gallery is counted after the 3,819 junk pictures of identity −1 are left out. */
const PUBLISHED = { train: 12_936, query: 3_368, gallery: 15_913 };

/**
 * Market-1501 (Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015) from its folders, or
 * from the folder that holds `Market-1501-v15.09.15`'s content. Identity 0 in the gallery is a distractor.
 */
export function loadMarket1501(directory: string, holdOut?: HoldOut): Promise<DatasetSplit> {
  return loadBoundingBoxFolders('market1501', directory, {
    published: PUBLISHED,
    protocol: 'market1501',
    holdOut,
  });
}
