import { type Bundle, BundleError, readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { readBundleStream } from '@softmargin/shared/bundle/bundle-stream.ts';
import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import { ApiError } from '../errors.ts';
import { checkStorage } from '../keys/quotas.ts';
import { BODY_LIFETIME_MS, MAX_MODEL_BYTES } from '../limits.ts';
import { type OwnedBindings, ownedKey } from '../owners.ts';
import { closeHolder, HeldStore, openHolder, sweep } from '../sets/holds.ts';
import { startBackend } from './backend.ts';
import { type BuiltInName, isBuiltIn } from './built-in-names.ts';
import { builtInBundles, describeBuiltIn } from './builtin.ts';
import { RuntimeDigest, streamOf } from './bundle-bytes.ts';
import {
  deleteModel,
  findModel,
  type ModelDescription,
  publishModel,
  refuseBuiltIn,
} from './model-catalogue.ts';
import type { ModelReference } from './model-reference.ts';
import { checkServable } from './serving-memory.ts';

/**
 * Checks a bundle down to an embedding that it computes, and stores it as the next version of a model. It is in
 * memory once, as it is stored.
 *
 * @param bodyBytes of the body, at most: room is made for them.
 * @throws {ApiError} 400 where it is not a bundle that this service can run, 409 where the name is taken by
 * a built-in model, 429 where the owner's quota does not have room for it.
 */
export async function storeModel(
  bindings: OwnedBindings,
  name: string,
  body: AsyncIterable<Uint8Array>,
  bodyBytes: number,
): Promise<{ model: ModelDescription; created: boolean }> {
  refuseBuiltIn(name, 'replaced');
  const { memory } = await startBackend();
  return memory.holding(async (held) => {
    held.add(bodyBytes);
    return storeChecked(bindings, name, await checkBundle(body));
  });
}

async function storeChecked(
  bindings: OwnedBindings,
  name: string,
  { bundle: { manifest, sha256 }, pieces }: { bundle: Bundle; pieces: readonly Uint8Array[] },
): Promise<{ model: ModelDescription; created: boolean }> {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  await checkStorage(bindings, { sets: 0, vectors: 0, bytes });
  const holder = crypto.randomUUID();
  await openHolder(bindings, holder, Date.now() + BODY_LIFETIME_MS);
  try {
    await new HeldStore(bindings, holder).put(modelKey(sha256), streamOf(pieces));
    const object = ownedKey(bindings.owner, modelKey(sha256));
    return await publishModel(bindings, name, { sha256, manifest, bytes }, object);
  } finally {
    await closeHolder(bindings, holder);
    await sweep(bindings);
  }
}

/** Deletes a model or a version of it. @throws {ApiError} 404 where there is none, 409 where it is built in. */
export async function removeModel(bindings: OwnedBindings, reference: ModelReference): Promise<void> {
  await deleteModel(bindings, reference);
  await sweep(bindings);
}

/** A model as it was when somebody named it. */
export interface ModelVersion {
  readonly name: string;
  readonly sha256: string;
}

/**
 * Runs `work` with a model, which is loaded where it is not yet.
 *
 * @param reference the owner's default model without it.
 * @throws {ApiError} 404 where there is no such model, 503 where the backend does not start.
 */
export async function useModel<R>(
  bindings: OwnedBindings,
  reference: ModelReference | undefined,
  work: (model: ServingModel, name: string) => Promise<R>,
): Promise<R> {
  const { name, sha256, bytes } = await findModel(bindings, reference);
  if (isBuiltIn(name)) return useBuiltIn(name, (model) => work(model, name));
  return useStored(bindings, { name, sha256 }, bytes, (model) => work(model, name));
}

/**
 * The same with a model that was named before: one that took its name since is not taken for it.
 *
 * @param work is also told the bytes of the bundle.
 * @throws {Error} where it is not there any more.
 */
export async function useModelVersion<R>(
  bindings: OwnedBindings,
  { name, sha256 }: ModelVersion,
  work: (model: ServingModel, bundleBytes: number) => Promise<R>,
): Promise<R> {
  if (isBuiltIn(name)) {
    const current = await describeBuiltIn(name);
    if (current.sha256 !== sha256)
      throw new Error(`The model "${name}" (${sha256}) is not built in any more.`);
    return useBuiltIn(name, (model) => work(model, current.bytes));
  }
  const object = await bindings.STORE.head(modelKey(sha256));
  if (object === null) throw new Error(`The bundle ${sha256} of the model "${name}" is not in R2.`);
  return useStored(bindings, { name, sha256 }, object.size, (model) => work(model, object.size));
}

/** The same with a built-in model, which is everybody's. */
export async function useBuiltIn<R>(
  name: BuiltInName,
  work: (model: ServingModel) => Promise<R>,
): Promise<R> {
  const bundle = builtInBundles[name];
  const { models } = await startBackend();
  return models.use(
    `built-in ${name}`,
    bundle.byteLength,
    async () => readBundle(new Uint8Array(bundle)),
    work,
  );
}

async function useStored<R>(
  { STORE, owner }: OwnedBindings,
  { name, sha256 }: ModelVersion,
  bytes: number,
  work: (model: ServingModel) => Promise<R>,
): Promise<R> {
  const { models } = await startBackend();
  return models.use(
    // Whether a model is loaded already tells nobody that another owner has the same.
    ownedKey(owner, sha256),
    bytes,
    async () => {
      const object = await STORE.get(modelKey(sha256));
      if (object === null) throw new Error(`The bundle ${sha256} of the model "${name}" is not in R2.`);
      const { bundle } = await readBundleStream(chunksOf(object.body), new RuntimeDigest(), MAX_MODEL_BYTES);
      return bundle;
    },
    work,
  );
}

async function checkBundle(
  body: AsyncIterable<Uint8Array>,
): Promise<{ bundle: Bundle; pieces: readonly Uint8Array[] }> {
  const { models } = await startBackend();
  try {
    const read = await readBundleStream(body, new RuntimeDigest(), MAX_MODEL_BYTES);
    checkServable(read.bundle);
    const { height, width, channels } = read.bundle.manifest.input;
    const blank = new Float32Array(height * width * channels);
    const embedding = await models.useOnce(read.bundle, (model) => model.embed(blank, 1));
    if (!embedding.every(Number.isFinite)) {
      throw new BundleError('The network gives numbers that are not finite.');
    }
    return read;
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    throw new ApiError(400, { message: error.message, param: 'body', code: 'invalid_bundle' });
  }
}

function chunksOf(body: ReadableStream): AsyncIterable<Uint8Array> {
  return body as unknown as AsyncIterable<Uint8Array>;
}

function modelKey(sha256: string): string {
  return `models/${sha256}.safetensors`;
}
