/** Watches: ids, starts, filters, progress, fragments, and every way to end one. */
import type { Message } from "../protobuf.ts";
import type { Script } from "../recording.ts";
import type { Request, Step } from "../session.ts";
import { call, op, put, remove, txn, zero } from "./requests.ts";

const open = (stream: string, metadata: Readonly<Record<string, string>> = {}): Request => ({
  open: "Watch/Watch",
  stream,
  metadata,
});
const create = (stream: string, request: Message): Request => ({
  send: stream,
  request: { create_request: request },
});
const cancel = (stream: string, watch_id: number): Request => ({
  send: stream,
  request: { cancel_request: { watch_id } },
});
const progress = (stream: string): Request => ({ send: stream, request: { progress_request: {} } });
const take = (stream: string, merge = false): Request => ({
  take: stream,
  ...(merge && { merge }),
});

function revisionOf(step: Step): number {
  const header = (step.answer?.["header"] ?? {}) as { readonly revision?: number };
  return header.revision ?? 0;
}

export function* watch(): Script {
  yield* ids();
  yield* kinds();
  yield* ranges();
  yield* history();
  yield* future();
  yield* progressAnswers();
  yield* compacted();
  yield* odd();
  yield* fragments();
}

function* ids(): Script {
  yield open("i");
  for (const watch_id of [0, 0, 7, 7, 0, 2, 0, -3, 0]) {
    yield create("i", { key: "i", watch_id });
    yield take("i");
  }
  yield cancel("i", 0);
  yield take("i");
  yield cancel("i", 0);
  yield cancel("i", 99);
  yield cancel("i", -1);
  yield take("i");
  yield create("i", { key: "i", watch_id: 7 });
  yield take("i");
  yield cancel("i", 7);
  yield take("i");
  yield create("i", { key: "i", watch_id: 7 });
  yield take("i");
  yield { cancel: "i" };
}

function* kinds(): Script {
  yield open("k");
  yield create("k", { key: "k" });
  yield take("k");
  for (const step of changes) {
    yield step;
    yield take("k");
  }
  yield { cancel: "k" };
  for (const request of [
    { prev_kv: true },
    { filters: [0] },
    { filters: [1] },
    { filters: [0, 1] },
    { filters: [5] },
  ]) {
    yield open("kk");
    yield create("kk", { key: "k", ...request });
    yield take("kk");
    for (const step of changes) {
      yield step;
      yield take("kk");
    }
    yield { cancel: "kk" };
  }
  yield open("packed");
  yield { send: "packed", request: { raw: "0a08" + "0a016b" + "2a020001" + "00" } };
  yield { send: "packed", request: { raw: "0a07" + "0a016b" + "2a020001" } };
  yield take("packed");
}

const changes: readonly Request[] = [
  put("k", "1"),
  put("k", "2"),
  put("other", "1"),
  remove("k"),
  remove("k"),
  put("k", "3"),
  txn([], [op.put("k", "4"), op.put("other", "2")]),
  txn([], [op.remove("k"), op.range("k")]),
  put("k", ""),
  remove("a", "z"),
];

function* ranges(): Script {
  yield open("r");
  const bounds = [
    { key: "r/", range_end: "r0" },
    { key: "r/b", range_end: zero },
    { key: "", range_end: zero },
    { key: zero, range_end: zero },
    { key: "", range_end: "r/b" },
    { key: "" },
    { key: "r/b", range_end: "r/a" },
    { key: "r/b", range_end: "r/b" },
    { key: "r/b", range_end: "r/b\u0001" },
    { key: zero },
  ];
  for (const request of bounds) {
    yield create("r", request);
    yield take("r");
    yield txn([], [op.put("r/b", "1"), op.put("r/a", "1"), op.put("r/c", "1")]);
    yield txn([], [op.remove("r/c"), op.put("r/b", "2")]);
    yield remove("r/", "r0");
    yield put(zero, "lowest");
    yield { waitMs: 50 };
    yield { take: "r", merge: true };
    yield cancel("r", bounds.indexOf(request));
    yield take("r");
  }
}

