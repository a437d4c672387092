import { type Manifest, manifestSchema } from '@softmargin/shared/bundle/manifest.ts';
import { ApiError } from '../errors.ts';
import { checkStorage, hasRoomInSql, roomFor } from '../keys/quotas.ts';
import { type OwnedBindings, ownedKey } from '../owners.ts';
import { builtInNames, DEFAULT_MODEL, isBuiltIn } from './built-in-names.ts';
import { describeBuiltIn } from './builtin.ts';
import type { ModelReference } from './model-reference.ts';

type Catalogue = Pick<OwnedBindings, 'CATALOGUE' | 'owner'>;

/** What is known of a version of a model without loading it. */
export interface ModelDescription {
  readonly name: string;
  readonly version: number;
  readonly sha256: string;
  /** Of the bundle's file. */
  readonly bytes: number;
  readonly manifest: Manifest;
  readonly builtIn: boolean;
  readonly createdAt: Date;
}

interface VersionRow {
  name: string;
  version: number;
  sha256: string;
  bytes: number;
  manifest: string;
  created_at: string;
}

/** Every model that an owner may use, each in its newest version: the built-in ones, then the owner's by name. */
export async function listModels({ CATALOGUE, owner }: Catalogue): Promise<ModelDescription[]> {
  const builtIn = await Promise.all(builtInNames.map(describeBuiltIn));
  const { results } = await CATALOGUE.prepare('SELECT * FROM models WHERE owner = ? ORDER BY name')
    .bind(owner)
    .all<VersionRow>();
  return [...builtIn, ...results.map(describeRow)];
}

/** The versions of a model that are there, the newest first. */
export async function listVersions(catalogue: Catalogue, name: string): Promise<ModelDescription[]> {
  if (isBuiltIn(name)) return [await describeBuiltIn(name)];
  const { CATALOGUE, owner } = catalogue;
  const { results } = await CATALOGUE.prepare(
    'SELECT * FROM model_versions WHERE owner = ? AND name = ? AND deleted_at IS NULL ORDER BY version DESC',
  )
    .bind(owner, name)
    .all<VersionRow>();
  return results.map(describeRow);
}

/** The newest version alone, which most requests mean; none where there is no such model. */
async function newestVersion({ CATALOGUE, owner }: Catalogue, name: string): Promise<ModelDescription[]> {
  if (isBuiltIn(name)) return [await describeBuiltIn(name)];
  const row = await CATALOGUE.prepare('SELECT * FROM models WHERE owner = ? AND name = ?')
    .bind(owner, name)
    .first<VersionRow>();
  return row === null ? [] : [describeRow(row)];
}

/**
 * The bundle that a reference means; the owner's default where there is none.
 *
 * @throws {ApiError} 404 where there is no such model or version, 400 where a beginning of a SHA-256 means two.
 */
export async function findModel(
  catalogue: Catalogue,
  reference: ModelReference = { name: '' },
): Promise<ModelDescription> {
  const { version, sha256 } = reference;
  const name = reference.name === '' ? await defaultModel(catalogue) : reference.name;
  const isNewest = version === undefined && sha256 === undefined;
  const versions = isNewest ? await newestVersion(catalogue, name) : await listVersions(catalogue, name);
  if (versions.length === 0) {
    throw notFound(`There is no model "${name}". GET /v1/models lists what there is.`);
  }
  if (isNewest) return versions[0];
  const found = versions.filter((one) =>
    sha256 === undefined ? one.version === version : one.sha256.startsWith(sha256),
  );
  if (found.length === 0) {
    throw notFound(
      `The model "${name}" has no version ${version ?? sha256}; GET /v1/models/${name} lists them.`,
    );
  }
  if (found.some((one) => one.sha256 !== found[0].sha256)) {
    throw new ApiError(400, {
      message: `model: the SHA-256 of ${found.length} versions of "${name}" begin with ${sha256}; give more of it.`,
      param: 'model',
      code: 'ambiguous_model_version',
    });
  }
  return found[0];
}

/** The model of an owner's requests that name none. */
export async function defaultModel({ CATALOGUE, owner }: Catalogue): Promise<string> {
  const row = await CATALOGUE.prepare('SELECT model FROM default_models WHERE owner = ?')
    .bind(owner)
    .first<{ model: string }>();
  return row?.model ?? DEFAULT_MODEL;
}

/** Makes a model that is there the owner's default. */
export async function setDefaultModel({ CATALOGUE, owner }: Catalogue, name: string): Promise<void> {
  await CATALOGUE.prepare('INSERT OR REPLACE INTO default_models (owner, model) VALUES (?, ?)')
    .bind(owner, name)
    .run();
}

/**
 * Gives a bundle that is stored, and held by `holder`, the next version number of a name, in one step with who holds
 * it from then on. The newest version, put again, stays what it is.
 *
 * @returns the version, and whether the model is new.
 * @throws {ApiError} 429 where the owner's quota does not have room for it.
 */
