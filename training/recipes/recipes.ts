import { mnistToy } from './mnist-toy.ts';
import { mnistWide } from './mnist-wide.ts';
import type { Recipe } from './recipe.ts';

/** The recipes that come with softmargin, by name. */
export const recipes: ReadonlyMap<string, Recipe> = new Map([
  ['mnist-wide', mnistWide],
  ['mnist-toy', mnistToy],
]);
