/**
 * One client connection: finds a backend for it, then carries bytes both ways until both are done.
 *
 * Nothing is read from the client before a backend has accepted, so the choice of another backend is
 * always possible until then. Afterwards an end is passed on as an end (half-close), a reset as a
 * reset, and neither side is read faster than the other takes it.
 */
import type { Socket } from "node:net";
import type { Timers } from "@flotilla/base";
import type { BackendPool } from "./backend-pool.ts";
import { dial } from "./dial.ts";
import { backendKeyOf } from "./frontends.ts";

/** How long a client waits for a backend when there is none, before it is turned away. */
export const holdMs = 3_000;
/** A connection of which one direction has ended is given up when the other is silent for so long. */
export const halfClosedIdleMs = 60_000;

export interface RelayDeps {
  readonly pool: BackendPool;
  readonly timers: Timers;
}

/** Serves `client`, which was accepted paused and half-open. Resolves when it is connected or turned away. */
export async function relay(client: Socket, deps: RelayDeps): Promise<void> {
  client.on("error", () => {}); // Seen as `destroyed` until it is joined to a backend.
  const backend = await findBackend(client, deps);
  if (backend === undefined) {
    client.destroy();
  } else if (client.destroyed) {
    backend.on("error", () => {});
    backend.destroy();
  } else {
    join(client, backend);
  }
}

async function findBackend(client: Socket, deps: RelayDeps): Promise<Socket | undefined> {
  const { pool, timers } = deps;
  const deadline = new AbortController();
  const cancel = timers.after(holdMs, () => deadline.abort());
  try {
    while (!client.destroyed) {
      const socket = await tryAll(pool);
      if (socket !== undefined || deadline.signal.aborted) return socket;
      await pool.nextChange(deadline.signal);
    }
    return undefined;
  } finally {
    cancel();
  }
}

/** Each backend at most once, in random order; those that refuse are ejected. */
async function tryAll(pool: BackendPool): Promise<Socket | undefined> {
  const tried = new Set<string>();
  for (;;) {
    const backend = pool.pick(tried);
    if (backend === undefined) return undefined;
    const socket = await dial(backend);
    if (socket !== undefined) return socket;
    pool.eject(backend);
    tried.add(backendKeyOf(backend));
  }
}

function join(client: Socket, backend: Socket): void {
  connectOneWay(client, backend);
  connectOneWay(backend, client);
}

function connectOneWay(source: Socket, target: Socket): void {
  source.on("error", () => {
    if (source.readableEnded) {
      // It has said all it had to say, and only refuses what is still sent to it. Its last words
      // must still reach the other side, so that one is not cut off.
      target.unpipe(source);
      target.resume();
    } else {
      target.resetAndDestroy();
    }
  });
  source.once("end", () => {
    target.setTimeout(halfClosedIdleMs, () => {
      target.destroy();
      source.destroy();
    });
  });
  source.pipe(target);
}