function* history(): Script {
  yield put("h", "1");
  yield put("h", "2");
  yield remove("h");
  yield put("h", "3");
  yield open("h");
  let id = 0;
  for (const start_revision of [
    1, 2, 10, 100, 150, 160, 165, 170, 175, 180, 184, 185, 186, 187, 188,
  ]) {
    yield create("h", { key: "h", start_revision, prev_kv: true });
    yield take("h", true);
    yield cancel("h", id++);
    yield take("h");
  }
  yield create("h", { key: "h", start_revision: -1 });
  yield create("h", { key: "h", start_revision: "-9223372036854775808" });
  yield create("h", { key: zero, range_end: zero, start_revision: 1, filters: [1] });
  yield take("h", true);
  yield { cancel: "h" };
}

function* future(): Script {
  yield open("f");
  const now = yield put("f", "now");
  const revision = revisionOf(now);
  yield create("f", { key: "f", start_revision: revision + 3 });
  yield take("f");
  yield progress("f");
  yield take("f");
  for (const value of ["1", "2", "3", "4"]) {
    yield put("f", value);
    yield take("f");
    yield progress("f");
    yield take("f");
  }
  yield create("f", { key: "f", start_revision: "9223372036854775807" });
  yield create("f", { key: "f", start_revision: "9007199254740993" });
  yield take("f");
  yield put("f", "5");
  yield take("f");
  yield { cancel: "f" };
}

function* progressAnswers(): Script {
  yield open("p");
  yield progress("p");
  yield take("p");
  yield create("p", { key: "p", progress_notify: true });
  yield take("p");
  yield progress("p");
  yield take("p");
  yield put("p", "1");
  yield take("p");
  yield progress("p");
  yield progress("p");
  yield take("p");
  yield create("p", { key: "q", progress_notify: true });
  yield take("p");
  yield put("unwatched", "1");
  yield progress("p");
  yield take("p");
  yield cancel("p", 0);
  yield cancel("p", 1);
  yield take("p");
  yield progress("p");
  yield take("p");
  yield { cancel: "p" };
}

function* compacted(): Script {
  const now = yield put("c", "1");
  const revision = revisionOf(now);
  yield put("c", "2");
  yield put("c", "3");
  yield remove("c");
  yield put("c", "4");
  yield call("KV/Compact", { revision: revision + 2, physical: true });
  yield open("c");
  for (const start_revision of [
    1,
    revision,
    revision + 1,
    revision + 2,
    revision + 3,
    revision + 4,
  ]) {
    yield create("c", { key: "c", start_revision, prev_kv: true });
    yield take("c", true);
  }
  yield create("c", { key: "c", watch_id: 50, start_revision: 1 });
  yield take("c");
  yield create("c", { key: "c", watch_id: 50 });
  yield take("c");
  yield cancel("c", 50);
  yield take("c");
  yield call("KV/Compact", { revision: revision + 3, physical: true });
  yield create("c", { key: "c", watch_id: 60, start_revision: revision + 3, prev_kv: true });
  yield take("c", true);
  yield { cancel: "c" };
}

function* odd(): Script {
  yield open("o");
  yield { send: "o", request: {} };
  yield { send: "o", request: { cancel_request: {} } };
  yield { send: "o", request: { create_request: {} } };
  yield take("o");
  yield { send: "o", request: { raw: "7a00" } };
  yield { send: "o", request: { raw: "0a030a0178" + "1200" } };
  yield take("o");
  yield put("x", "1");
  yield take("o");
  yield { finish: "o" };
  yield take("o");
  yield put("x", "2");
  yield take("o");
  yield { cancel: "o" };
  yield open("bad");
  yield { send: "bad", request: { raw: "0a05" } };
  yield take("bad");
  yield open("empty");
  yield { finish: "empty" };
  yield take("empty");
  yield open("leader", { hasleader: "true" });
  yield create("leader", { key: "x" });
  yield take("leader");
}

function* fragments(): Script {
  const large = (key: string) => op.put(key, { repeat: key, times: 100_000 });
  const keys = ["F1", "F2", "F3", "F4", "F5", "F6"];
  for (const fragment of [true, false]) {
    yield open("F");
    yield create("F", { key: "F", range_end: "G", fragment, prev_kv: true });
    yield take("F");
    yield txn([], keys.map(large));
    yield take("F");
    yield txn([], keys.map(large));
    yield take("F");
    yield put("F0", "small");
    yield take("F");
    yield { cancel: "F" };
  }
}
