/** Leases: grants, renewals, what is left of them, their keys, and their end. */
import type { Script } from "../recording.ts";
import { call, compare, everything, int64Max, op, put, range, remove, txn } from "./requests.ts";

const grant = (ID: number | string, TTL: number | string) => call("Lease/LeaseGrant", { ID, TTL });
const revoke = (ID: number | string) => call("Lease/LeaseRevoke", { ID });
const left = (ID: number | string, keys = true) =>
  call("Lease/LeaseTimeToLive", { ID, ...(keys && { keys }) });
const leases = call("Lease/LeaseLeases");

export function* lease(): Script {
  yield leases;
  yield* grants();
  yield* attachments();
  yield* renewals();
  yield* ends();
}

function* grants(): Script {
  yield grant(1, 100);
  yield grant(1, 100);
  yield grant(1, 50);
  yield grant(2, 0);
  yield grant(3, -5);
  yield grant(4, 1);
  yield grant(5, 2);
  yield grant(-6, 60);
  yield grant("-9223372036854775808", 61);
  yield grant(int64Max, 62);
  yield grant(7, 9_000_000_000);
  yield grant(8, 9_000_000_001);
  yield grant(8, int64Max);
  yield grant(9, "-9223372036854775808");
  yield call("Lease/LeaseGrant", { TTL: 100 }, { bind: { ID: "$chosen" } });
  yield left("$chosen");
  yield left(1);
  yield left(7);
  yield left(-6);
  yield left(404);
  yield left(404, false);
  yield left(0);
  for (const id of [2, 3, 4, 5, 9, "$chosen", 7, int64Max, "-9223372036854775808", -6])
    yield revoke(id);
  yield leases;
  yield revoke(404);
  yield revoke(0);
  yield call("Lease/LeaseGrant", {}, { bind: { ID: "$empty" } });
  yield revoke("$empty");
  yield call("Lease/LeaseGrant", { raw: "1a00" }, { bind: { ID: "$unknown" } });
  yield revoke("$unknown");
  // Sorted by their end.
  yield grant(30, 3000);
  yield grant(20, 2000);
  yield grant(40, 4000);
  yield grant(10, 1000);
  yield leases;
  for (const id of [10, 20, 30, 40]) yield revoke(id);
}

function* attachments(): Script {
  yield put("l/b", "1", { lease: 1 });
  yield put("l/a", "1", { lease: 1 });
  yield left(1);
  yield left(1, false);
  yield range("l/", "l0");
  yield range("l/", "l0", { keys_only: true });
  yield put("l/a", "2");
  yield left(1);
  yield put("l/a", "3", { lease: 1 });
  yield put("l/a", "4", { ignore_lease: true, prev_kv: true });
  yield put("l/a", "", { ignore_value: true });
  yield left(1);
  yield put("l/a", "5", { lease: 1, prev_kv: true });
  yield grant(11, 100);
  yield put("l/a", "6", { lease: 11 });
  yield left(1);
  yield left(11);
  yield txn(
    [compare("l/a", "lease", "=", 11)],
    [op.put("l/c", "1", { lease: 11 }), op.remove("l/b")],
  );
  yield txn([compare("l/a", "lease", ">", 10)], [op.range("l/a")]);
  yield txn([compare("l/a", "lease", "<", 11)], [op.range("l/a")]);
  yield left(1);
  yield left(11);
  yield txn([], [op.put("l/d", "1", { lease: 12 })]);
  yield txn([], [op.put("l/d", "1", { lease: 11 }), op.put("l/e", "1", { lease: 404 })]);
  yield remove("l/c");
  yield left(11);
  yield put("l/z", "1", { lease: 11 });
  yield put("l/b", "1", { lease: 11 });
  yield revoke(11);
  yield range("l/", "l0");
  yield left(11);
  yield call("Lease/LeaseGrant", { ID: 11, TTL: 100 });
  yield left(11);
  yield revoke(1);
  yield everything;
}

function* renewals(): Script {
  yield grant(21, 100);
  yield { open: "Lease/LeaseKeepAlive", stream: "k" };
  yield { send: "k", request: { ID: 21 } };
  yield { take: "k" };
  yield { send: "k", request: { ID: 404 } };
  yield { take: "k" };
  yield { send: "k", request: {} };
  yield { send: "k", request: { ID: 21 } };
  yield { take: "k" };
  yield revoke(21);
  yield { send: "k", request: { ID: 21 } };
  yield { take: "k" };
  yield { finish: "k" };
  yield { take: "k" };
  yield { open: "Lease/LeaseKeepAlive", stream: "k2" };
  yield { finish: "k2" };
  yield { take: "k2" };
  yield { open: "Lease/LeaseKeepAlive", stream: "k3" };
  yield { send: "k3", request: { raw: "08" } };
  yield { take: "k3" };
}

/** A lease that nobody renews ends with its keys. */
function* ends(): Script {
  yield grant(31, 2);
  yield put("e/1", "1", { lease: 31 });
  yield put("e/2", "1", { lease: 31 });
  yield { open: "Watch/Watch", stream: "w" };
  yield { send: "w", request: { create_request: { key: "e/", range_end: "e0", prev_kv: true } } };
  yield { take: "w" };
  yield { waitMs: 5_000 };
  yield { take: "w" };
  yield range("e/", "e0");
  yield left(31);
  yield revoke(31);
  yield leases;
}
