/** What the process ends with; 0 is success. */
export const EXIT_CODES = {
  failure: 1,
  /** The command line, or what it is configured by, means nothing. */
  usage: 2,
  /** mAP is under `--fail-under-map`. */
  underThreshold: 3,
  /** Ctrl-C or a polite kill. */
  interrupted: 130,
} as const;

/** A command line or a configuration that means nothing. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
