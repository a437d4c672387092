/** What the system says of files, in the words of this program. */
const problems: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EACCES: 'may not be read or written by you',
  EPERM: 'may not be read or written by you',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'is a file, not a folder',
  EEXIST: 'is there already',
};

/**
 * A message in which what Node says of a file (`ENOENT: no such file or directory, open 'a.npz'`) is said in words. What
 * stands before it stays, unless that is the file's name alone.
 */
export function withFileProblemInWords(message: string): string {
  const found = /^(?:(.*): )?(E[A-Z]+): [^:,]+, \w+ '([^']*)'(?: -> '.*')?$/.exec(message);
  if (found === null) return message;
  const [, before, code, path] = found;
  const problem = problems[code];
  if (problem === undefined) return message;
  return before === undefined || before === path ? `${path} ${problem}.` : `${before}: ${path} ${problem}.`;
}
