/** Transactions: comparisons, branches, nesting, duplicates and limits. */
import type { Json } from "../protobuf.ts";
import type { Script } from "../recording.ts";
import { call, compare, everything, op, put, range, remove, txn, zero } from "./requests.ts";

export function* txns(): Script {
  yield put("a", "1");
  yield put("b", "2");
  yield put("b", "3");
  yield* comparisons();
  yield* branches();
  yield* nested();
  yield* duplicates();
  yield* refusals();
  yield* limits();
  yield everything;
}

const yes = [op.range("a")];
const no = [op.range("b")];

function* comparisons(): Script {
  yield txn([], []);
  yield txn([], yes, no);
  for (const result of ["=", ">", "<", "!="] as const) {
    for (const number of [-1, 0, 1, 2, 3, 4]) {
      for (const key of ["a", "b", "missing"]) {
        yield txn([compare(key, "version", result, number)], yes, no);
        yield txn([compare(key, "create_revision", result, number)], yes, no);
        yield txn([compare(key, "mod_revision", result, number)], yes, no);
      }
    }
    for (const value of ["", "1", "2", "3", "30"]) {
      for (const key of ["a", "b", "missing"]) {
        yield txn([compare(key, "value", result, value)], yes, no);
      }
    }
    for (const lease of [0, 5, -5]) {
      yield txn([compare("a", "lease", result, lease)], yes, no);
      yield txn([compare("missing", "lease", result, lease)], yes, no);
    }
    yield txn([compare("a", "version", result, 1, { range_end: "c" })], yes, no);
    yield txn([compare("a", "mod_revision", result, 3, { range_end: "c" })], yes, no);
    yield txn([compare("a", "value", result, "1", { range_end: zero })], yes, no);
    yield txn([compare("x", "version", result, 0, { range_end: "y" })], yes, no);
    yield txn([compare("x", "value", result, "", { range_end: "y" })], yes, no);
    yield txn([compare("c", "version", result, 0, { range_end: "a" })], yes, no);
  }
  yield txn([compare("a", "value", "=", "1"), compare("b", "value", "=", "3")], yes, no);
  yield txn([compare("a", "value", "=", "1"), compare("b", "value", "=", "4")], yes, no);
  yield* oddComparisons();
}

/** Comparisons whose parts do not belong together. */
function* oddComparisons(): Script {
  yield txn([{ key: "a", target: 0, result: 0 }], yes, no);
  yield txn([{ key: "missing", target: 0, result: 0 }], yes, no);
  yield txn([{ key: "a", target: 3, result: 0 }], yes, no);
  yield txn([{ key: "a", target: 3, result: 1 }], yes, no);
  yield txn([{ key: "a", target: 0, result: 0, value: "1" }], yes, no);
  yield txn([{ key: "a", target: 3, result: 0, version: 1 }], yes, no);
  yield txn([{ key: "a", target: 4, result: 0, mod_revision: 1 }], yes, no);
  yield txn([{ key: "a", target: 9, result: 0, version: 1 }], yes, no);
  yield txn([{ key: "a", target: 0, result: 9, version: 1 }], yes, no);
  yield txn([{ key: "a", target: 0, result: -1, version: 1 }], yes, no);
  yield txn([{ key: "missing", target: 9, result: 0 }], yes, no);
  yield txn([{ key: "missing", target: 9, result: 1 }], yes, no);
  yield txn([{ target: 0, result: 0, version: 1 }], yes, no);
  yield txn([{ range_end: "z", target: 0, result: 0, version: 1 }], yes, no);
}

