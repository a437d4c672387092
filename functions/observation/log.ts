/** A line of the log: one JSON object, which Workers Logs takes apart into fields. */
export function logLine(level: 'info' | 'error', event: string, fields: object): void {
  const line = JSON.stringify({ level, event, ...fields });
  if (level === 'error') console.error(line);
  else console.log(line);
}

/** An error that nobody foresaw, with where it comes from. */
export function logError(error: unknown, fields?: object): void {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  logLine('error', 'error', { ...fields, message, stack });
}
