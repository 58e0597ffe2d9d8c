/** What Prometheus' own handler counts of its requests. */
import type { Counter, Gauge, Metrics } from "@flotilla/base";

export class ScrapeCounters {
  readonly #inFlight: Gauge;
  readonly #ok: Counter;

  constructor(metrics: Metrics) {
    this.#inFlight = metrics.gauge(
      "promhttp_metric_handler_requests_in_flight",
      "Current number of scrapes being served.",
    );
    const total = (code: string): Counter =>
      metrics.counter(
        "promhttp_metric_handler_requests_total",
        "Total number of scrapes by HTTP status code.",
        { code },
      );
    this.#ok = total("200");
    for (const code of ["500", "503"]) total(code);
  }

  /** Counts one; the text shows it as under way. */
  serve(text: () => string): string {
    this.#inFlight.set(1);
    const made = text();
    this.#inFlight.set(0);
    this.#ok.add();
    return made;
  }
}
