/** Folds what repeats itself in a story. Pure. */
import type { Line } from "./line.ts";

/** Longest sequence of lines that is recognised when it repeats itself. */
const cycleLinesMax = 12;

/** Noise in a row becomes one line, and so does a sequence of lines that comes again at once. */
export function fold(lines: readonly Line[]): Line[] {
  return foldCycles(foldRoutine(lines));
}

/** `... 14 heartbeats, 12 answers to heartbeats`. */
function foldRoutine(lines: readonly Line[]): Line[] {
  const folded: Line[] = [];
  let run: Line[] = [];
  const flush = (): void => {
    const [first, second] = run;
    if (second === undefined) {
      if (first !== undefined) folded.push(first);
    } else if (first !== undefined) folded.push({ ...first, who: "", text: summary(run) });
    run = [];
  };
  for (const line of lines) {
    if (line.routine !== undefined) {
      run.push(line);
      continue;
    }
    flush();
    folded.push(line);
  }
  flush();
  return folded;
}

function summary(run: readonly Line[]): string {
  const counts = new Map<string, { readonly one: string; count: number }>();
  for (const { routine = ["", ""] } of run) {
    const [one, several] = routine;
    const known = counts.get(several);
    if (known === undefined) counts.set(several, { one, count: 1 });
    else known.count++;
  }
  const texts = [...counts].map(([several, { one, count }]) =>
    count === 1 ? `1 ${one}` : `${count} ${several}`,
  );
  return `... ${texts.join(", ")}`;
}

function foldCycles(lines: readonly Line[]): Line[] {
  const folded: Line[] = [];
  for (let at = 0; at < lines.length; ) {
    const { length, times } = cycleAt(lines, at);
    folded.push(...lines.slice(at, at + length));
    const next = at + length * times;
    const last = lines[next - 1];
    if (times > 1 && last !== undefined) {
      const what = length === 1 ? "the same" : `these ${length} lines`;
      const more = times === 2 ? "once more" : `${times - 1} times more`;
      folded.push({ atMs: last.atMs, who: "", text: `... ${what} ${more}` });
    }
    at = next;
  }
  return folded;
}

/** The shortest sequence that comes twice at least from here on; otherwise this one line. */
function cycleAt(lines: readonly Line[], at: number): { length: number; times: number } {
  for (let length = 1; length <= cycleLinesMax; length++) {
    let times = 1;
    while (isSame(lines, { at, other: at + times * length, length })) times++;
    if (times > 1) return { length, times };
  }
  return { length: 1, times: 1 };
}

function isSame(
  lines: readonly Line[],
  { at, other, length }: { readonly at: number; readonly other: number; readonly length: number },
): boolean {
  if (other + length > lines.length) return false;
  for (let offset = 0; offset < length; offset++) {
    const left = lines[at + offset];
    const right = lines[other + offset];
    if (left?.who !== right?.who || textWithoutCounts(left) !== textWithoutCounts(right))
      return false;
  }
  return true;
}

/** Folded noise is the same whatever its counts. */
function textWithoutCounts(line: Line | undefined): string | undefined {
  return line?.text.startsWith("... ") === true ? "..." : line?.text;
}
