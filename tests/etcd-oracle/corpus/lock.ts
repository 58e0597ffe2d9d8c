/** Locks: who waits, who is let in, and what is refused. */
import type { Script } from "../recording.ts";
import { call, everything, put, range, remove } from "./requests.ts";

const grant = (ID: number, TTL = 1000) => call("Lease/LeaseGrant", { ID, TTL });

/** Who waits says nothing; so long it takes at most until he stands in the queue. */
const settled = { waitMs: 300 };

export function* lock(): Script {
  for (const id of [7, 8, 9, 10]) yield grant(id);
  yield call("Lock/Lock", { name: "a", lease: 7 });
  yield call("Lock/Lock", { name: "a", lease: 7 });
  yield range("a/", "a0");
  yield call("Lock/Lock", { name: "b", lease: 4711 });
  yield call("Lock/Lock", { name: "", lease: 7 });
  yield call("Lock/Lock", { name: "hex:00ff", lease: 7 });
  yield* waiting();
  yield call("Lock/Unlock", { key: "a/7" });
  yield call("Lock/Unlock", { key: "a/7" });
  yield call("Lock/Unlock", { key: "nobody's" });
  yield call("Lock/Unlock", {});
  yield* lost();
  yield call("Lock/Lock", { name: "own", lease: 0 }, { bind: { key: "$own" } });
  yield call("Lock/Unlock", { key: "$own" });
  yield everything;
}

/** In the order in which they came; whoever goes away lets the next one in. */
function* waiting(): Script {
  for (const id of [8, 9, 10]) {
    yield { open: "Lock/Lock", stream: `w${id}` };
    yield { send: `w${id}`, request: { name: "a", lease: id } };
    yield { finish: `w${id}` };
    yield settled;
    yield { take: `w${id}` };
  }
  yield range("a/", "a0");
  yield call("Lock/Unlock", { key: "a/7" });
  yield { take: "w8" };
  yield { take: "w9" };
  yield { cancel: "w9" };
  yield settled;
  yield range("a/", "a0", { keys_only: true });
  yield remove("a/8");
  yield { take: "w10" };
  yield call("Lease/LeaseRevoke", { ID: 10 });
  yield range("a/", "a0");
  yield call("Lock/Lock", { name: "a", lease: 7 });
}

/** A key that is taken away, or whose lease ends, while its holder waits. */
function* lost(): Script {
  yield call("Lock/Lock", { name: "c", lease: 7 });
  yield { open: "Lock/Lock", stream: "late" };
  yield { send: "late", request: { name: "c", lease: 8 } };
  yield { finish: "late" };
  yield settled;
  yield { take: "late" };
  yield remove("c/8");
  yield call("Lock/Unlock", { key: "c/7" });
  yield { take: "late" };
  yield grant(11);
  yield call("Lock/Lock", { name: "c", lease: 7 });
  yield { open: "Lock/Lock", stream: "ended" };
  yield { send: "ended", request: { name: "c", lease: 11 } };
  yield { finish: "ended" };
  yield settled;
  yield { take: "ended" };
  yield call("Lease/LeaseRevoke", { ID: 11 });
  yield call("Lock/Unlock", { key: "c/7" });
  yield { take: "ended" };
  yield put("d/7", "of somebody else");
  yield call("Lock/Lock", { name: "d", lease: 7 });
  yield range("d/", "d0");
}
