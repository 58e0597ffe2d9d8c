/** What `snapshot status` prints, as etcdutl prints it. Pure. */

export interface SnapshotStatus {
  readonly hash: number;
  readonly revision: number;
  readonly totalKey: number;
  readonly totalSize: number;
  readonly version: string;
}

export const statusFormats = ["simple", "json", "table", "fields"] as const;
export type StatusFormat = (typeof statusFormats)[number];

export function statusText(status: SnapshotStatus, format: StatusFormat): string {
  const { hash, revision, totalKey, totalSize, version } = status;
  const cells = [
    hash.toString(16),
    String(revision),
    String(totalKey),
    sizeText(totalSize),
    version,
  ];
  switch (format) {
    case "json":
      return JSON.stringify({ hash, revision, totalKey, totalSize, version });
    case "fields":
      return [
        `"Hash" : ${hash}`,
        `"Revision" : ${revision}`,
        `"Keys" : ${totalKey}`,
        `"Size" : ${totalSize}`,
        `"Version" : ${version}`,
      ].join("\n");
    case "table":
      return boxed(["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE", "VERSION"], cells);
    case "simple":
      return cells.join(", ");
  }
}

const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;

/** As Go's humanize.Bytes: powers of 1000, one decimal below 10. */
export function sizeText(bytes: number): string {
  if (bytes < 10) return `${bytes} B`;
  const power = Math.floor(Math.log10(bytes) / 3);
  const value = Math.floor((bytes / 1000 ** power) * 10 + 0.5) / 10;
  return `${value < 10 ? value.toFixed(1) : roundedToEven(value)} ${units[power]}`;
}

/** Go rounds a half to the even neighbour. */
function roundedToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** One head and one row between lines; heads are centred, cells stand on the right. */
function boxed(heads: readonly string[], cells: readonly string[]): string {
  const widths = heads.map((head, at) => Math.max(head.length, cells[at]?.length ?? 0));
  const rule = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right;
  const row = (texts: readonly string[], pad: (text: string, width: number) => string): string =>
    `│${texts.map((text, at) => ` ${pad(text, widths[at] ?? 0)} `).join("│")}│`;
  const centred = (text: string, width: number): string =>
    text.padStart(text.length + Math.floor((width - text.length) / 2)).padEnd(width);
  return [
    rule("┌", "┬", "┐"),
    row(heads, centred),
    rule("├", "┼", "┤"),
    row(cells, (text, width) => text.padStart(width)),
    rule("└", "┴", "┘"),
  ].join("\n");
}
