/**
 * Counts calls as etcd's servers do (go-grpc-prometheus, etcd server/etcdserver/api/v3rpc/metrics.go),
 * and tells the log of those that took long.
 */
import {
  type Counter,
  exponentialBounds,
  type Histogram,
  type Logger,
  type Metrics,
} from "@flotilla/base";
import {
  type Call,
  type Metadata,
  type Method,
  type MethodObserver,
  type StatusCode,
  statusCode,
  type Timers,
} from "@flotilla/grpc";
import { goDuration } from "./go-duration.ts";

/** What observers share. */
export interface CallMetricsDeps {
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly timers: Pick<Timers, "nowMs">;
}

export interface CallMetricsOptions {
  /** A unary call that takes longer is logged. */
  readonly warnUnaryMs: number;
  /** Also how long each call took. */
  readonly extensiveMetrics: boolean;
}

// biome-ignore format: a table
const codeNames: Readonly<Record<StatusCode, string>> = {
  [statusCode.ok]: "OK", [statusCode.cancelled]: "Canceled", [statusCode.unknown]: "Unknown",
  [statusCode.invalidArgument]: "InvalidArgument", [statusCode.deadlineExceeded]: "DeadlineExceeded",
  [statusCode.notFound]: "NotFound", [statusCode.alreadyExists]: "AlreadyExists",
  [statusCode.permissionDenied]: "PermissionDenied",
  [statusCode.resourceExhausted]: "ResourceExhausted",
  [statusCode.failedPrecondition]: "FailedPrecondition", [statusCode.aborted]: "Aborted",
  [statusCode.outOfRange]: "OutOfRange", [statusCode.unimplemented]: "Unimplemented",
  [statusCode.internal]: "Internal", [statusCode.unavailable]: "Unavailable",
  [statusCode.dataLoss]: "DataLoss", [statusCode.unauthenticated]: "Unauthenticated",
};

const typeNames: Readonly<Record<Method["kind"], string>> = {
  unary: "unary",
  serverStream: "server_stream",
  clientStream: "client_stream",
  bidi: "bidi_stream",
};

/** Upper ends of the buckets of how long calls take, as go-grpc-prometheus has them. */
const handlingSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Methods that etcd measures as requests, by its names for them. */
const requestTypes: ReadonlyMap<string, string> = new Map([
  ["/etcdserverpb.KV/Range", "Range"],
  ["/etcdserverpb.KV/Put", "Put"],
  ["/etcdserverpb.KV/DeleteRange", "DeleteRange"],
  ["/etcdserverpb.KV/Txn", "Txn"],
  ["/etcdserverpb.KV/Compact", "Compaction"],
  ["/etcdserverpb.Lease/LeaseGrant", "LeaseGrant"],
  ["/etcdserverpb.Lease/LeaseRevoke", "LeaseRevoke"],
]);

function requestHistograms(
  metrics: Metrics,
  path: string,
): { readonly ok: Histogram; readonly failed: Histogram } | undefined {
  const type = requestTypes.get(path);
  if (type === undefined) return undefined;
  const of = (success: boolean): Histogram =>
    metrics.histogram(
      "etcd_server_request_duration_seconds",
      "Response latency distribution in seconds for each type.",
      exponentialBounds(0.001, 2, 14),
      { success: String(success), type },
    );
  return { ok: of(true), failed: of(false) };
}

/** Versions of clients that are told apart; further ones are counted as unknown. */
const clientVersionsMax = 32;

/** Makes observers; one for all methods of a server. */
export class CallMetrics {
  readonly deps: CallMetricsDeps;
  readonly options: CallMetricsOptions;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
  readonly #requests = new Map<string, Counter>();

  constructor(deps: CallMetricsDeps, options: CallMetricsOptions) {
    this.deps = deps;
    this.options = options;
    this.receivedBytes = deps.metrics.counter(
      "etcd_network_client_grpc_received_bytes_total",
      "The total number of bytes received from grpc clients.",
    );
    this.sentBytes = deps.metrics.counter(
      "etcd_network_client_grpc_sent_bytes_total",
      "The total number of bytes sent to grpc clients.",
    );
  }

  /** The same method, observed. */
  observe(path: string, method: Method): Method {
    return { ...method, observer: new CallObserver(this, path, method.kind) };
  }

