-- What all isolates have counted, for /metrics.

CREATE TABLE counters (
  metric TEXT NOT NULL,
  -- As Prometheus writes them: method="GET",route="/v1/sets".
  labels TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (metric, labels)
) STRICT, WITHOUT ROWID;
