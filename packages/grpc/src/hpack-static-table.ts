/** The static table of HPACK (RFC 7541 appendix A). */

/** One header field; names are lower case, values Latin-1. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

// biome-ignore format: a table
const rows: readonly string[] = [
  ":authority", ":method GET", ":method POST", ":path /", ":path /index.html", ":scheme http",
  ":scheme https", ":status 200", ":status 204", ":status 206", ":status 304", ":status 400",
  ":status 404", ":status 500", "accept-charset", "accept-encoding gzip, deflate",
  "accept-language", "accept-ranges", "accept", "access-control-allow-origin", "age", "allow",
  "authorization", "cache-control", "content-disposition", "content-encoding", "content-language",
  "content-length", "content-location", "content-range", "content-type", "cookie", "date", "etag",
  "expect", "expires", "from", "host", "if-match", "if-modified-since", "if-none-match", "if-range",
  "if-unmodified-since", "last-modified", "link", "location", "max-forwards", "proxy-authenticate",
  "proxy-authorization", "range", "referer", "refresh", "retry-after", "server", "set-cookie",
  "strict-transport-security", "transfer-encoding", "user-agent", "vary", "via", "www-authenticate",
];

/** Entry `index - 1` is the field of static index `index`; 61 of them. */
export const staticTable: readonly HeaderField[] = rows.map((row) => {
  const space = row.indexOf(" ");
  return space < 0
    ? { name: row, value: "" }
    : { name: row.slice(0, space), value: row.slice(space + 1) };
});
