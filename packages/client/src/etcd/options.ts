/** What an etcd client is made with, and what every call may be given. */
import { randomBytes } from "node:crypto";
import { type Clock, Prng, type Random, type Timers, timersOf } from "@flotilla/base";
import type { TlsOptions } from "./grpc/tls-options.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface EtcdClientOptions {
  /** Members' client URLs, equal to each other: `http://127.0.0.1:2379`. At least one. */
  readonly endpoints: readonly string[];
  /** For `https://` endpoints. */
  readonly tls?: TlsOptions;
  /** Exchanged for a token, and again when that is no longer taken. */
  readonly credentials?: Credentials;
  /** All keys are under this prefix, and none is seen with it. Default none. */
  readonly namespace?: string | Uint8Array;
  /** From a call's first attempt to its end, unless the call says otherwise. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** How often a call is attempted, at most. Default: until its time is over. */
  readonly attemptsMax?: number;
  /** Until a connection is up, TLS included. Default 1,500. */
  readonly connectTimeoutMs?: number;
}

/** Collaborators; the system's unless others are given. */
export interface EtcdClientDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. What was sent may still happen. */
  readonly signal?: AbortSignal;
  /** Overrides the client's `requestTimeoutMs`. */
  readonly timeoutMs?: number;
}

export const systemDeps: EtcdClientDeps = {
  clock: { nowMs: () => performance.now() },
  timers: timersOf(globalThis, { keepAlive: true }),
  random: new Prng(randomBytes(6).readUIntBE(0, 6)),
};
