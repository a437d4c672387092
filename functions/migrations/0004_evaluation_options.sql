-- What an evaluation was asked for beside protocol and distance, as JSON. A protocol that is a rule is JSON too.
ALTER TABLE evaluations ADD COLUMN options TEXT NOT NULL DEFAULT '{}';

-- How the webhook of an evaluation fares.
ALTER TABLE evaluations ADD COLUMN webhook_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evaluations ADD COLUMN webhook_status TEXT;
ALTER TABLE evaluations ADD COLUMN webhook_delivered_at TEXT;

-- How fast shards were found to run, in multiply-adds a second.
CREATE TABLE speeds (
  engine TEXT PRIMARY KEY,
  multiply_adds_per_second REAL NOT NULL,
  measured_at TEXT NOT NULL
) STRICT;
