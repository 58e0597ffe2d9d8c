/** A strict reader of Prometheus' text format 0.0.4: whatever is not in its grammar throws. */

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** By name. Throws for a text that Prometheus would refuse, or read otherwise than it is meant. */
export function parsePrometheus(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, Family & { readonly samples: Sample[] }>();
  const seen = new Set<string>();
  let family: (Family & { readonly samples: Sample[] }) | undefined;
  let help: { readonly name: string; readonly text: string } | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = "", rest = ""] = comment;
      if (kind === "HELP") {
        help = { name, text: rest };
        continue;
      }
      if (help?.name !== name) throw new Error(`no help before: ${line}`);
      if (families.has(name)) throw new Error(`twice: ${line}`);
      if (!/^(counter|gauge|histogram)$/.test(rest)) throw new Error(`type: ${line}`);
      family = { name, type: rest, help: help.text, samples: [] };
      families.set(name, family);
      continue;
    }
    const sample = parseSample(line);
    if (family === undefined || !belongsTo(family, sample.name)) throw new Error(`alone: ${line}`);
    const key = line.slice(0, line.lastIndexOf(" "));
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    family.samples.push(sample);
  }
  for (const each of families.values()) if (each.type === "histogram") checkHistogram(each);
  return families;
}

function belongsTo({ name, type }: Family, sample: string): boolean {
  if (type !== "histogram") return sample === name;
  return ["_bucket", "_sum", "_count"].some((end) => sample === `${name}${end}`);
}

function parseSample(line: string): Sample {
  const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name = "", labelText, valueText = ""] = match;
  const value = valueText === "+Inf" ? Number.POSITIVE_INFINITY : Number(valueText);
  if (!/^(\+Inf|-?\d+(\.\d+)?(e[+-]?\d+)?)$/.test(valueText)) throw new Error(`value: ${line}`);
  return { name, labels: parseLabels(labelText ?? "", line), value };
}

function parseLabels(text: string, line: string): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  let rest = text;
  while (rest !== "") {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/.exec(rest);
    if (match === null) throw new Error(`labels: ${line}`);
    const [whole, name = "", value = ""] = match;
    if (labels.has(name)) throw new Error(`label twice: ${line}`);
    labels.set(name, value);
    rest = rest.slice(whole.length);
  }
  return labels;
}

/** Buckets only grow, end at infinity, and come to the count. */
function checkHistogram({ name, samples }: Family): void {
  const series = new Map<string, { last: number; bound: number; count: number | undefined }>();
  for (const sample of samples) {
    const { le, ...others } = Object.fromEntries(sample.labels) as Record<string, string>;
    const key = JSON.stringify(others);
    const state = series.get(key) ?? { last: 0, bound: Number.NEGATIVE_INFINITY, count: undefined };
    series.set(key, state);
    if (sample.name.endsWith("_bucket")) {
      const bound = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
      if (!(bound > state.bound) || sample.value < state.last) throw new Error(`buckets: ${name}`);
      state.bound = bound;
      state.last = sample.value;
    } else if (sample.name.endsWith("_count")) state.count = sample.value;
  }
  for (const { last, bound, count } of series.values()) {
    if (bound !== Number.POSITIVE_INFINITY || last !== count) throw new Error(`count: ${name}`);
  }
}
