import { setProtocols } from '@softmargin/shared/metrics/evaluate-sets.ts';
import * as z from 'zod';
import { MAX_BATCH } from '../limits.ts';
import { picturesSchema } from '../routes/embeddings-request.ts';
import { SERVICE_VERSION } from '../version.ts';
import { errorSchema } from './answers.ts';
import { type Content, type OperationDescription, operations, parameters } from './operations.ts';

/** The OpenAPI document of the service, from the schemas that requests and the tests' answers are parsed with. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    paths[operation.path][operation.method] = describe(operation);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'softmargin',
      version: SERVICE_VERSION,
      description:
        'Embeds pictures and evaluates embeddings (mAP, CMC, mINP) where they run. Every error has one form, and docs/errors.md lists their codes; docs/api.md tells of keys, owners, limits and headers.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'Where this document is served' }],
    security: [{ key: [] }],
    tags: [...new Set(operations.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key with the right scope' } },
      schemas: { Error: schemaOf(errorSchema, 'output') },
      responses: {
        Error: {
          description: 'What is wrong',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  };
}

/** The document as it is committed and served. */
export function documentText(): string {
  return `${JSON.stringify(openApiDocument(), null, 2)}\n`;
}

function tagOf({ path }: OperationDescription): string {
  return /^\/v1\/([a-z]+)/.exec(path)?.[1] ?? 'service';
}

function describe(operation: OperationDescription): object {
  const { id, path, summary, scopes, body, examples, answers } = operation;
  const found = [...parametersOf(operation)];
  return {
    operationId: id.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
    tags: [tagOf({ ...operation, path })],
    summary,
    description: scopes.length === 0 ? 'Needs no key.' : `Needs a key with the scope ${scopes.join(' or ')}.`,
    ...(scopes.length === 0 && { security: [] }),
    ...(found.length > 0 && { parameters: found }),
    ...(body !== undefined && {
      requestBody: { required: body.required, content: contentsOf(body.contents, 'input', examples) },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, content }]) => [
          status,
          { description, ...(content !== undefined && { content: contentsOf([content], 'output') }) },
        ]),
      ),
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

function* parametersOf({ path, query, headers = {} }: OperationDescription): Generator<object> {
  for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
    const { schema, example } = parameters[name];
    yield { name, in: 'path', required: true, schema: schemaOf(schema, 'input'), example };
  }
  for (const [name, schema] of Object.entries(query?.shape ?? {})) {
    yield { name, in: 'query', required: false, schema: schemaOf(schema as z.ZodType, 'input') };
  }
  for (const [name, { schema, description }] of Object.entries(headers)) {
    yield { name, in: 'header', required: false, description, schema: schemaOf(schema, 'input') };
  }
}

function contentsOf(
  contents: readonly Content[],
  io: 'input' | 'output',
  examples: Readonly<Record<string, object>> = {},
): object {
  const given = Object.entries(examples).map(([name, value]) => [name, { value }]);
  return Object.fromEntries(
    contents.map((content) =>
      typeof content === 'string'
        ? [content, {}]
        : [
            'application/json',
            {
              schema: schemaOf(content, io),
              ...(given.length > 0 && { examples: Object.fromEntries(given) }),
            },
          ],
    ),
  );
}

const PICTURE = {
  anyOf: [
    { type: 'string', description: 'A data URI, base64, or an address that may be fetched' },
    { type: 'object', properties: { image: { type: 'string' } }, required: ['image'] },
  ],
};

/** What schemas accept that parse by hand. */
function parsedByHand(schema: unknown): object | undefined {
  if (schema === picturesSchema) {
    return { anyOf: [...PICTURE.anyOf, { type: 'array', items: PICTURE, minItems: 1, maxItems: MAX_BATCH }] };
  }
  return undefined;
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...described } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema, path }) => {
      const known = parsedByHand(zodSchema);
      if (known !== undefined) Object.assign(jsonSchema, known);
      // The protocol of an evaluation, which is a name or a rule.
      if (io === 'input' && path.at(-1) === 'protocol' && Object.keys(jsonSchema).length === 0) {
        const rule = { type: 'object', description: 'A rule: docs/evaluation-jobs.md' };
        Object.assign(jsonSchema, { anyOf: [{ type: 'string', enum: [...setProtocols] }, rule] });
      }
    },
  });
  return described;
}