  /** What counts calls of a type by what their client says of itself. */
  requests(type: CallType, clientVersion: string | undefined): Counter {
    const version = clientVersion ?? "unknown";
    const key = `${type} ${version}`;
    const known = this.#requests.get(key);
    if (known !== undefined) return known;
    if (version !== "unknown" && !this.#isTakenIn(version)) return this.requests(type, undefined);
    const counter = this.deps.metrics.counter(
      "etcd_server_client_requests_total",
      "The total number of client requests per client version.",
      { client_api_version: version, type },
    );
    this.#requests.set(key, counter);
    return counter;
  }

  #isTakenIn(version: string): boolean {
    return /^\d{1,3}\.\d{1,3}$/.test(version) && this.#requests.size < 2 * clientVersionsMax;
  }
}

type CallType = "unary" | "stream";

class CallObserver implements MethodObserver {
  readonly #shared: CallMetrics;
  readonly #type: CallType;
  /** Calls of one client share their metadata. */
  readonly #requests = new WeakMap<Metadata, Counter>();
  readonly #started: Counter;
  readonly #received: Counter;
  readonly #sent: Counter;
  /** By status code. */
  readonly #handled: readonly Counter[];
  readonly #seconds: Histogram | undefined;
  /** Of requests that the store serves: how long the good ones and the others took. */
  readonly #requestSeconds: { readonly ok: Histogram; readonly failed: Histogram } | undefined;

  constructor(shared: CallMetrics, path: string, kind: Method["kind"]) {
    const { metrics } = shared.deps;
    const [, service = "", name = ""] = path.split("/");
    const labels = { grpc_method: name, grpc_service: service, grpc_type: typeNames[kind] };
    this.#shared = shared;
    this.#type = kind === "unary" ? "unary" : "stream";
    this.#started = metrics.counter(
      "grpc_server_started_total",
      "Total number of RPCs started on the server.",
      labels,
    );
    this.#received = metrics.counter(
      "grpc_server_msg_received_total",
      "Total number of RPC stream messages received on the server.",
      labels,
    );
    this.#sent = metrics.counter(
      "grpc_server_msg_sent_total",
      "Total number of gRPC stream messages sent by the server.",
      labels,
    );
    this.#handled = Object.values(statusCode).map((code) =>
      metrics.counter(
        "grpc_server_handled_total",
        "Total number of RPCs completed on the server, regardless of success or failure.",
        { grpc_code: codeNames[code], ...labels },
      ),
    );
    this.#seconds = shared.options.extensiveMetrics
      ? metrics.histogram(
          "grpc_server_handling_seconds",
          "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.",
          handlingSeconds,
          labels,
        )
      : undefined;
    this.#requestSeconds = requestHistograms(metrics, path);
  }

  started(call: Call): number {
    this.#started.add();
    this.#requestsOf(call.metadata).add();
    return this.#shared.deps.timers.nowMs();
  }

  received(messageBytes: number): void {
    this.#received.add();
    this.#shared.receivedBytes.add(messageBytes);
  }

  sent(messageBytes: number): void {
    this.#sent.add();
    this.#shared.sentBytes.add(messageBytes);
  }

  handled(call: Call, code: StatusCode, startedMs: number): void {
    this.#handled[code]?.add();
    const { deps, options } = this.#shared;
    const tookMs = deps.timers.nowMs() - startedMs;
    this.#seconds?.observe(tookMs / 1000);
    const served = code === statusCode.ok ? "ok" : "failed";
    this.#requestSeconds?.[served].observe(tookMs / 1000);
    if (this.#type === "unary" && tookMs > options.warnUnaryMs) this.#warn(call, code, tookMs);
  }

  #requestsOf(metadata: Metadata): Counter {
    const known = this.#requests.get(metadata);
    if (known !== undefined) return known;
    const made = this.#shared.requests(this.#type, metadata.get("client-api-version"));
    this.#requests.set(metadata, made);
    return made;
  }

  /** Named as etcd's line is, which operators look for. */
  #warn(call: Call, code: StatusCode, tookMs: number): void {
    this.#shared.deps.logger.warn("request stats", {
      "time spent": goDuration(tookMs),
      remote: call.peer,
      "response type": call.path,
      "grpc code": codeNames[code],
    });
  }
}
