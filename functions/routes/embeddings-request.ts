import * as z from 'zod';
import { mediaType, readBody, readJson } from '../body.ts';
import { ApiError, parseRequest } from '../errors.ts';
import { parsePictureText } from '../inference/base64.ts';
import type { PictureFile } from '../inference/embed.ts';
import { fetchPicture } from '../inference/fetch-picture.ts';
import type { Held } from '../inference/memory-budget.ts';
import { type ModelReference, modelReferenceSchema } from '../inference/model-reference.ts';
import {
  JSON_COPIES,
  MAX_BATCH,
  MAX_EMBEDDINGS_BODY_BYTES,
  MAX_PICTURE_BYTES,
  PICTURE_FETCHES,
} from '../limits.ts';

const PICTURE_FORM =
  'must be a picture: a data URI, base64, an address that may be fetched, or an object {"image": …} with one of these';

const pictureSchema = z.union([z.string(), z.object({ image: z.string() })], { error: PICTURE_FORM });

/** What a list of pictures in JSON is parsed to: the text of each. */
export const picturesSchema = z.unknown().transform((value, context) => {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > MAX_BATCH) {
    context.addIssue(`has ${list.length} pictures; 1 to ${MAX_BATCH} are embedded in one request`);
    return [];
  }
  return list.map((item, i) => {
    const picture = pictureSchema.safeParse(item);
    if (!picture.success) {
      context.addIssue({ code: 'custom', path: Array.isArray(value) ? [i] : [], message: PICTURE_FORM });
      return '';
    }
    return typeof picture.data === 'string' ? picture.data : picture.data.image;
  });
});

const encodingSchema = z.enum(['float', 'base64']).default('float');

/** OpenAI's request and `flip`. Fields it does not name are ignored, as OpenAI does. */
export const embeddingsJsonSchema = z.object({
  model: modelReferenceSchema.optional(),
  input: picturesSchema,
  encoding_format: encodingSchema,
  dimensions: z.int().positive().optional(),
  flip: z.boolean().optional(),
  user: z.string().optional(),
});

/** The same where every value is text: in the query of a picture sent as it is, and in a form. */
export const embeddingsTextSchema = z.object({
  model: modelReferenceSchema.optional(),
  encoding_format: encodingSchema,
  dimensions: z.coerce.number().int().positive().optional(),
  flip: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  user: z.string().optional(),
});

export interface EmbeddingsRequest {
  /** The owner's default model without it. */
  readonly model: ModelReference | undefined;
  readonly encoding: 'float' | 'base64';
  readonly files: readonly PictureFile[];
  readonly dimensions: number | undefined;
  readonly flip: boolean | undefined;
}

/**
 * Reads a request for embeddings: JSON, a picture as the body, or a form with files.
 *
 * @param held is told of the memory that the request takes.
 * @throws {ApiError}
 */
export async function readEmbeddingsRequest(
  request: Request,
  held: Held,
  origins: readonly string[],
): Promise<EmbeddingsRequest> {
  const reading = { hold: held.add };
  const type = mediaType(request);
  if (type.startsWith('image/')) {
    const query = Object.fromEntries(new URL(request.url).searchParams);
    const options = parseRequest(embeddingsTextSchema, query);
    return requestOf(options, [await readBody(request, MAX_PICTURE_BYTES, 'A picture', reading)]);
  }
  if (type === 'multipart/form-data') return readForm(request, held);
  if (type !== 'application/json') {
    throw new ApiError(415, {
      message: `The Content-Type is ${type === '' ? 'missing' : `"${type}"`}; application/json, multipart/form-data and image/… are read.`,
      code: 'unsupported_media_type',
    });
  }
  const hold = (bytes: number) => held.add(JSON_COPIES * bytes);
  const body = parseRequest(
    embeddingsJsonSchema,
    await readJson(request, MAX_EMBEDDINGS_BODY_BYTES, { hold }),
  );
  return requestOf(body, await readPictures(body.input, held, origins));
}

/** The files that texts stand for: inline, or at addresses, which are fetched. */
export async function readPictures(
  texts: readonly string[],
  held: Held,
  origins: readonly string[],
): Promise<PictureFile[]> {
  const files: PictureFile[] = [];
  const addresses: number[] = [];
  for (const [i, text] of texts.entries()) {
    if (/^https?:/i.test(text)) addresses.push(i);
    else {
      const file = parsePictureText(text);
      if (file instanceof Uint8Array) held.add(file.length);
      files[i] = file;
    }
  }
  for (let first = 0; first < addresses.length; first += PICTURE_FETCHES) {
    await Promise.all(
      addresses.slice(first, first + PICTURE_FETCHES).map(async (i) => {
        files[i] = await fetchPicture(texts[i], origins, held.add);
      }),
    );
  }
  return files;
}

async function readForm(request: Request, held: Held): Promise<EmbeddingsRequest> {
  // The files of a form are copies of what lies in its body.
  const hold = (bytes: number) => held.add(2 * bytes);
  const body = await readBody(request, MAX_EMBEDDINGS_BODY_BYTES, 'A form', { hold });
  let form: FormData;
  try {
    const headers = { 'Content-Type': request.headers.get('Content-Type') as string };
    form = await new Response(body as Uint8Array<ArrayBuffer>, { headers }).formData();
  } catch (error) {
    throw new ApiError(400, {
      message: `The body is no multipart/form-data: ${(error as Error).message}`,
      code: 'invalid_form',
    });
  }
  const files: PictureFile[] = [];
  const fields: Record<string, string> = {};
  for (const [name, value] of form as unknown as Iterable<[string, string | Blob]>) {
    if (typeof value === 'string') fields[name] = value;
    else if (files.length <= MAX_BATCH) files.push(new Uint8Array(await value.arrayBuffer()));
  }
  if (files.length === 0 || files.length > MAX_BATCH) {
    throw new ApiError(400, {
      message: `image: ${files.length === 0 ? 'the form has no file' : `the form has more than ${MAX_BATCH} files`}; 1 to ${MAX_BATCH} are embedded in one request.`,
      param: 'image',
      code: 'invalid_value',
    });
  }
  return requestOf(parseRequest(embeddingsTextSchema, fields), files);
}

function requestOf(
  { model, encoding_format, dimensions, flip }: z.infer<typeof embeddingsTextSchema>,
  files: readonly PictureFile[],
): EmbeddingsRequest {
  return { model, encoding: encoding_format, files, dimensions, flip };
}
