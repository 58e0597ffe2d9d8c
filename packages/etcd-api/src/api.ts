/** etcd's services over one member, as gRPC methods and an HTTP/1 side. */
import type { Method } from "@flotilla/grpc";
import {
  defaultOptions,
  type EtcdApiDeps,
  type EtcdApiOptions,
  type Methods,
  ServiceContext,
} from "./context.ts";
import { electionMethods } from "./election/election.ts";
import { createHttpSide, createMetricsSide, type HttpSide } from "./http/http-side.ts";
import { lockMethods } from "./lock/lock.ts";
import { Reconfiguration } from "./membership/reconfiguration.ts";
import { CallMetrics } from "./metrics/call-observer.ts";
import { watchProcess } from "./metrics/process-metrics.ts";
import { showServer } from "./metrics/service-metrics.ts";
import { keepToQuota } from "./quota/quota-member.ts";
import { authMethods } from "./services/auth.ts";
import { clusterMethods } from "./services/cluster.ts";
import { healthMethods } from "./services/health.ts";
import { kvMethods } from "./services/kv.ts";
import { leaseMethods } from "./services/lease.ts";
import { maintenanceMethods } from "./services/maintenance.ts";
import { membershipMethods } from "./services/membership.ts";
import { watchMethods } from "./services/watch.ts";

/** What a server needs to serve etcd's API. */
export interface EtcdApi {
  /** By path, for a gRPC server. What is missing is answered UNIMPLEMENTED there. */
  readonly methods: ReadonlyMap<string, Method>;
  /** For sockets that do not speak HTTP/2. */
  readonly http: HttpSide;
  /** For listeners that only monitoring may reach. */
  readonly metricsHttp: HttpSide;
  /** Ends what runs beside calls; those should have ended before. */
  close(): void;
}

/** Makes the API of `deps.member`; it opens nothing and starts nothing. */
export function createEtcdApi(deps: EtcdApiDeps, options: Partial<EtcdApiOptions> = {}): EtcdApi {
  const all = { ...defaultOptions, ...options };
  const member = keepToQuota(deps.member, { ...all, logger: deps.logger });
  const context = new ServiceContext({ ...deps, member }, all);
  const reconfiguration = new Reconfiguration(context);
  const services: readonly Methods[] = [
    kvMethods(context),
    watchMethods(context),
    leaseMethods(context),
    clusterMethods(context, reconfiguration),
    maintenanceMethods(context),
    membershipMethods(context, reconfiguration),
    authMethods(context),
    lockMethods(context),
    electionMethods(context),
    healthMethods(context),
  ];
  const calls = new CallMetrics(context, all);
  showServer(context.metrics, member, all);
  const stopWatching = watchProcess(context.metrics, context.timers);
  const methods = new Map(
    services
      .flat()
      .map(([path, method]) => [path, calls.observe(path, context.authority.guard(path, method))]),
  );
  return {
    methods,
    http: createHttpSide(context, methods),
    metricsHttp: createMetricsSide(context),
    close() {
      stopWatching();
      context.close();
    },
  };
}
