import { embeddingsSchema, type PictureProblem } from './answers.ts';
import { toBase64 } from './base64.ts';
import { SoftmarginError } from './error.ts';
import type { Transport } from './transport.ts';

export interface EmbeddingsOptions {
  /** The service's default one without. */
  readonly model?: string | undefined;
  /** The first numbers only, of models that allow it. */
  readonly dimensions?: number | undefined;
  /** Whether a picture and its mirror image are averaged; as the model says, unless given. */
  readonly flip?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface EmbeddedPictures {
  readonly model: string;
  /** SHA-256 of the model's bundle. */
  readonly modelVersion: string;
  /** By picture: its embedding, of unit length, or `undefined` where it could not be embedded. */
  readonly rows: readonly (Float32Array | undefined)[];
  readonly errors: readonly PictureProblem[];
}

/** `/v1/embeddings` */
export class Embeddings {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Embeds 1 to 64 pictures.
   *
   * @param pictures the bytes of files (PNG, JPEG, WebP), or texts that the service takes: data URIs, base64,
   *   addresses. One that cannot be embedded does not sink the others, unless it is the only one.
   */
  async create(
    pictures: readonly (Uint8Array | string)[],
    { model, dimensions, flip, signal }: EmbeddingsOptions = {},
  ): Promise<EmbeddedPictures> {
    const input = pictures.map((picture) => (typeof picture === 'string' ? picture : toBase64(picture)));
    const answer = await this.#transport.json(embeddingsSchema, '/v1/embeddings', {
      method: 'POST',
      json: { model, input, dimensions, flip, encoding_format: 'base64' },
      isIdempotent: true,
      signal,
    });
    const rows: (Float32Array | undefined)[] = pictures.map(() => undefined);
    for (const { index, embedding } of answer.data) {
      rows[index] = typeof embedding === 'string' ? fromBase64(embedding) : Float32Array.from(embedding);
    }
    const { errors = [] } = answer;
    return { model: answer.model, modelVersion: answer.model_version, rows, errors };
  }
}

/** Little-endian float32. */
function fromBase64(text: string): Float32Array {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  if (bytes.length % 4 !== 0) {
    throw new SoftmarginError(`An embedding has ${bytes.length} bytes, which are no float32.`, {
      status: 200,
      code: 'unexpected_answer',
    });
  }
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
