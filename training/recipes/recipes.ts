import { mnist2dRecipe } from './mnist-2d.ts';
import { mnistWideRecipe } from './mnist-wide.ts';
import type { Recipe } from './recipe.ts';

/** The recipes that come with softmargin, by name. */
export const recipes: ReadonlyMap<string, Recipe> = new Map([
  ['mnist-wide', mnistWideRecipe],
  ['mnist-2d', mnist2dRecipe],
]);
