/** Everybody who comes to lead an election, and what each proclaims, in order. */
import { emptyBytes } from "@flotilla/base";
import { type KeyValue, prefixRange } from "@flotilla/store";
import type { Caller } from "../lock/caller.ts";
import { firstRequest } from "../lock/queue.ts";

/** What a leader said, and the revision of the store then. */
export interface Proclamation {
  readonly kv: KeyValue;
  readonly revision: number;
}

/** Goes on until it is left, or ends in an error. */
export async function* observe(
  caller: Caller,
  prefix: Uint8Array,
): AsyncGenerator<Proclamation, never> {
  for (;;) {
    const leader = await currentLeader(caller, prefix);
    yield leader;
    const { key } = leader.kv;
    const range = { key, rangeEnd: emptyBytes };
    for await (const { event, revision } of caller.watch(range, leader.revision + 1)) {
      if (event.kind === "delete") break;
      yield { kv: event.kv, revision };
    }
  }
}

/** Who leads, or as soon as there is one who does. */
async function currentLeader(caller: Caller, prefix: Uint8Array): Promise<Proclamation> {
  const { kvs, revision } = await caller.get(firstRequest(prefix));
  const [kv] = kvs;
  if (kv !== undefined) return { kv, revision };
  for await (const { event } of caller.watch(prefixRange(prefix), revision)) {
    if (event.kind === "put") return { kv: event.kv, revision: event.kv.modRevision };
  }
  throw new Error("a watch ends only when it is left"); // Never reached: its type says so.
}
