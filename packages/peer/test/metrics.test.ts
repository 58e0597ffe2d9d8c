import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { MetricRegistry } from "@flotilla/base";
import { pingMs } from "../src/limits.ts";
import { arrives, ManualTimers, pair, until } from "./fixtures.ts";

describe("metrics", () => {
  it("tell what went to each peer, and how long it takes there and back", async (t) => {
    const metrics = new MetricRegistry();
    const timers = new ManualTimers();
    const { a, b, close } = await pair({ metrics, timers });
    t.after(close);
    const value = (series: string): number => {
      const line = metrics
        .text()
        .split("\n")
        .find((text) => text.startsWith(`${series} `));
      return Number(line?.split(" ").at(-1));
    };
    await arrives(b, "a", a, "hello"); // a listened first: b reaches it at once.
    const sent = value('etcd_network_peer_sent_bytes_total{To="a"}');
    const received = value('etcd_network_peer_received_bytes_total{From="b"}');
    deepEqual([sent % 5, received % 5], [0, 0], "whole messages");
    deepEqual(value('etcd_network_active_peers{Local="b",Remote="a"}'), 1);
    timers.advance(pingMs);
    const roundTrips = 'etcd_network_peer_round_trip_time_seconds_count{To="a"}';
    await until(() => value(roundTrips) === 1, "the echo of a ping");
    await close();
    deepEqual(value('etcd_network_active_peers{Local="b",Remote="a"}'), 0);
    deepEqual(value('etcd_network_disconnected_peers_total{Local="b",Remote="a"}'), 1);
  });
});
