import type * as z from 'zod';
import { type StoredSet, setsSchema } from './answers.ts';
import { requestJson } from './request.ts';

/** All sets, by name. */
export async function listSets(signal?: AbortSignal): Promise<StoredSet[]> {
  const sets: StoredSet[] = [];
  for (;;) {
    const after = sets.length === 0 ? '' : `?after=${encodeURIComponent(sets[sets.length - 1].id)}`;
    const page: z.infer<typeof setsSchema> = await requestJson(setsSchema, `/v1/sets${after}`, { signal });
    sets.push(...page.data);
    if (!page.hasMore) return sets;
  }
}
