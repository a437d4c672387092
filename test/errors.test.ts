import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Words of this form in the source that are no codes: types of errors, metrics, tables and columns, words of other programs. */
const NO_CODES =
  /_error$|^softmargin_|_sha256$|^(embedded_sets|model_versions|unrecognized_keys|dispose_data|register_tensor|init_with_threads_count|get_threads_count)$/;

const source = globSync('functions/**/*.ts', {
  exclude: (path) =>
    /\.test\.ts$|functions\/(test|scripts|bench|openapi|client|console|node_modules)(\/|$)/.test(path),
})
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n');

const codes = [...source.matchAll(/'([a-z]+[0-9]*(?:_[a-z0-9]+)+)'/g)]
  .map(([, word]) => word)
  .filter((word) => !NO_CODES.test(word));

const page = readFileSync('docs/errors.md', 'utf8');
const documented = [...page.matchAll(/^\| `([a-z0-9_]+)` \|/gm)]
  .map(([, word]) => word)
  .filter((word) => !NO_CODES.test(word));

test('every code of the source is on the page, and every code of the page in the source', () => {
  expect(documented.length).toBeGreaterThan(50);
  expect(documented.toSorted()).toEqual([...new Set(codes)].toSorted());
});

test('every type of the source is on the page', () => {
  const types = [...source.matchAll(/'([a-z_]+_error)'/g)].map(([, word]) => word);
  for (const type of new Set(types)) expect(page).toContain(`| \`${type}\` |`);
});
