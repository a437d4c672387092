-- Evaluations that can be cancelled, that are repeated by their key and not twice, and that say what made them.
-- SQLite does not change a CHECK, so the table is made again.

CREATE TABLE evaluations_next (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  query_set TEXT NOT NULL,
  query_sha256 TEXT NOT NULL,
  query_count INTEGER NOT NULL,
  gallery_set TEXT NOT NULL,
  gallery_sha256 TEXT NOT NULL,
  gallery_count INTEGER NOT NULL,
  dimension INTEGER NOT NULL,
  protocol TEXT NOT NULL,
  distance TEXT NOT NULL,
  -- Of the service that took the evaluation on.
  version TEXT NOT NULL,
  idempotency_key TEXT,
  -- SHA-256 of the request that came with the key.
  request_sha256 TEXT,
  webhook_url TEXT,
  shards_done INTEGER NOT NULL DEFAULT 0,
  shards_total INTEGER NOT NULL DEFAULT 0,
  result TEXT,
  error TEXT,
  created_at TEXT NOT NULL,
  finished_at TEXT
) STRICT;

INSERT INTO evaluations_next (id, state, query_set, query_sha256, query_count, gallery_set, gallery_sha256,
    gallery_count, dimension, protocol, distance, version, shards_done, shards_total, result, error, created_at,
    finished_at)
  SELECT id, state, query_set, query_sha256, query_count, gallery_set, gallery_sha256, gallery_count,
    COALESCE((SELECT dimension FROM sets WHERE sets.sha256 = evaluations.query_sha256), 0), protocol, distance,
    '0.1.0', shards_done, shards_total, result, error, created_at, finished_at
  FROM evaluations;

DROP TABLE evaluations;
ALTER TABLE evaluations_next RENAME TO evaluations;

-- Of two requests with one key that come together, one is taken.
CREATE UNIQUE INDEX evaluations_by_key ON evaluations (idempotency_key);

-- The list: newest first.
CREATE INDEX evaluations_by_age ON evaluations (created_at, id);
