import * as answers from '@softmargin/functions/openapi/answers.ts';
import type { PairedComparison } from '@softmargin/shared/metrics/paired-comparison.ts';
import type { QueryEntry } from '@softmargin/shared/metrics/query-entry.ts';
import type { EvaluationFindings } from '@softmargin/shared/metrics/report.ts';
import * as z from 'zod';

/*
 * What the console reads of the API: the schemas of its document, and where that leaves a part open, the type of the
 * code that makes it.
 */

export type Model = z.infer<typeof answers.modelSchema>;
export type StoredSet = z.infer<typeof answers.setSchema>;
export type Item = z.infer<typeof answers.itemsSchema>['data'][number];
export type Key = z.infer<typeof answers.keySchema>;
export type Neighbour = z.infer<typeof answers.searchResultsSchema>['data'][number]['results'][number];

/** As an answer, or as an event of one that was deleted while it was watched. */
export const evaluationSchema = answers.evaluationSchema.extend({
  result: z
    .custom<EvaluationFindings>(
      (value) => answers.evaluationSchema.shape.result.unwrap().safeParse(value).success,
    )
    .optional(),
});
export type Evaluation = z.infer<typeof evaluationSchema>;

export const evaluationsSchema = answers.evaluationsSchema.extend({ data: z.array(evaluationSchema) });

export const queriesSchema = answers.queriesSchema.extend({
  data: z.array(
    z.custom<QueryEntry>((value) => answers.queriesSchema.shape.data.element.safeParse(value).success),
  ),
});

export const comparisonSchema = z.intersection(
  answers.comparisonSchema,
  z.custom<PairedComparison & { readonly confidence: number }>(),
);

export {
  createdKeySchema,
  embeddingsSchema,
  itemsSchema,
  keySchema,
  keysSchema,
  modelsSchema,
  modelWithManifestSchema,
  searchResultsSchema,
  setSchema,
  setsSchema,
  storedSetSchema,
} from '@softmargin/functions/openapi/answers.ts';