function* branches(): Script {
  yield txn([], [op.put("c", "1"), op.put("d", "1", { prev_kv: true })]);
  yield txn(
    [],
    [
      op.put("c", "2", { prev_kv: true }),
      op.range("c"),
      op.remove("d", "", { prev_kv: true }),
      op.range("d"),
    ],
  );
  yield txn([], [op.remove("none"), op.range("c")]);
  yield txn([], [op.range("c"), op.put("c", "3"), op.range("c")]);
  yield txn(
    [compare("c", "value", "=", "wrong")],
    [op.put("c", "4")],
    [op.put("e", "1"), op.range("e", "f")],
  );
  yield txn([], [op.put("k1"), op.put("k2"), op.put("k3"), op.range("k", "l")]);
  yield range("k", "l");
  yield txn([], [op.remove("k", "l"), op.range("k", "l", { count_only: true })]);
  yield txn([], [op.remove("c"), op.remove("c"), op.remove("a", "d")]);
  yield txn([], [op.put("a", "1"), op.put("b", "2")]);
  yield txn([], [op.remove("a", "c", { prev_kv: true }), op.range("a", "c")]);
  yield txn([], [op.range("a", "z", { serializable: true })], [op.range("z")]);
  yield txn(
    [],
    [op.range("a", "z", { keys_only: true, limit: 1 }), op.range("a", "z", { sort_order: 2 })],
  );
  yield txn([], [op.put("i", "1"), op.put("j", "1")]);
  yield txn(
    [],
    [op.put("i", "", { ignore_value: true }), op.put("j", "2", { ignore_lease: true })],
  );
  yield txn([], [op.range("i", "k")]);
  yield txn([], [op.remove("i"), op.range("i"), op.put("l", "after")]);
  yield txn([], [op.range("i", "", { revision: 2 }), op.range("l", "", { revision: -1 })]);
  yield txn([], [op.range("l", "", { revision: -1 }), op.put("m", "1")]);
  yield txn([], [op.range("l", "", { revision: 1000 })]);
  yield txn([], [op.put("m", "2"), op.range("m", "", { revision: 1000 })]);
  yield range("m");
}

function* nested(): Script {
  const inner = (success: readonly Json[], failure: readonly Json[] = []) =>
    op.txn([compare("n", "version", ">", 0)], success, failure);
  yield txn([], [inner([op.put("n", "then")], [op.put("n", "else")])]);
  yield txn([], [inner([op.put("n", "then", { prev_kv: true })], [op.put("n", "else")])]);
  yield txn([], [op.remove("n"), inner([op.range("n")], [op.range("b")])]);
  yield txn([], [op.put("n", "1"), inner([op.range("n")], [op.range("b")])]);
  yield txn([], [inner([inner([op.put("o", "deep")]), op.range("o")]), op.range("o")]);
  yield txn([], [op.txn([], []), op.range("o")]);
  yield txn([], [op.txn([], [op.range("o")])]);
  yield txn(
    [compare("o", "value", "=", "x")],
    [],
    [op.txn([], [op.range("o")], [op.put("o", "no")])],
  );
  yield txn(
    [],
    [
      op.put("p", "1"),
      op.txn([], [op.put("q", "1"), op.txn([], [op.put("r", "1")])]),
      op.put("s", "1"),
    ],
  );
  yield range("p", "t");
  yield txn([], [op.txn([], [op.put("p", "x", { lease: 999 })])]);
  yield txn([], [op.put("p", "y"), op.txn([], [op.range("p", "", { revision: 9999 })])]);
  yield txn(
    [],
    [
      op.put("p", "y"),
      op.txn([compare("p", "value", "=", "none")], [op.range("p", "", { revision: 9999 })]),
    ],
  );
  yield range("p");
}

