/** What members hold in memory, over time, and whether that grows. */
import { readFileSync } from "node:fs";

/** Samples of one process, at least so many after the warm-up, before anything is said of it. */
const samplesMin = 12;
/**
 * Flat: the lowest sample of the last third is not above that of the first by more than this part, or
 * this much. The lowest, since garbage piles up until the engine collects it: what is left then is held.
 */
const growthRatioMax = 0.15;
const growthMiBMax = 24;

export interface Sample {
  readonly atMs: number;
  readonly pid: number;
  /** All that is resident. */
  readonly mib: number;
  /** What of it is the program and the store's file as it is read: the system takes that back when it likes. */
  readonly fileMib?: number;
}

export interface MemoryVerdict {
  /** MiB, one number a sample. */
  readonly series: readonly number[];
  /** The same of what is files alone. */
  readonly files: readonly number[];
  /** Least squares over what comes after the warm-up, MiB a minute. */
  readonly slope: number;
  /** Undefined: too few samples after the warm-up, or of more than one process: a new one always grows. */
  readonly isFlat: boolean | undefined;
}

/** Resident memory of a process; undefined when there is none. */
export function residentMemory(pid: number): Omit<Required<Sample>, "atMs" | "pid"> | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const read = (name: string): number => {
      const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
      return Math.round(Number(kilobytes ?? 0) / 102.4) / 10;
    };
    const mib = read("VmRSS");
    return mib === 0 ? undefined : { mib, fileMib: read("RssFile") };
  } catch {
    return undefined;
  }
}

export function judgeMemory(samples: readonly Sample[], warmUpMs: number): MemoryVerdict {
  const judged = samples.filter(({ atMs }) => atMs >= warmUpMs);
  const series = samples.map(({ mib }) => mib);
  const slope = Math.round(slopeOf(judged) * 60_000 * 100) / 100;
  const files = samples.map(({ fileMib = 0 }) => fileMib);
  const isOneProcess = new Set(judged.map(({ pid }) => pid)).size === 1;
  if (judged.length < samplesMin || !isOneProcess) {
    return { series, files, slope, isFlat: undefined };
  }
  const third = Math.floor(judged.length / 3);
  const first = floor(judged.slice(0, third));
  const last = floor(judged.slice(-third));
  const isFlat = last - first <= Math.max(growthMiBMax, first * growthRatioMax);
  return { series, files, slope, isFlat };
}

function floor(samples: readonly Sample[]): number {
  return Math.min(...samples.map(({ mib }) => mib));
}

function mean(samples: readonly Sample[]): number {
  return samples.reduce((sum, { mib }) => sum + mib, 0) / samples.length;
}

/** MiB a millisecond; 0 for fewer than two samples. */
function slopeOf(samples: readonly Sample[]): number {
  if (samples.length < 2) return 0;
  const atMs = samples.reduce((sum, sample) => sum + sample.atMs, 0) / samples.length;
  const mib = mean(samples);
  let above = 0;
  let below = 0;
  for (const sample of samples) {
    above += (sample.atMs - atMs) * (sample.mib - mib);
    below += (sample.atMs - atMs) ** 2;
  }
  return below === 0 ? 0 : above / below;
}
