/** A duration as Go writes it, for lines of the log that are read by tools made for etcd. Pure. */

/** Below a second with its unit, `301.25ms`; above in parts, `1m2.5s`. */
export function goDuration(durationMs: number): string {
  if (durationMs < 1) return `${trimmed(durationMs * 1000)}µs`;
  if (durationMs < 1000) return `${trimmed(durationMs)}ms`;
  const seconds = durationMs / 1000;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${trimmed(seconds % 60)}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

function trimmed(value: number): string {
  return String(Number(value.toFixed(6)));
}
