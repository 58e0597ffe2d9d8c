/** Paths with `/` between their parts: what the log needs of them. Pure. */

/** The path of `name` in `directory`. */
export function pathIn(directory: string, name: string): string {
  return directory.endsWith("/") ? `${directory}${name}` : `${directory}/${name}`;
}

/** The directory that holds `path`. */
export function parentOf(path: string): string {
  const end = path.endsWith("/") ? path.length - 1 : path.length;
  const slash = path.lastIndexOf("/", end - 1);
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
}
