import { cuhk03Detected } from './cuhk03-detected.ts';
import { cuhk03Labeled } from './cuhk03-labeled.ts';
import { imageFolder } from './image-folder.ts';
import { market1501 } from './market1501.ts';
import { mnistToy } from './mnist-toy.ts';
import { mnistWide } from './mnist-wide.ts';
import { omniglot } from './omniglot.ts';
import type { Recipe } from './recipe.ts';
import { veri776 } from './veri776.ts';

/** The recipes that come with softmargin, by name. */
export const recipes: ReadonlyMap<string, Recipe> = new Map([
  ['mnist-wide', mnistWide],
  ['mnist-toy', mnistToy],
  ['omniglot', omniglot],
  ['cuhk03-labeled', cuhk03Labeled],
  ['cuhk03-detected', cuhk03Detected],
  ['image-folder', imageFolder],
  ['market1501', market1501],
  ['veri776', veri776],
]);
