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
