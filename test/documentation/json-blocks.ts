import * as answers from '@softmargin/client/answers.ts';
import { exclusionRuleSchema } from '@softmargin/shared/metrics/exclusion-rule.ts';
import * as z from 'zod';
import { logLineSchema } from '../../training/loop/run-log.ts';
import { recipeSchema } from '../../training/recipes/recipe.ts';
import { configurationFileSchema } from '../../training/service/configuration.ts';

/** What the blocks of JSON of each page are, in their order: what the code that writes or reads them says. */
export const schemasOfPages: Readonly<Record<string, readonly z.ZodType[]>> = {
  'docs/api.md': [z.looseObject({ level: z.literal('info'), event: z.literal('request') })],
  'docs/command-line.md': [configurationFileSchema],
  'docs/embeddings.md': [answers.embeddingsSchema, answers.searchSchema],
  'docs/errors.md': [
    z.strictObject({
      error: z.strictObject({ message: z.string(), type: z.string(), param: z.string(), code: z.string() }),
    }),
  ],
  'docs/evaluation.md': [exclusionRuleSchema],
  'docs/evaluation-jobs.md': [exclusionRuleSchema],
  'docs/experiments/omniglot-losses.md': [recipeSchema],
  'docs/training.md': [logLineSchema],
};

/** The values of a block: one, or one a line. What is left out of it (…) stands for what there may be: a digest. */
export function valuesOf(text: string): unknown[] {
  const whole = text.replaceAll(/, …(?=[\]}])/g, '').replaceAll(/"(…|<[^>]*>)"/g, `"${'0'.repeat(64)}"`);
  return (/^\{.*\}\n\{/.test(whole) ? whole.trimEnd().split('\n') : [whole]).map((part) => JSON.parse(part));
}