function* duplicates(): Script {
  yield txn([], [op.put("x"), op.put("x")]);
  yield txn([], [op.put("x")], [op.put("x"), op.put("x")]);
  yield txn([], [op.put("x"), op.put("y")], [op.put("x"), op.put("y")]);
  yield txn([], [op.put("x"), op.remove("x")]);
  yield txn([], [op.remove("x"), op.put("x")]);
  yield txn([], [op.remove("a", "z"), op.put("x")]);
  yield txn([], [op.remove("a", "x"), op.put("x")]);
  yield txn([], [op.remove("x", zero), op.put("x")]);
  yield txn([], [op.remove("x", zero), op.put("y")]);
  yield txn([], [op.remove(zero, zero), op.put("y")]);
  yield txn([], [op.remove("z", "a"), op.put("x")]);
  yield txn([], [op.remove("y", "x"), op.put("y")]);
  yield txn([], [op.remove("a"), op.remove("a", "c"), op.remove("b", "d")]);
  yield txn([], [op.put("x"), op.txn([], [op.put("x")])]);
  yield txn([], [op.put("x"), op.txn([], [], [op.put("x")])]);
  yield txn([], [op.txn([], [op.put("x")], [op.put("x")])]);
  yield txn([], [op.txn([], [op.put("x")]), op.txn([], [op.put("x")])]);
  yield txn([], [op.txn([], [op.put("x")]), op.txn([], [], [op.put("x")])]);
  yield txn([], [op.txn([], [op.put("x")], [op.remove("x")])]);
  yield txn([], [op.remove("x"), op.txn([], [op.put("x")])]);
  yield txn([], [op.put("x"), op.txn([], [op.remove("x")])]);
  yield txn([], [op.txn([], [op.remove("x")]), op.put("x")]);
  yield txn([], [op.txn([], [op.remove("x")]), op.txn([], [op.put("x")])]);
  yield txn([], [op.txn([], [op.put("x")]), op.txn([], [op.remove("x")])]);
  yield txn([], [op.txn([], [op.txn([], [op.put("x")])]), op.put("x")]);
  yield txn([], [op.range("x"), op.put("x"), op.range("x")]);
  yield txn([compare("x", "version", "=", 1)], [op.put("y"), op.put("y")], [op.put("z")]);
}

function* refusals(): Script {
  yield txn([], [op.put("")]);
  yield txn([], [op.range("")]);
  yield txn([], [op.remove("")]);
  yield txn([], yes, [op.put("")]);
  yield txn([], [op.put("x", "v", { ignore_value: true })]);
  yield txn([], [op.put("x", "v", { ignore_lease: true, lease: 3 })]);
  yield txn([], [op.put("gone", "", { ignore_value: true })]);
  yield txn([], [op.put("gone", "1", { ignore_lease: true })]);
  yield txn([], [op.put("gone", "1"), op.put("gone2", "", { ignore_value: true })]);
  yield txn([], [op.put("gone", "1", { lease: 999 })]);
  yield txn([], yes, [op.put("gone", "1", { lease: 999 })]);
  yield txn([], [{}]);
  yield txn([], yes, [{}]);
  yield txn([], [op.txn([], [{}])]);
  yield txn([], [op.txn([], [op.put("")])]);
  yield txn([], [op.txn([{ target: 0 }], [])]);
  yield txn([], [op.range("a", "", { sort_order: 9 })]);
  yield txn([], [op.range("a", "", { sort_target: 9 })]);
  yield txn([], [op.put(""), {}]);
  yield txn([{ key: "" }], [op.put("")]);
  yield txn([], [op.put("b", "1"), op.remove("a"), op.put("a", "", { ignore_value: true })]);
  yield call("KV/Txn", { success: [{ raw: "0a030a0161" + "12030a0162" }] }); // Both of a oneof: the last.
  yield range("gone", "gone3");
}

function* limits(): Script {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => op.put(`many/${at}`, "v"));
  const compares = (count: number) =>
    Array.from({ length: count }, () => compare("a", "version", "=", 0));
  yield txn([], many(128));
  yield txn([], many(129));
  yield txn([], yes, many(129));
  yield txn(compares(128), yes, no);
  yield txn(compares(129), yes, no);
  yield txn([], [op.txn([], many(127))]);
  yield txn([], [op.txn([], many(128))]);
  yield txn([], [...many(64), op.txn([], [op.range("a")])]);
  yield txn([], [...many(100), op.txn([], many(28))]);
  yield txn(
    [],
    [
      ...many(100),
      op.txn(
        [],
        Array.from({ length: 28 }, () => op.range("a")),
      ),
    ],
  );
  yield txn(
    [],
    [
      ...many(100),
      op.txn(
        [],
        Array.from({ length: 27 }, () => op.range("a")),
      ),
    ],
  );
  yield txn([], [op.put("", "first"), ...many(129)]);
  yield txn([], [op.txn([], [op.put("")]), ...many(129)]);
  yield txn(
    [],
    [
      op.put("big1", { repeat: "x", times: 800_000 }),
      op.put("big2", { repeat: "y", times: 800_000 }),
    ],
  );
  yield remove("many/", "many0");
}
