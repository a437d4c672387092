/** Prints what a command found: for people, or with `--json` as the one object on standard output. */
export function printResult<Result>(
  { json }: { readonly json?: true },
  result: Result,
  render: (result: Result) => string,
): void {
  console.log(json ? JSON.stringify(result) : render(result));
}
