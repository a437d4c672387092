-- Every bundle that was ever a model's, by number. A number is given once: of a version that was deleted the row
-- stays. `models` names the newest version that is there.

CREATE TABLE model_versions (
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  manifest TEXT NOT NULL,
  created_at TEXT NOT NULL,
  deleted_at TEXT,
  PRIMARY KEY (owner, name, version)
) STRICT;

INSERT INTO model_versions (owner, name, version, sha256, bytes, manifest, created_at)
  SELECT owner, name, 1, sha256, bytes, manifest, created_at FROM models;

CREATE INDEX model_versions_by_content ON model_versions (sha256, owner);

ALTER TABLE models ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- The model of an owner's requests that name none; the service's own where there is no row.
CREATE TABLE default_models (
  owner TEXT PRIMARY KEY,
  model TEXT NOT NULL
) STRICT;

-- Bundles are held like the contents of sets: as long as a version or an unfinished evaluation names them.
INSERT OR IGNORE INTO holders (id)
  SELECT DISTINCT CASE owner WHEN 'default' THEN sha256 ELSE 'owners/' || owner || '/' || sha256 END FROM models;

INSERT OR IGNORE INTO holds (holder, object)
  SELECT DISTINCT
    CASE owner WHEN 'default' THEN sha256 ELSE 'owners/' || owner || '/' || sha256 END,
    CASE owner WHEN 'default' THEN '' ELSE 'owners/' || owner || '/' END || 'models/' || sha256 || '.safetensors'
  FROM models;