export async function publishModel(
  bindings: OwnedBindings,
  name: string,
  { sha256, manifest, bytes }: Pick<ModelDescription, 'sha256' | 'manifest' | 'bytes'>,
  object: string,
): Promise<{ model: ModelDescription; created: boolean }> {
  const { CATALOGUE, owner } = bindings;
  const createdAt = new Date();
  const storing = { sets: 0, vectors: 0, bytes };
  const isNewest = 'EXISTS (SELECT 1 FROM models WHERE owner = ?1 AND name = ?2 AND sha256 = ?3)';
  const content = ownedKey(owner, sha256);
  const [before, , , , , current] = await CATALOGUE.batch<VersionRow>([
    CATALOGUE.prepare('SELECT * FROM models WHERE owner = ? AND name = ?').bind(owner, name),
    CATALOGUE.prepare('INSERT OR IGNORE INTO holders (id) VALUES (?)').bind(content),
    CATALOGUE.prepare('INSERT OR IGNORE INTO holds (object, holder) VALUES (?, ?)').bind(object, content),
    CATALOGUE.prepare(
      `INSERT INTO model_versions (owner, name, version, sha256, bytes, manifest, created_at)
       SELECT ?1, ?2,
           1 + COALESCE((SELECT MAX(version) FROM model_versions WHERE owner = ?1 AND name = ?2), 0), ?3, ?4, ?5, ?6
         WHERE NOT ${isNewest} AND ${hasRoomInSql('?1', '?7')}`,
    ).bind(
      ...[owner, name, sha256, bytes, JSON.stringify(manifest), createdAt.toISOString()],
      roomFor(bindings, storing),
    ),
    newest(CATALOGUE, owner, name),
    CATALOGUE.prepare('SELECT * FROM models WHERE owner = ? AND name = ?').bind(owner, name),
  ]);
  const [published] = current.results;
  if (published?.sha256 !== sha256) {
    await checkStorage(bindings, storing);
    // There was no room, and there is some now.
    return publishModel(bindings, name, { sha256, manifest, bytes }, object);
  }
  return { model: describeRow(published), created: before.results.length === 0 };
}

/**
 * Takes versions of a model out of the catalogue. Their bundles go with the next sweep, unless an unfinished
 * evaluation embeds with them.
 *
 * @throws {ApiError} 404 where there is none, 409 where it is built in.
 */
export async function deleteModel(catalogue: Catalogue, reference: ModelReference): Promise<void> {
  const { CATALOGUE, owner } = catalogue;
  const { name } = reference;
  refuseBuiltIn(name, 'deleted');
  const isWhole = reference.version === undefined && reference.sha256 === undefined;
  const { version } = await findModel(catalogue, reference);
  await CATALOGUE.batch([
    CATALOGUE.prepare(
      `UPDATE model_versions SET deleted_at = ?4
         WHERE owner = ?1 AND name = ?2 AND deleted_at IS NULL AND (?3 IS NULL OR version = ?3)`,
    ).bind(owner, name, isWhole ? null : version, new Date().toISOString()),
    CATALOGUE.prepare('DELETE FROM models WHERE owner = ? AND name = ?').bind(owner, name),
    newest(CATALOGUE, owner, name),
    CATALOGUE.prepare(
      `DELETE FROM default_models WHERE owner = ?1 AND model = ?2
         AND NOT EXISTS (SELECT 1 FROM models WHERE owner = ?1 AND name = ?2)`,
    ).bind(owner, name),
  ]);
}

/** @throws {ApiError} 409 where a name is that of a built-in model. */
export function refuseBuiltIn(name: string, what: 'replaced' | 'deleted'): void {
  if (!isBuiltIn(name)) return;
  throw new ApiError(409, {
    message: `"${name}" is a built-in model and cannot be ${what}${what === 'replaced' ? '; choose another name' : ''}.`,
    param: 'model',
    code: 'model_is_built_in',
  });
}

/** Makes `models` name the newest version. */
function newest(catalogue: D1Database, owner: string, name: string): D1PreparedStatement {
  return catalogue
    .prepare(
      `INSERT OR REPLACE INTO models (owner, name, sha256, bytes, manifest, created_at, version)
       SELECT owner, name, sha256, bytes, manifest, created_at, version FROM model_versions
         WHERE owner = ? AND name = ? AND deleted_at IS NULL ORDER BY version DESC LIMIT 1`,
    )
    .bind(owner, name);
}

function notFound(message: string): ApiError {
  return new ApiError(404, { message, param: 'model', code: 'model_not_found' });
}

function describeRow({ name, version, sha256, bytes, manifest, created_at }: VersionRow): ModelDescription {
  return {
    ...{ name, version, sha256, bytes, builtIn: false, createdAt: new Date(created_at) },
    manifest: manifestSchema.parse(JSON.parse(manifest)),
  };
}
