/**
 * Rows under a heading, in columns as wide as they have to be. Numbers go to the right.
 *
 * @param rows an entry a column; what is missing is left empty.
 */
export function renderTable(
  heading: readonly string[],
  rows: readonly (readonly (string | number | null | undefined)[])[],
): string {
  const texts = rows.map((row) => row.map((value) => String(value ?? '')));
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...texts.map((row) => row[column].length)),
  );
  const isNumber = heading.map((_, column) => rows.some((row) => typeof row[column] === 'number'));
  return [heading, ...texts]
    .map((row) =>
      row
        .map((text, column) =>
          isNumber[column] ? text.padStart(widths[column]) : text.padEnd(widths[column]),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
