/** Elections: campaigns, proclamations, resignations, and those who look on. */
import type { Message } from "../protobuf.ts";
import type { Script } from "../recording.ts";
import { call, everything, remove } from "./requests.ts";

const campaign = (stream: string, name: string, lease: number, value: string): Script =>
  (function* () {
    yield { open: "Election/Campaign", stream };
    yield { send: stream, request: { name, lease, value } };
    yield { finish: stream };
    yield { waitMs: 300 }; // Who waits says nothing.
    yield { take: stream };
  })();

/** As a campaign gives it, for whoever has read the revision. */
const leaderKey = (name: string, lease: number, rev: number): Message => ({
  name,
  key: `${name}/${lease.toString(16)}`,
  rev,
  lease,
});

export function* election(): Script {
  for (const ID of [7, 8, 9]) yield call("Lease/LeaseGrant", { ID, TTL: 1000 });
  yield call("Election/Leader", { name: "e" });
  yield call("Election/Leader", {});
  yield { open: "Election/Observe", stream: "o" };
  yield { send: "o", request: { name: "e" } };
  yield { finish: "o" };
  yield { take: "o" };
  yield call("Election/Campaign", { name: "e", lease: 7, value: "one" });
  yield { take: "o" };
  yield call("Election/Leader", { name: "e" });
  yield call("Election/Campaign", { name: "e", lease: 7, value: "again" });
  yield { take: "o" };
  yield* campaign("c8", "e", 8, "two");
  yield* campaign("c9", "e", 9, "three");
  yield call("Election/Proclaim", { leader: leaderKey("e", 7, 2), value: "changed" });
  yield { take: "o" };
  yield* refusals();
  yield call("Election/Resign", { leader: leaderKey("e", 7, 2) });
  yield { take: "c8" };
  yield { take: "o" };
  yield call("Election/Resign", { leader: leaderKey("e", 7, 2) });
  yield { cancel: "c9" };
  yield { waitMs: 300 };
  yield remove("e/8");
  yield call("Election/Leader", { name: "e" });
  yield { take: "o" };
  yield call("Election/Campaign", { name: "e", lease: 9, value: "last" });
  yield call("Lease/LeaseRevoke", { ID: 9 });
  yield call("Election/Leader", { name: "e" });
  yield everything;
}

function* refusals(): Script {
  yield call("Election/Campaign", { name: "f", lease: 4711, value: "x" });
  yield call("Election/Campaign", { name: "", lease: 7, value: "x" });
  yield call("Election/Proclaim", {});
  yield call("Election/Proclaim", { leader: {} });
  yield call("Election/Proclaim", { leader: leaderKey("e", 7, 99), value: "x" });
  yield call("Election/Proclaim", { leader: leaderKey("e", 8, 2), value: "x" });
  yield call("Election/Proclaim", { leader: leaderKey("none", 7, 2), value: "x" });
  yield call("Election/Proclaim", { leader: leaderKey("e", 4711, 2), value: "x" });
  yield call("Election/Resign", {});
  yield call("Election/Resign", { leader: {} });
  yield call("Election/Resign", { leader: leaderKey("e", 7, 99) });
  yield call("Election/Resign", { leader: leaderKey("none", 7, 2) });
}
