/**
 * How `--auto-compaction-mode` and `--auto-compaction-retention` are read. Pure.
 * Source: etcd server/embed/etcd.go, parseCompactionRetention.
 */

/** Which history is kept. */
export type AutoCompaction =
  | { readonly kind: "off" }
  /** What happened in the last `periodMs`. */
  | { readonly kind: "periodic"; readonly periodMs: number }
  /** The last `revisions`. */
  | { readonly kind: "revision"; readonly revisions: number };

/** The option, or what is wrong with its text. */
export type ParsedAutoCompaction =
  | AutoCompaction
  | { readonly kind: "wrong"; readonly text: string };

const hourMs = 3_600_000;
const nanosecondsPerMs = 1e6;
/** Go's units of time, in milliseconds. */
const unitsMs: Readonly<Record<string, number>> = {
  ns: 1 / nanosecondsPerMs,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: hourMs,
};
const durationPattern = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const partPattern = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** `mode` is `periodic` or `revision`; a bare number is hours in the one, revisions in the other. */
export function parseAutoCompaction(mode: string, retention: string): ParsedAutoCompaction {
  if (mode !== "periodic" && mode !== "revision") {
    return { kind: "wrong", text: `unknown auto-compaction-mode ${JSON.stringify(mode)}` };
  }
  const isNumber = /^\+?\d+$/.test(retention);
  const durationMs = isNumber ? Number(retention) * hourMs : durationMsOf(retention);
  if (durationMs === undefined) {
    const text = `error parsing CompactionRetention: time: invalid duration ${JSON.stringify(retention)}`;
    return { kind: "wrong", text };
  }
  if (durationMs <= 0) return { kind: "off" };
  if (mode === "periodic") return { kind: mode, periodMs: durationMs };
  // A duration where revisions are counted is its nanoseconds: odd, and etcd's.
  const revisions = isNumber ? Number(retention) : durationMs * nanosecondsPerMs;
  return { kind: mode, revisions };
}

/** Go's `time.ParseDuration`, in milliseconds; undefined when it is none. */
export function durationMsOf(text: string): number | undefined {
  if (text === "0") return 0;
  if (!durationPattern.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit = ""] of text.matchAll(partPattern)) {
    ms += Number(count) * (unitsMs[unit] ?? 0);
  }
  return text.startsWith("-") ? -ms : ms;
}
