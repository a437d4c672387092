-- Who needs which object of R2. A holder is an upload, until it expires, or a content, as long as a set or an
-- unfinished evaluation names it. An object is removed when nobody holds it.

CREATE TABLE holders (
  id TEXT PRIMARY KEY,
  -- In milliseconds since 1970; NULL for a content.
  expires_at INTEGER,
  -- Counts the changes of an upload's parts: it completes as it was read, or not at all.
  revision INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE holds (
  object TEXT NOT NULL,
  holder TEXT NOT NULL,
  PRIMARY KEY (holder, object)
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_by_object ON holds (object);

-- Objects on their way out of R2: who wants to store one again waits until it is gone.
CREATE TABLE removals (
  object TEXT PRIMARY KEY,
  started_at INTEGER NOT NULL
) STRICT;

CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  set_name TEXT NOT NULL,
  count INTEGER NOT NULL,
  dimension INTEGER NOT NULL,
  dtype TEXT,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE upload_parts (
  upload TEXT NOT NULL,
  part INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  blocks TEXT NOT NULL,
  labels TEXT,
  PRIMARY KEY (upload, part)
) STRICT;

-- Different identities and cameras of a set; unknown of those that were stored before.
ALTER TABLE sets ADD COLUMN identities INTEGER;
ALTER TABLE sets ADD COLUMN cameras INTEGER;
