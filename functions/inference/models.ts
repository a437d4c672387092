import { type Bundle, BundleError, readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { type Manifest, manifestSchema } from '@softmargin/shared/bundle/manifest.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import type { Bindings } from '../environment.ts';
import { ApiError } from '../errors.ts';
import { startBackend } from './backend.ts';
import { builtInBundles } from './builtin.ts';

/** What is known of a model without loading it. */
export interface ModelDescription {
  readonly name: string;
  readonly sha256: string;
  readonly manifest: Manifest;
  readonly builtIn: boolean;
  readonly createdAt: Date;
}

interface ModelRow {
  name: string;
  sha256: string;
  bytes: number;
  manifest: string;
  created_at: string;
}

/** Every model: the built-in ones, then the uploaded ones by name. */
export async function listModels({ CATALOGUE }: Bindings): Promise<ModelDescription[]> {
  const builtIn = await Promise.all([...builtInBundles.keys()].map(describeBuiltIn));
  const { results } = await CATALOGUE.prepare('SELECT * FROM models ORDER BY name').all<ModelRow>();
  return [...builtIn, ...results.map(describeRow)];
}

/** @throws {ApiError} 404. */
export async function findModel({ CATALOGUE }: Bindings, name: string): Promise<ModelDescription> {
  if (builtInBundles.has(name)) return describeBuiltIn(name);
  return describeRow(await findRow(CATALOGUE, name));
}

/**
 * Checks a bundle down to an embedding that it computes, and stores it under a name.
 *
 * @throws {ApiError} 400 where it is not a bundle that this service can run, 409 where the name is taken by
 * a built-in model.
 */
export async function storeModel(
  { STORE, CATALOGUE }: Bindings,
  name: string,
  bytes: Uint8Array,
): Promise<{ model: ModelDescription; created: boolean }> {
  if (builtInBundles.has(name)) {
    throw new ApiError(409, {
      message: `"${name}" is a built-in model and cannot be replaced; choose another name.`,
      param: 'model',
      code: 'model_is_built_in',
    });
  }
  const { manifest, sha256 } = await checkBundle(bytes);
  await STORE.put(modelKey(sha256), bytes);
  const known = await CATALOGUE.prepare('SELECT 1 FROM models WHERE name = ?').bind(name).first();
  const createdAt = new Date();
  await CATALOGUE.prepare(
    'INSERT OR REPLACE INTO models (name, sha256, bytes, manifest, created_at) VALUES (?, ?, ?, ?, ?)',
  )
    .bind(name, sha256, bytes.length, JSON.stringify(manifest), createdAt.toISOString())
    .run();
  return { model: { name, sha256, manifest, builtIn: false, createdAt }, created: known === null };
}

/** A model as it was when somebody named it. */
export interface ModelVersion {
  readonly name: string;
  readonly sha256: string;
}

/**
 * Runs `work` with a model, which is loaded where it is not yet.
 *
 * @throws {ApiError} 404 where there is no such model, 503 where the backend does not start.
 */
export async function useModel<R>(
  bindings: Bindings,
  name: string,
  work: (model: ServingModel) => Promise<R>,
): Promise<R> {
  const builtIn = builtInBundles.get(name);
  if (builtIn !== undefined) return useBuiltIn(name, builtIn, work);
  const { sha256, bytes } = await findRow(bindings.CATALOGUE, name);
  return useStored(bindings, { name, sha256 }, bytes, work);
}

/**
 * The same with a model that was named before: one that took its name since is not taken for it.
 *
 * @throws {Error} where it is not there any more.
 */
export async function useModelVersion<R>(
  bindings: Bindings,
  { name, sha256 }: ModelVersion,
  work: (model: ServingModel) => Promise<R>,
): Promise<R> {
  const builtIn = builtInBundles.get(name);
  if (builtIn !== undefined) {
    const current = await describeBuiltIn(name);
    if (current.sha256 !== sha256)
      throw new Error(`The model "${name}" (${sha256}) is not built in any more.`);
    return useBuiltIn(name, builtIn, work);
  }
  const object = await bindings.STORE.head(modelKey(sha256));
  if (object === null) throw new Error(`The bundle ${sha256} of the model "${name}" is not in R2.`);
  return useStored(bindings, { name, sha256 }, object.size, work);
}

async function useBuiltIn<R>(
  name: string,
  bundle: ArrayBuffer,
  work: (model: ServingModel) => Promise<R>,
): Promise<R> {
  const { models } = await startBackend();
  return models.use(
    `built-in ${name}`,
    async () => ({ bundle: await readBundle(new Uint8Array(bundle)), bytes: bundle.byteLength }),
    work,
  );
}

async function useStored<R>(
  { STORE }: Bindings,
  { name, sha256 }: ModelVersion,
  bytes: number,
  work: (model: ServingModel) => Promise<R>,
): Promise<R> {
  const { models } = await startBackend();
  return models.use(
    sha256,
    async () => {
      const object = await STORE.get(modelKey(sha256));
      if (object === null) throw new Error(`The bundle ${sha256} of the model "${name}" is not in R2.`);
      return { bundle: await readBundle(new Uint8Array(await object.arrayBuffer())), bytes };
    },
    work,
  );
}

async function checkBundle(bytes: Uint8Array): Promise<Bundle> {
  const { engine } = await startBackend();
  try {
    const bundle = await readBundle(bytes);
    const model = ServingModel.load(bundle, engine);
    const { height, width, channels } = bundle.manifest.input;
    try {
      const embedding = await model.embed(new Float32Array(height * width * channels), 1);
      if (!embedding.every(Number.isFinite)) {
        throw new BundleError('The network gives numbers that are not finite.');
      }
    } finally {
      model.dispose();
    }
    return bundle;
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    throw new ApiError(400, { message: error.message, param: 'body', code: 'invalid_bundle' });
  }
}

async function findRow(catalogue: D1Database, name: string): Promise<ModelRow> {
  const row = await catalogue.prepare('SELECT * FROM models WHERE name = ?').bind(name).first<ModelRow>();
  if (row !== null) return row;
  throw new ApiError(404, {
    message: `There is no model "${name}". GET /v1/models lists what there is.`,
    param: 'model',
    code: 'model_not_found',
  });
}

async function describeBuiltIn(name: string): Promise<ModelDescription> {
  const { manifest, sha256 } = await readBundle(new Uint8Array(builtInBundles.get(name) as ArrayBuffer));
  return { name, sha256, manifest, builtIn: true, createdAt: new Date(0) };
}

function describeRow({ name, sha256, manifest, created_at }: ModelRow): ModelDescription {
  return {
    name,
    sha256,
    manifest: manifestSchema.parse(JSON.parse(manifest)),
    builtIn: false,
    createdAt: new Date(created_at),
  };
}

function modelKey(sha256: string): string {
  return `models/${sha256}.safetensors`;
}
