import type { GalleryReader } from './gallery-distances.ts';
import type { Labels } from './protocols.ts';

/** The tracks of a gallery, numbered in the order in which their first items come. */
export interface Tracks {
  /** Identity and camera of every track. */
  readonly labels: Labels;
  /** The track of every gallery item. */
  readonly trackOf: Int32Array;
  /** The first gallery item of every track. */
  readonly firstOf: Int32Array;
}

/** What is wrong with the tracks of a gallery. */
export class TrackError extends Error {
  override readonly name = 'TrackError';
}

/**
 * The tracks of a gallery: items of one group are one track. A track is one vehicle under one camera.
 *
 * @throws {TrackError} if there are no groups, or one spans two identities or two cameras.
 */
export function gatherTracks({ identities, cameras, groups }: Labels): Tracks {
  if (groups === undefined) {
    throw new TrackError('Tracks are the groups of the gallery set, and it has no groups.');
  }
  const first: number[] = [];
  const numbers = new Map<number, number>();
  const trackOf = Int32Array.from(groups, (group, item) => {
    let track = numbers.get(group);
    if (track === undefined) {
      track = first.length;
      numbers.set(group, track);
      first.push(item);
    }
    for (const [name, labels] of [
      ['identity', identities],
      ['camera', cameras],
    ] as const) {
      if (labels[item] !== labels[first[track]]) {
        throw new TrackError(
          `Group ${group} of the gallery is not one track: item ${first[track]} has ${name} ${labels[first[track]]}, item ${item} has ${labels[item]}.`,
        );
      }
    }
    return track;
  });
  return {
    labels: {
      identities: Int32Array.from(first, (item) => identities[item]),
      cameras: Int32Array.from(first, (item) => cameras[item]),
    },
    trackOf,
    firstOf: Int32Array.from(first),
  };
}

/**
 * Reads a gallery of images as a gallery of its tracks. The distance of a query to a track is that to its
 * nearest image: VeRi-776's image-to-track search (Liu et al., "PROVID: Progressive and Multimodal Vehicle
 * Reidentification for Large-Scale Urban Surveillance", IEEE Transactions on Multimedia, 2018), where the
 * similarity of an image and a track is the largest of the image and the track's images. Ranked by the rule
 * of `market1501` over tracks, it drops the tracks of the query's own identity and camera, as theirs does.
 *
 * Images are read once, whichever tracks are wanted. In memory is one number for each query and track.
 */
export function readTracks(
  images: GalleryReader,
  { trackOf, labels }: Tracks,
  queries: { readonly start: number; readonly count: number },
): GalleryReader {
  const tracks = labels.identities.length;
  let nearest: Float64Array | undefined;
  const read = async () => {
    const distances = new Float64Array(queries.count * tracks).fill(Number.POSITIVE_INFINITY);
    for await (const block of images(() => true)) {
      for (let q = 0; q < queries.count; q++) {
        const row = block.row(queries.start + q);
        const offset = q * tracks;
        for (let j = 0; j < block.count; j++) {
          const place = offset + trackOf[block.start + j];
          if (row[j] < distances[place]) distances[place] = row[j];
        }
      }
    }
    return distances;
  };
  return async function* (wanted) {
    if (!wanted(0, tracks)) return;
    nearest ??= await read();
    const distances = nearest;
    const rowOf = (query: number) => (query - queries.start) * tracks;
    yield {
      start: 0,
      count: tracks,
      pair: (query, track) => distances[rowOf(query) + track],
      row: (query) => distances.subarray(rowOf(query), rowOf(query) + tracks),
    };
  };
}
