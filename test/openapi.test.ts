import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';

const document = JSON.parse(readFileSync('functions/openapi/openapi.json', 'utf8'));

test('the document is OpenAPI 3.1 by a public validator', async () => {
  const validator = new Validator();
  expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
});

test('the validator finds what is wrong', async () => {
  const broken = structuredClone(document);
  broken.paths['/health'].get.responses = { ok: { description: 1 } };
  expect((await new Validator().validate(broken)).valid).toBe(false);
});

test('no two operations have one name', () => {
  const names = Object.values(
    document.paths as Record<string, Record<string, { operationId: string }>>,
  ).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  expect(new Set(names).size).toBe(names.length);
});

test('every reference leads to a component, and every component is referred to', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)];
  const referred = new Set(references.map(([, kind, name]) => `${kind}/${name}`));
  const there = ['schemas', 'responses'].flatMap((kind) =>
    Object.keys(document.components[kind]).map((name) => `${kind}/${name}`),
  );
  expect([...referred].toSorted()).toEqual(there.toSorted());
});

test('what has a tag has one that is described', () => {
  const described = document.tags.map(({ name }: { name: string }) => name);
  const used = Object.values(document.paths as Record<string, Record<string, { tags: string[] }>>).flatMap(
    (methods) => Object.values(methods).flatMap(({ tags }) => tags),
  );
  expect([...new Set(used)].toSorted()).toEqual(described.toSorted());
});
