/**
 * Metrics as Prometheus counts them: a registry, and its text. Pure.
 *
 * Made for hot paths: a metric is a number in an array, found once by whoever counts. Source of the
 * text: prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
 */
import { assert } from "./assert.ts";

/** Label names and values, in order; the names of one metric are the same at each of its series. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  /** By 0 or more; by 1 unless told. */
  add(amount?: number): void;
}

export interface Gauge {
  set(value: number): void;
  add(amount: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

/** Where parts register what they count. The same name and labels give the same series again. */
export interface Metrics {
  counter(name: string, help: string, labels?: Labels): Counter;
  gauge(name: string, help: string, labels?: Labels): Gauge;
  /** `bounds`: upper ends of the buckets, ascending, without the infinite one. */
  histogram(name: string, help: string, bounds: readonly number[], labels?: Labels): Histogram;
  /**
   * A counter or gauge that is read when the text is made, for what is counted elsewhere already.
   * Registered again with the same labels, `read` is replaced.
   */
  observed(
    type: "counter" | "gauge",
    name: string,
    help: string,
    read: () => number,
    labels?: Labels,
  ): void;
}

const nothing = { add() {}, set() {}, observe() {} };

/** Counts nothing. */
export const silentMetrics: Metrics = {
  counter: () => nothing,
  gauge: () => nothing,
  histogram: () => nothing,
  observed() {},
};

/** `count` bounds from `start`, each `factor` times the one before; etcd's histograms are of this kind. */
export function exponentialBounds(start: number, factor: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => start * factor ** at);
}

/** Series of one metric; beyond, a new one is not shown, so that no peer or client can fill the memory. */
export const seriesMax = 2_000;

type Type = "counter" | "gauge" | "histogram";

interface Series {
  /** Lines of the text. */
  write(name: string, lines: string[]): void;
}

class Value implements Counter, Gauge, Series {
  readonly #labels: string;
  #value = 0;
  #read: (() => number) | undefined;

  constructor(labels: string) {
    this.#labels = labels;
  }

  add(amount = 1): void {
    this.#value += amount;
  }

  set(value: number): void {
    this.#value = value;
  }

  readFrom(read: () => number): void {
    this.#read = read;
  }

  write(name: string, lines: string[]): void {
    const value = this.#read === undefined ? this.#value : this.#read();
    lines.push(`${name}${braced(this.#labels)} ${numberText(value)}`);
  }
}

class Buckets implements Histogram, Series {
  readonly #labels: string;
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(labels: string, bounds: readonly number[]) {
    this.#labels = labels;
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += value;
  }

  write(name: string, lines: string[]): void {
    const separator = this.#labels === "" ? "" : ",";
    let total = 0;
    for (const [at, count] of this.#counts.entries()) {
      total += count;
      const bound = this.#bounds[at];
      const end = bound === undefined ? "+Inf" : numberText(bound);
      lines.push(`${name}_bucket{${this.#labels}${separator}le="${end}"} ${total}`);
    }
    const labels = braced(this.#labels);
    lines.push(`${name}_sum${labels} ${numberText(this.#sum)}`, `${name}_count${labels} ${total}`);
  }
}

interface Family<S extends Series = Series> {
  readonly type: Type;
  readonly help: string;
  readonly series: Map<string, S>;
}

/** Keeps all metrics of a process. */
export class MetricRegistry implements Metrics {
  readonly #families: Map<string, Family> = new Map();

  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.#series("counter", { name, help }, labels, (text) => new Value(text));
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    return this.#series("gauge", { name, help }, labels, (text) => new Value(text));
  }

  histogram(name: string, help: string, bounds: readonly number[], labels: Labels = {}): Histogram {
    return this.#series("histogram", { name, help }, labels, (text) => new Buckets(text, bounds));
  }

  observed(
    type: "counter" | "gauge",
    name: string,
    help: string,
    read: () => number,
    labels: Labels = {},
  ): void {
    this.#series(type, { name, help }, labels, (text) => new Value(text)).readFrom(read);
  }

  /** Everything, sorted by name, as Prometheus reads it. */
  text(): string {
    const lines: string[] = [];
    for (const name of [...this.#families.keys()].sort()) {
      const { type, help, series } = this.#families.get(name) as Family;
      lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`);
      for (const each of series.values()) each.write(name, lines);
    }
    return `${lines.join("\n")}\n`;
  }

  #series<S extends Series>(
    type: Type,
    { name, help }: { readonly name: string; readonly help: string },
    labels: Labels,
    make: (labels: string) => S,
  ): S {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { type, help, series: new Map() };
      this.#families.set(name, family);
    }
    assert(family.type === type, "metrics: a name has one type");
    const text = labelText(labels);
    const known = family.series.get(text);
    if (known !== undefined) return known as S;
    const made = make(text);
    if (family.series.size < seriesMax) family.series.set(text, made);
    return made;
  }
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`)
    .join(",");
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}
