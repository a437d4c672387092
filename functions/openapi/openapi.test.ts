import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { createApp } from '../app.ts';
import { AUTHORIZED, fetchWorker, keyOf, send } from '../test/client.ts';
import { evaluationAtEnd } from '../test/sets.ts';
import { errorSchema } from './answers.ts';
import { documentText, openApiDocument } from './document.ts';
import { type OperationDescription, operations, parameters } from './operations.ts';

test('the committed document is current: vitest -u writes it anew', async () => {
  await expect(documentText()).toMatchFileSnapshot('openapi.json');
});

test('it is served as it is committed, to everybody', async () => {
  const { status, body, headers } = await send('GET', '/openapi.json', undefined, { Authorization: '' });
  expect(status).toBe(200);
  expect(headers.get('Content-Type')).toBe('application/json');
  expect(body).toEqual(openApiDocument());
});

test('every route of the service is in it, and nothing else', () => {
  const routes = createApp()
    .routes.filter(({ method, path }) => method !== 'ALL' && !path.endsWith('*'))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
  const documented = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect(documented.toSorted()).toEqual([...new Set(routes)].toSorted());
});

const all = ['embed', 'evaluate', 'admin'] as const;
const anyId = crypto.randomUUID();

/** The path of an operation with what its parameters are by now. */
function pathOf({ path }: OperationDescription, known: Readonly<Record<string, string>> = {}): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => known[name] ?? String(parameters[name].example));
}

test.each(operations.filter(({ scopes }) => scopes.length > 0).map((o) => [o.id, o] as const))(
  '%s needs the scopes that the document names',
  async (_, operation) => {
    for (const scope of all) {
      const key = await keyOf('default', scope);
      const path = pathOf(operation, { upload: anyId, id: anyId, other: anyId, key: anyId });
      const body = operation.method === 'get' || operation.method === 'delete' ? undefined : '{';
      const answer = await createApp().request(
        path,
        { method: operation.method.toUpperCase(), headers: key, ...(body !== undefined && { body }) },
        env,
      );
      expect(answer.status === 403, `${scope}: ${answer.status}`).toBe(!operation.scopes.includes(scope));
      await answer.body?.cancel();
    }
  },
);

test('every example works, one after the other, and every answer is what the document says', {
  timeout: 120_000,
}, async () => {
  const known: Record<string, string> = {};
  for (const operation of operations) {
    const { id, method, answers, examples } = operation;
    const [firstDone] = Object.keys(answers);
    // What needs a body that is not JSON has its examples in the tests of its route.
    if (operation.body?.required === true && examples === undefined) continue;
    // Cancelled before it is looked at, or after it ended, an evaluation is another one.
    if (id === 'cancelEvaluation' || id.startsWith('draw-') || id === 'completeUpload') continue;
    for (const body of Object.values(examples ?? { none: undefined })) {
      const response = await createApp().request(
        pathOf(operation, known),
        {
          method: method.toUpperCase(),
          headers: { ...AUTHORIZED, 'Content-Type': 'application/json' },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        },
        env,
      );
      const text = await response.text();
      expect(Object.keys(answers), `${id}: ${response.status} ${text}`).toContain(String(response.status));
      const { content } = answers[response.status];
      if (typeof content === 'string') {
        expect(response.headers.get('Content-Type')?.split(';')[0], firstDone).toBe(content);
      } else if (content !== undefined) {
        const parsed = content.safeParse(JSON.parse(text));
        expect(parsed.error && z.prettifyError(parsed.error), `${id}: ${text}`).toBeUndefined();
      }
      if (id === 'beginUpload') known.upload = JSON.parse(text).id;
      if (id === 'createKey') known.key = JSON.parse(text).id;
      if (id === 'createEvaluation' && response.status === 202) {
        known.id = JSON.parse(text).id;
        known.other = known.id;
        await evaluationAtEnd(`/v1/evaluations/${known.id}`);
      }
    }
  }
  expect(Object.keys(known).toSorted()).toEqual(['id', 'key', 'other', 'upload']);
});

test('errors are what the document says', async () => {
  for (const [method, path] of [
    ['GET', '/v1/sets/none'],
    ['POST', '/v1/evaluations'],
    ['GET', '/nothing'],
    ['PATCH', '/v1/sets'],
  ]) {
    expect(errorSchema.safeParse((await send(method, path)).body).error).toBeUndefined();
  }
});

test('the page runs its own script and nothing of another host', async () => {
  const response = await fetchWorker('/docs');
  expect(response.headers.get('Content-Type')).toMatch(/^text\/html/i);
  const policy = response.headers.get('Content-Security-Policy') as string;
  expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; /);
  const page = await response.text();
  expect(page.match(/<script>/g)).toHaveLength(1);
  expect(page).not.toMatch(/https?:|src=|style=|onclick/);
});
