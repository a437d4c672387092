/** The script with all its modules, gzipped, as the smallest plan takes it. */
export const MAX_SCRIPT_GZIP_BYTES = 3_000_000;

/** Processor time until a Worker can answer. Cloudflare allows a second; every new isolate spends it. */
export const MAX_STARTUP_CPU_MS = 100;
