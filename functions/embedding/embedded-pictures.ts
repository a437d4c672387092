import * as z from 'zod';
import type { FailedPicture } from '../sets/store-pictures.ts';

/** What a shard of pictures leaves: the embeddings of those that have one, row-major, and about the others. */
export type EmbeddedPictures = Readonly<Record<'rows' | 'problems', Uint8Array>>;

const problemsSchema = z.array(
  z.strictObject({ index: z.int(), path: z.string(), message: z.string(), code: z.string() }),
);

/** What a shard says of pictures that have no embedding. */
export function parseProblems({ problems }: EmbeddedPictures): readonly FailedPicture[] {
  return problemsSchema.parse(JSON.parse(new TextDecoder().decode(problems)));
}
