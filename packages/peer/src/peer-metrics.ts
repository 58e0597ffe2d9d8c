/** What is counted of the ways to the other members (etcd server/etcdserver/api/rafthttp/metrics.go). */
import {
  type Counter,
  exponentialBounds,
  type Gauge,
  type Histogram,
  type Metrics,
  silentMetrics,
} from "@flotilla/base";
import type { NodeId } from "@flotilla/consensus";
import { metersMax } from "./limits.ts";

/** Of one member. */
export interface PeerMeters {
  readonly sentBytes: Counter;
  readonly receivedBytes: Counter;
  readonly sentFailures: Counter;
  readonly roundTripSeconds: Histogram;
  /** 1 while messages have a connection. */
  readonly active: Gauge;
  readonly disconnected: Counter;
}

/** Makes the meters of each member once. */
export class PeerMetrics {
  readonly #metrics: Metrics;
  readonly #self: NodeId;
  readonly #meters = new Map<NodeId, PeerMeters>();

  constructor(metrics: Metrics, self: NodeId) {
    this.#metrics = metrics;
    this.#self = self;
    showKnown(metrics, { Local: self, Remote: self });
  }

  of(peer: NodeId): PeerMeters {
    const known = this.#meters.get(peer);
    if (known !== undefined) return known;
    if (this.#meters.size >= metersMax) return metersOf(silentMetrics, this.#self, peer);
    const made = metersOf(this.#metrics, this.#self, peer);
    this.#meters.set(peer, made);
    return made;
  }
}

function showKnown(metrics: Metrics, between: { Local: NodeId; Remote: NodeId }): void {
  metrics.gauge("etcd_network_known_peers", "The current number of known peers.", between).set(1);
}

function metersOf(metrics: Metrics, self: NodeId, peer: NodeId): PeerMeters {
  const to = { To: peer };
  const from = { From: peer };
  const between = { Local: self, Remote: peer };
  showKnown(metrics, between);
  metrics.counter(
    "etcd_network_peer_received_failures_total",
    "The total number of receive failures from peers.",
    from,
  );
  return {
    sentBytes: metrics.counter(
      "etcd_network_peer_sent_bytes_total",
      "The total number of bytes sent to peers.",
      to,
    ),
    receivedBytes: metrics.counter(
      "etcd_network_peer_received_bytes_total",
      "The total number of bytes received from peers.",
      from,
    ),
    sentFailures: metrics.counter(
      "etcd_network_peer_sent_failures_total",
      "The total number of send failures from peers.",
      to,
    ),
    roundTripSeconds: metrics.histogram(
      "etcd_network_peer_round_trip_time_seconds",
      "Round-Trip-Time histogram between peers",
      exponentialBounds(0.0001, 2, 16),
      to,
    ),
    active: metrics.gauge(
      "etcd_network_active_peers",
      "The current number of active peer connections.",
      between,
    ),
    disconnected: metrics.counter(
      "etcd_network_disconnected_peers_total",
      "The total number of disconnected peers.",
      between,
    ),
  };
}
