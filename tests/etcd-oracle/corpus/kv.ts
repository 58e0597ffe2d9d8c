/** Range, Put, DeleteRange and RangeStream: every rule and every refusal. Reference: etcd's KV service. */
import type { Script } from "../recording.ts";
import { call, everything, int64Max, put, range, remove, zero } from "./requests.ts";

export function* kv(): Script {
  yield everything;
  yield range("nothing");
  yield* puts();
  yield* ranges();
  yield* sorting();
  yield* filters();
  yield* deletions();
  yield* wireForms();
  yield* streams();
}

function* puts(): Script {
  yield put("", "no key");
  yield put("a", "one");
  yield put("a", "two", { prev_kv: true });
  yield put("b", "");
  yield put("b", "", { prev_kv: true });
  yield put("new", "x", { prev_kv: true });
  yield put("a", "value", { ignore_value: true });
  yield put("a", "", { ignore_value: true, prev_kv: true });
  yield put("missing", "", { ignore_value: true });
  yield put("missing", "x", { ignore_lease: true });
  yield put("a", "x", { ignore_lease: true, lease: 7 });
  yield put("a", "three", { ignore_lease: true });
  yield put("a", "", { ignore_value: true, ignore_lease: true });
  yield put("a", "x", { ignore_value: true, ignore_lease: true, lease: 1 });
  yield put("a", "x", { lease: 4711 });
  yield put("missing", "", { lease: 4711, ignore_value: true });
  yield put("a", "x", { lease: -1 });
  yield put("hex:00ff80", "hex:0001fe");
  yield put("hex:ffffff", "high");
  yield put("ключ", "значение");
  yield put({ repeat: "k", times: 5000 }, "long key");
  yield range({ repeat: "k", times: 5000 });
  yield remove({ repeat: "k", times: 5000 });
  yield put("large", { repeat: "x", times: 1_572_840 });
  yield put("large", { repeat: "x", times: 1_572_860 });
  yield put("large", { repeat: "x", times: 1_572_870 });
  yield put("large", { repeat: "x", times: 2_200_000 });
  yield range("large");
  yield remove("large");
  yield everything;
}

function* ranges(): Script {
  for (const key of ["r/1", "r/2", "r/3", "r/4"]) yield put(key, `v${key}`);
  yield range("");
  yield range("", "z");
  yield range("r/1");
  yield range("r/", "r0");
  yield range("r/2", "r/4");
  yield range("r/4", "r/2");
  yield range("r/2", "r/2");
  yield range("r/2", zero);
  yield range(zero, zero);
  yield range(zero);
  yield range(zero, "b");
  yield range("r/", "r0", { limit: 2 });
  yield range("r/", "r0", { limit: 4 });
  yield range("r/", "r0", { limit: 5 });
  yield range("r/", "r0", { limit: -1 });
  yield range("r/", "r0", { limit: int64Max });
  yield range("r/", "r0", { limit: "-9223372036854775808" });
  yield range("r/", "r0", { count_only: true });
  yield range("r/", "r0", { count_only: true, limit: 1 });
  yield range("r/1", "", { count_only: true });
  yield range("none", "", { count_only: true });
  yield range("r/", "r0", { keys_only: true });
  yield range("r/", "r0", { keys_only: true, count_only: true });
  yield range("r/", "r0", { keys_only: true, sort_target: 4 });
  yield range("r/", "r0", { serializable: true });
  yield* revisions();
}

function* revisions(): Script {
  yield put("v", "1");
  yield put("v", "2");
  yield remove("v");
  yield put("v", "3");
  for (const revision of [-5, -1, 0, 1, 2, 3, 10, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]) {
    yield range("v", "", { revision });
  }
  for (const revision of [1000, int64Max, "-9223372036854775808", "9007199254740993"]) {
    yield range("v", "", { revision });
  }
  yield range("a", "z", { revision: 5 });
  yield range("a", "z", { revision: 5, limit: 1, serializable: true });
}

function* sorting(): Script {
  yield put("s/b", "2");
  yield put("s/a", "3");
  yield put("s/c", "1");
  yield put("s/b", "9");
  for (const sort_target of [0, 1, 2, 3, 4]) {
    for (const sort_order of [0, 1, 2]) {
      if (sort_target === 1) continue; // Versions tie, and the order of ties is nobody's promise.
      yield range("s/", "s0", { sort_target, sort_order });
      yield range("s/", "s0", { sort_target, sort_order, limit: 2 });
      yield range("s/", "s0", { sort_target, sort_order, limit: 1, keys_only: true });
    }
  }
  yield range("s/", "s0", { sort_target: 1, sort_order: 2, limit: 1 });
  for (const bad of [5, 6, -1, 100, "4294967296", "2147483648"]) {
    yield range("s/", "s0", { sort_target: bad });
    yield range("s/", "s0", { sort_order: bad });
  }
  yield range("", "", { sort_order: 9 });
}

