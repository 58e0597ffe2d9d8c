import { equal, ok, throws } from "node:assert/strict";
import { it } from "node:test";
import { exponentialBounds, InvariantError, MetricRegistry, seriesMax } from "@flotilla/base";

it("writes what Prometheus reads, sorted by name", () => {
  const metrics = new MetricRegistry();
  const puts = metrics.counter("puts_total", "Puts.");
  puts.add();
  puts.add(2);
  const size = metrics.gauge("db_bytes", "Size\nof it \\ all.");
  size.set(10);
  size.add(-0.5);
  metrics.observed("gauge", "is_leader", "1 on the leader.", () => 1);
  equal(
    metrics.text(),
    [
      "# HELP db_bytes Size\\nof it \\\\ all.",
      "# TYPE db_bytes gauge",
      "db_bytes 9.5",
      "# HELP is_leader 1 on the leader.",
      "# TYPE is_leader gauge",
      "is_leader 1",
      "# HELP puts_total Puts.",
      "# TYPE puts_total counter",
      "puts_total 3",
      "",
    ].join("\n"),
  );
});

it("counts a value in the first bucket whose end it does not exceed", () => {
  const metrics = new MetricRegistry();
  const times = metrics.histogram("sync_seconds", "Syncs.", [0.5, 1], { disk: "a" });
  for (const value of [0.1, 0.5, 0.6, 1, 7]) times.observe(value);
  equal(
    metrics.text(),
    [
      "# HELP sync_seconds Syncs.",
      "# TYPE sync_seconds histogram",
      'sync_seconds_bucket{disk="a",le="0.5"} 2',
      'sync_seconds_bucket{disk="a",le="1"} 4',
      'sync_seconds_bucket{disk="a",le="+Inf"} 5',
      'sync_seconds_sum{disk="a"} 9.2',
      'sync_seconds_count{disk="a"} 5',
      "",
    ].join("\n"),
  );
});

it("gives the same series again, and escapes label values", () => {
  const metrics = new MetricRegistry();
  metrics.counter("calls", "Calls.", { method: 'a"b\\c\n' }).add();
  metrics.counter("calls", "Calls.", { method: 'a"b\\c\n' }).add();
  metrics.observed("gauge", "age", "Age.", () => 1);
  metrics.observed("gauge", "age", "Age.", () => 2);
  const text = metrics.text();
  ok(text.includes('calls{method="a\\"b\\\\c\\n"} 2\n'), text);
  ok(text.includes("\nage 2\n") && !text.includes("\nage 1\n"), text);
});

it("shows no more series of one metric than the limit, and goes on", () => {
  const metrics = new MetricRegistry();
  for (let at = 0; at < seriesMax + 10; at++) metrics.counter("x", "X.", { at: `${at}` }).add();
  equal(metrics.text().split("\n").length, seriesMax + 3);
});

it("refuses a name with two types", () => {
  const metrics = new MetricRegistry();
  metrics.counter("x", "X.");
  throws(() => metrics.gauge("x", "X."), InvariantError);
});

it("makes etcd's buckets", () => {
  const bounds = exponentialBounds(0.001, 2, 14);
  equal(bounds.length, 14);
  equal(bounds[13], 8.192);
});
