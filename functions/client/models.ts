import { type Model, type ModelWithManifest, modelsSchema, modelWithManifestSchema } from './answers.ts';
import type { Body, Transport } from './transport.ts';

/** `/v1/models` */
export class Models {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The built-in ones, and the owner's. */
  async list(signal?: AbortSignal): Promise<Model[]> {
    return (await this.#transport.json(modelsSchema, '/v1/models', { signal })).data;
  }

  get(name: string, signal?: AbortSignal): Promise<ModelWithManifest> {
    return this.#transport.json(modelWithManifestSchema, pathOf(name), { signal });
  }

  /** Stores a bundle under a name, in the place of one that has it. */
  put(name: string, bundle: Body, signal?: AbortSignal): Promise<ModelWithManifest> {
    return this.#transport.json(modelWithManifestSchema, pathOf(name), {
      method: 'PUT',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: bundle,
      signal,
    });
  }

  async delete(name: string, signal?: AbortSignal): Promise<void> {
    const response = await this.#transport.send(pathOf(name), { method: 'DELETE', signal });
    await response.body?.cancel();
  }
}

function pathOf(name: string): string {
  return `/v1/models/${encodeURIComponent(name)}`;
}