function* filters(): Script {
  const bounds = [-1, 1, 32, 33, 34, 35, 36, 37, 1000];
  const names = [
    "min_mod_revision",
    "max_mod_revision",
    "min_create_revision",
    "max_create_revision",
  ];
  for (const name of names) {
    for (const bound of bounds) yield range("s/", "s0", { [name]: bound });
    yield range("s/", "s0", { [name]: 34, limit: 1 });
    yield range("s/", "s0", { [name]: 34, count_only: true });
    yield range("s/", "s0", { [name]: 34, sort_target: 3, sort_order: 2 });
  }
  yield range("s/", "s0", { min_mod_revision: 33, max_mod_revision: 35 });
  yield range("s/", "s0", { min_mod_revision: 35, max_mod_revision: 33 });
  yield range("s/", "s0", { min_mod_revision: 33, max_create_revision: 34, revision: 34 });
}

function* deletions(): Script {
  yield remove("");
  yield remove("none");
  yield remove("none", "", { prev_kv: true });
  yield remove("none", "nonf");
  for (const key of ["d/1", "d/2", "d/3"]) yield put(key, key);
  yield remove("d/3", "d/1");
  yield remove("d/1", "d/1");
  yield remove("d/2", "", { prev_kv: true });
  yield remove("d/2");
  yield remove("d/", "d0", { prev_kv: true });
  yield put("d/2", "again");
  yield range("d/2");
  yield remove("d/2", zero, { prev_kv: true });
  yield everything;
  yield remove(zero, zero, { prev_kv: true });
  yield remove(zero, zero);
  yield everything;
}

/** What an encoder may write and what no encoder writes. */
function* wireForms(): Script {
  const raw = (method: string, hex: string) => call(method, { raw: hex });
  yield raw("KV/Put", "0a0161" + "120131" + "0a0162"); // A field twice: the last one counts.
  yield raw("KV/Put", "0a0163" + "12013a" + "c03e01"); // A field that nobody knows.
  yield raw("KV/Put", "0a0164" + "2002"); // A boolean beyond one.
  yield raw("KV/Put", "");
  yield raw("KV/Range", "");
  yield raw("KV/Txn", "");
  yield raw("KV/Range", "0a0161" + "188180808080808080808001"); // Limit: ten bytes, the last one too large or not.
  yield raw("KV/Range", "0a0161" + "18ffffffffffffffffff01");
  yield raw("KV/DeleteRange", "0a0161" + "1a00"); // A boolean as bytes.
  yield everything;
}

function* streams(): Script {
  const stream = (request: object) => call("KV/RangeStream", request as never);
  yield stream({});
  yield stream({ key: "none" });
  yield stream({ key: zero, range_end: zero });
  yield stream({ key: "x", sort_order: 2 });
  yield stream({ key: "x", sort_target: 3 });
  yield stream({ key: "x", sort_order: 1, sort_target: 3 });
  yield stream({ key: "x", sort_order: 1 });
  yield stream({ key: "x", sort_order: 7 });
  yield stream({ key: "x", min_mod_revision: 1 });
  yield stream({ key: "x", max_mod_revision: 1 });
  yield stream({ key: "x", min_create_revision: 1 });
  yield stream({ key: "x", max_create_revision: 1 });
  yield stream({ key: "", sort_target: 3 });
  for (let at = 0; at < 45; at++) yield put(`m/${String(at).padStart(2, "0")}`, `v${at}`);
  yield stream({ key: "m/", range_end: "m0" });
  yield stream({ key: "m/", range_end: "m0", serializable: true });
  yield stream({ key: "m/", range_end: "m0", keys_only: true });
  yield stream({ key: "m/", range_end: "m0", count_only: true });
  yield stream({ key: "m/", range_end: "m0", count_only: true, limit: 3 });
  for (const limit of [-1, 1, 9, 10, 11, 30, 44, 45, 46, int64Max]) {
    yield stream({ key: "m/", range_end: "m0", limit });
  }
  yield stream({ key: "m/10" });
  yield stream({ key: "m/20", range_end: "m/10" });
  yield stream({ key: "m/", range_end: "m0", revision: -1 });
  yield stream({ key: "m/", range_end: "m0", revision: 60 });
  yield stream({ key: "m/", range_end: "m0", revision: 10_000 });
  yield stream({ key: "m/40", range_end: zero });
  for (let at = 0; at < 30; at++) {
    yield put(`big/${String(at).padStart(2, "0")}`, { repeat: String(at % 10), times: 200_000 });
  }
  yield stream({ key: "big/", range_end: "big0" });
  yield stream({ key: "big/", range_end: "big0", limit: 25 });
  yield stream({ key: "big/", range_end: "big0", keys_only: true });
}
