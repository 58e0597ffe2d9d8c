/** What the pods of a node have in common. */
import type { Clock, Logger, Timers } from "@flotilla/base";
import type { ObjectClient } from "@flotilla/client";
import type { StringMap } from "@flotilla/objects";
import type { EventRecorder } from "../events.ts";
import type { Ports } from "../ports.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { PodRecords } from "./pod-record.ts";

/** Collaborators and facts of the node. */
export interface PodDeps {
  readonly client: ObjectClient;
  readonly runtime: Runtime;
  readonly records: PodRecords;
  readonly ports: Ports;
  readonly events: EventRecorder;
  readonly services: ServiceAccess;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Wall-clock time. */
  wallNowMs(): number;
  readonly logger: Logger;
  readonly nodeName: string;
  /** The node's address, which is also its pods'. */
  readonly address: string;
  /** Where hostPath volumes begin. */
  readonly volumeRoot: string;
  /** What containers get of the agent's own environment. */
  readonly inherited: Readonly<StringMap>;
}

/** How pods learn about services. */
export interface ServiceAccess {
  /** False until pods, services and endpoints have been seen once: nothing is started before. */
  readonly isReady: boolean;
  /** Waits, not for long, until the services that the API has now are known here. Never rejects. */
  catchUp(namespace: string): Promise<void>;
  /** `DB_SERVICE_HOST`, `DB_SERVICE_PORT`, ... for the pods of a namespace. */
  variablesOf(namespace: string): StringMap;
}
