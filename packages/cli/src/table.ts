/** Prints rows in aligned columns, as kubectl does: upper-case heads, three spaces between. */

/** Lines of text; the last column is not padded. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === cells.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 3),
      )
      .join("")
      .trimEnd();
  return [line(heads), ...rows.map(line)].join("\n");
}
