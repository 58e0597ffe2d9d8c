/** Compaction: what is refused, and what is left. */
import type { Script } from "../recording.ts";
import { call, everything, int64Max, op, put, range, remove, txn } from "./requests.ts";

export function* compaction(): Script {
  const compact = (revision: number | string, physical = false) =>
    call("KV/Compact", { revision, ...(physical && { physical }) });
  yield compact(-1);
  yield compact(0);
  yield compact(0);
  yield compact(2);
  for (let at = 0; at < 12; at++) yield put(`k${at % 3}`, `v${at}`);
  yield remove("k1");
  yield put("k1", "again");
  yield remove("k2");
  yield compact(1);
  yield compact(1);
  yield compact(1000);
  yield compact(int64Max);
  yield compact("9007199254740993");
  yield compact("-9223372036854775808");
  yield compact(5);
  for (const revision of [-1, 0, 1, 4, 5, 6, 13, 14, 15, 16, 17]) {
    yield range("k0", "k9", { revision });
    yield txn([], [op.range("k0", "k9", { revision })]);
    yield txn([], [op.range("k0", "k9", { revision }), op.put("w", `at ${revision}`)]);
    yield call("KV/RangeStream", { key: "k0", range_end: "k9", revision });
  }
  yield compact(5);
  yield compact(4);
  yield compact(14);
  yield range("k1", "", { revision: 14 });
  yield range("k1", "", { revision: 13 });
  yield compact(15, true);
  yield compact(15, true);
  yield range("k0", "k9", { revision: 15 });
  yield everything;
}
