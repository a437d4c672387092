-- What there is, by name. Contents lie in R2 under their SHA-256, so a row changes in one step.

CREATE TABLE models (
  name TEXT PRIMARY KEY,
  sha256 TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  manifest TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE sets (
  name TEXT PRIMARY KEY,
  sha256 TEXT NOT NULL,
  count INTEGER NOT NULL,
  dimension INTEGER NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

-- An evaluation names the contents it ranks: a set that is uploaded again under its name changes nothing here.
CREATE TABLE evaluations (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('queued', 'succeeded', 'failed')),
  query_set TEXT NOT NULL,
  query_sha256 TEXT NOT NULL,
  query_count INTEGER NOT NULL,
  gallery_set TEXT NOT NULL,
  gallery_sha256 TEXT NOT NULL,
  gallery_count INTEGER NOT NULL,
  protocol TEXT NOT NULL,
  distance TEXT NOT NULL,
  shards_done INTEGER NOT NULL DEFAULT 0,
  shards_total INTEGER NOT NULL DEFAULT 0,
  result TEXT,
  error TEXT,
  created_at TEXT NOT NULL,
  finished_at TEXT
) STRICT;
