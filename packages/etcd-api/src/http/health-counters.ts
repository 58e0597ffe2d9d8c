/** How often it was asked whether this member is well, and what was found. */
import type { Counter, Gauge, Metrics } from "@flotilla/base";

export class HealthCounters {
  readonly #metrics: Metrics;
  readonly #success: Counter;
  readonly #failures: Counter;
  readonly #checks = new Map<string, CheckCounters>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#success = metrics.counter(
      "etcd_server_health_success",
      "The total number of successful health checks",
    );
    this.#failures = metrics.counter(
      "etcd_server_health_failures",
      "The total number of failed health checks",
    );
  }

  /** `/health` was asked. */
  health(isGood: boolean): void {
    (isGood ? this.#success : this.#failures).add();
  }

  /** One check of `/livez` or `/readyz` was made. */
  check(type: string, name: string, isGood: boolean): void {
    const counters = this.#of(type, name);
    counters.state.set(isGood ? 1 : 0);
    (isGood ? counters.success : counters.failure()).add();
  }

  #of(type: string, name: string): CheckCounters {
    const key = `${type}/${name}`;
    let counters = this.#checks.get(key);
    if (counters === undefined) {
      counters = this.#make(type, name);
      this.#checks.set(key, counters);
    }
    return counters;
  }

  #make(type: string, name: string): CheckCounters {
    const metrics = this.#metrics;
    const total = (status: string): Counter =>
      metrics.counter(
        "etcd_server_healthchecks_total",
        "The total number of each kind of healthcheck.",
        { name, status, type },
      );
    return {
      state: metrics.gauge("etcd_server_healthcheck", "The result of each kind of healthcheck.", {
        name,
        type,
      }),
      success: total("success"),
      failure: () => total("error"),
    };
  }
}

interface CheckCounters {
  readonly state: Gauge;
  readonly success: Counter;
  /** Shown once there was one. */
  failure(): Counter;
}
