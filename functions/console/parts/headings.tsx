/** The headings of a table's columns. @param of in their order; a column of numbers is named in a list of one. */
export function Headings({ of }: { of: readonly (string | readonly [numbers: string])[] }) {
  return (
    <thead>
      <tr>
        {of.map((column) =>
          typeof column === 'string' ? (
            <th key={column} scope="col">
              {column}
            </th>
          ) : (
            <th key={column[0]} scope="col" class="number">
              {column[0]}
            </th>
          ),
        )}
      </tr>
    </thead>
  );
}
