import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { structureOf } from '@softmargin/shared/models/structure.ts';
import * as z from 'zod';
import { channelStatistics } from '../datasets/channel-statistics.ts';
import type { DatasetSplit, RankingSplit } from '../datasets/dataset.ts';
import type { Recipe } from '../recipes/recipe.ts';

/**
 * The manifest of what a recipe makes of a data set, without scores: training prepares pictures as it says, so
 * that the service will prepare them the same way.
 *
 * @throws {Error} if the model does not take the recipe's input; if the recipe takes channel statistics from pictures that are not in memory, or has not one
 *   for each channel.
 */
export function describe(name: string, recipe: Recipe, split: DatasetSplit): Manifest {
  const architecture = architectures.get(recipe.model) as Architecture;
  const input = { ...architecture.input, ...recipe.input };
  if (recipe.input !== null) checkInput(architecture, recipe.input);
  const { train, test } = split;
  const { mean, deviation } = channelsOf(recipe, split);
  for (const [field, { length }] of Object.entries({ mean, deviation })) {
    if (length !== input.channels) {
      throw new Error(
        `The recipe's preprocessing.channels has ${length} values of ${field}; ${recipe.model} takes ${input.channels} channels.`,
      );
    }
  }
  return {
    format: 1,
    name,
    architecture: recipe.model,
    input,
    preprocessing: {
      resize: 'bilinear-antialiased',
      invert: recipe.preprocessing.invert,
      mean: [...mean],
      deviation: [...deviation],
    },
    embedding: { dimension: architecture.dimension, distance: 'cosine' },
    recipe: jsonSchema.parse(recipe),
    dataset: {
      name: train.name,
      trainImages: train.count,
      testImages: imagesOf(test),
      identities: new Set(train.identities).size,
      split: split.description,
    },
    scores: {},
  };
}

function checkInput(architecture: Architecture, size: NonNullable<Recipe['input']>): void {
  const { name, input, resizable } = architecture;
  if (!resizable && (size.height !== input.height || size.width !== input.width)) {
    throw new Error(
      `The recipe's input is ${size.height}×${size.width}; ${name} takes ${input.height}×${input.width}.`,
    );
  }
  structureOf(architecture, size);
}

const jsonSchema = z.record(z.string(), z.json());

function imagesOf(test: RankingSplit | undefined): number {
  if (test === undefined) return 0;
  return test.query === test.gallery ? test.query.count : test.query.count + test.gallery.count;
}

function channelsOf({ preprocessing }: Recipe, { train }: DatasetSplit) {
  if (preprocessing.channels !== 'training-set') return preprocessing.channels;
  if ('pixels' in train) return channelStatistics(train);
  throw new Error(
    `The recipe's preprocessing.channels is "training-set", and the pictures of ${train.name} are files: give mean and deviation.`,
  );
}
