import { didYouMean } from '../terminal/did-you-mean.ts';
import { UsageError } from '../terminal/exit-codes.ts';
import type { Recipe } from './recipe.ts';
import { parseRecipe } from './recipe.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * A recipe with fields of one's own, written `optimiser.learningRate=1e-3` or `losses.0.scale=16`: the path to
 * a field and its value as JSON. What is no JSON is taken as text, so that names need no quotes.
 *
 * @throws {UsageError} that names the field: it is not in the recipe, or its value is not allowed.
 */
export function overrideRecipe(recipe: Recipe, overrides: readonly string[]): Recipe {
  const changed = structuredClone(recipe) as unknown as Json;
  for (const override of overrides) {
    const equals = override.indexOf('=');
    if (equals <= 0) throw new UsageError(`"${override}" is not of the form field=value.`);
    set(changed, override.slice(0, equals).split('.'), parsed(override.slice(equals + 1)));
  }
  try {
    return parseRecipe(changed);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function set(recipe: Json, path: readonly string[], value: Json): void {
  let parent = recipe;
  for (const [depth, key] of path.entries()) {
    const last = depth === path.length - 1;
    const known = typeof parent === 'object' && parent !== null;
    const holds = known && (last || Object.hasOwn(parent as object, key));
    const fits = !Array.isArray(parent) || (/^\d+$/.test(key) && Number(key) < parent.length);
    if (!holds || !fits || key === '__proto__') {
      const name = path.slice(0, depth + 1).join('.');
      const fields = known && !Array.isArray(parent) ? Object.keys(parent as object) : [];
      throw new UsageError(
        `The recipe has no field "${name}"${fieldsOf(parent, path.slice(0, depth))}.${didYouMean(key, fields)}`,
      );
    }
    const fields = parent as { [key: string]: Json };
    if (last) fields[key] = value;
    else parent = fields[key];
  }
}

function fieldsOf(parent: Json, path: readonly string[]): string {
  const where = path.length === 0 ? 'it' : `"${path.join('.')}"`;
  if (Array.isArray(parent)) return `: ${where} has the items 0 to ${parent.length - 1}`;
  if (typeof parent !== 'object' || parent === null) return `: ${where} is ${JSON.stringify(parent)}`;
  return `: ${where} has ${Object.keys(parent).join(', ')}`;
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
