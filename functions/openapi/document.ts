import { setProtocols } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { exclusionRuleSchema } from '@softmargin/shared/metrics/exclusion-rule.ts';
import * as z from 'zod';
import { MAX_BATCH } from '../limits.ts';
import { picturesSchema } from '../routes/embeddings-request.ts';
import { SERVICE_VERSION } from '../version.ts';
import * as answers from './answers.ts';
import { type Content, type OperationDescription, operations, parameters } from './operations.ts';

/** What the operations of each tag are about. */
const tags: Readonly<Record<string, string>> = {
  embeddings: 'Pictures to embeddings, in the form that OpenAI has',
  models: 'Bundles that embed',
  sets: 'Query and gallery sets, of embeddings or of pictures; search',
  evaluations: 'Jobs that rank a query set against a gallery set: mAP, CMC, mINP',
  keys: 'Who may do what',
  service: 'The service itself',
};

/** Schemas with a name of their own, which others refer to: answers, as they are exported. */
const named = new Map<unknown, string>(
  Object.entries(answers).map(([name, schema]) => [
    schema,
    name.replace(/Schema$/, '').replace(/^./, (letter) => letter.toUpperCase()),
  ]),
);

/** The OpenAPI document of the service, from the schemas that requests and the tests' answers are parsed with. */
export function openApiDocument(): object {
  const components: Record<string, object> = {};
  for (const [schema, name] of named) components[name] = schemaOf(schema as z.ZodType, 'output');
  for (const { id, body } of operations) {
    for (const content of body?.contents ?? []) {
      if (typeof content !== 'string') components[requestName(id)] = schemaOf(content, 'input');
    }
  }
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
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key with the right scope' } },
      schemas: components,
      responses: {
        Error: {
          description: 'What is wrong',
          content: { 'application/json': { schema: referenceTo('Error') } },
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
      requestBody: {
        required: body.required,
        content: contentsOf(body.contents, () => referenceTo(requestName(id)), examples),
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, content }]) => [
          status,
          { description, ...(content !== undefined && { content: contentsOf([content], answerOf) }) },
        ]),
      ),
      '4XX': { $ref: '#/components/responses/Error' },
      '5XX': { $ref: '#/components/responses/Error' },
    },
  };
}

function* parametersOf({ path, query, headers = {} }: OperationDescription): Generator<object> {
  for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
    const { schema, example, description } = parameters[name];
    yield { name, in: 'path', required: true, description, schema: schemaOf(schema, 'input'), example };
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
  schemaOfContent: (content: z.ZodType) => object,
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
              schema: schemaOfContent(content),
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

function referenceTo(name: string): object {
  return { $ref: `#/components/schemas/${name}` };
}

/** The name of the body of an operation in JSON: there is one at most. */
function requestName(id: string): string {
  return `${id.replace(/^./, (letter) => letter.toUpperCase())}Request`;
}

function answerOf(schema: z.ZodType): object {
  const name = named.get(schema);
  return name === undefined ? schemaOf(schema, 'output') : referenceTo(name);
}

/** A schema as it is, in which those that have a name are referred to. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...described } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema, path }) => {
      const name = path.length > 0 ? named.get(zodSchema) : undefined;
      if (name !== undefined && io === 'output') {
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
        Object.assign(jsonSchema, referenceTo(name));
        return;
      }
      // That a whole number is one that JavaScript can hold goes without saying.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      // As a keyword it makes generators of clients ask for the field.
      if (io === 'input' && path.length > 0 && jsonSchema.default !== undefined) {
        const unless = `${JSON.stringify(jsonSchema.default)} unless given`;
        jsonSchema.description = [jsonSchema.description, unless].filter(Boolean).join('; ');
        delete jsonSchema.default;
      }
      const known = parsedByHand(zodSchema);
      if (known !== undefined) Object.assign(jsonSchema, known);
      // The protocol of an evaluation, which is a name or a rule.
      if (io === 'input' && path.at(-1) === 'protocol' && Object.keys(jsonSchema).length === 0) {
        const rule = schemaOf(exclusionRuleSchema, 'input');
        Object.assign(jsonSchema, { anyOf: [{ type: 'string', enum: [...setProtocols] }, rule] });
      }
    },
  });
  return described;
}
