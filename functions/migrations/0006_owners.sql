-- Keys, and whose everything is. What was there before is of the owner 'default', whose key is the secret API_KEY.

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  -- SHA-256 of the key: the key itself is nowhere.
  sha256 TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  -- JSON: a list of embed, evaluate and admin.
  scopes TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT,
  last_used_at TEXT
) STRICT;

CREATE INDEX keys_by_owner ON keys (owner, created_at, id);

-- A name is taken within one owner. SQLite does not change a primary key, so the tables are made again.

CREATE TABLE models_next (
  owner TEXT NOT NULL DEFAULT 'default',
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  manifest TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (owner, name)
) STRICT;

INSERT INTO models_next (name, sha256, bytes, manifest, created_at)
  SELECT name, sha256, bytes, manifest, created_at FROM models;

DROP TABLE models;
ALTER TABLE models_next RENAME TO models;

CREATE TABLE sets_next (
  owner TEXT NOT NULL DEFAULT 'default',
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  count INTEGER NOT NULL,
  dimension INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  identities INTEGER,
  cameras INTEGER,
  kind TEXT NOT NULL DEFAULT 'embeddings',
  "groups" INTEGER,
  broken_pictures INTEGER NOT NULL DEFAULT 0,
  -- What a quota counts: of embeddings the features, of pictures their files; 0 of pictures from before.
  bytes INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (owner, name)
) STRICT;

INSERT INTO sets_next (name, sha256, count, dimension, created_at, identities, cameras, kind, "groups",
    broken_pictures, bytes)
  SELECT name, sha256, count, dimension, created_at, identities, cameras, kind, "groups", broken_pictures,
    4 * count * dimension
  FROM sets;

DROP TABLE sets;
ALTER TABLE sets_next RENAME TO sets;

-- A sweep asks of every content whether a set names it.
CREATE INDEX sets_by_content ON sets (sha256, owner);

ALTER TABLE uploads ADD COLUMN owner TEXT NOT NULL DEFAULT 'default';

ALTER TABLE evaluations ADD COLUMN owner TEXT NOT NULL DEFAULT 'default';

DROP INDEX evaluations_by_key;
CREATE UNIQUE INDEX evaluations_by_key ON evaluations (owner, idempotency_key);

DROP INDEX evaluations_by_age;
CREATE INDEX evaluations_by_age ON evaluations (owner, created_at, id);

-- How many of an owner's run, and which contents they need.
CREATE INDEX evaluations_unfinished ON evaluations (owner) WHERE finished_at IS NULL;

-- What a model made of one owner's pictures says nothing to another who has the same.
CREATE TABLE embedded_sets_next (
  owner TEXT NOT NULL DEFAULT 'default',
  pictures_sha256 TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  count INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  errors TEXT NOT NULL,
  PRIMARY KEY (owner, pictures_sha256, model_sha256)
) STRICT;

INSERT INTO embedded_sets_next (pictures_sha256, model_sha256, sha256, count, failed, errors)
  SELECT pictures_sha256, model_sha256, sha256, count, failed, errors FROM embedded_sets;

DROP TABLE embedded_sets;
ALTER TABLE embedded_sets_next RENAME TO embedded_sets;

CREATE INDEX embedded_sets_by_content ON embedded_sets (sha256, owner);
