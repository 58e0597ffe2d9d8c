/** What belongs to no service: metadata, health, methods that are not there. */
import type { Script } from "../recording.ts";
import { call, put, range } from "./requests.ts";

export function* misc(): Script {
  for (const version of ["3.7", "3.4.0", "3.0", "2.0", "nonsense", "3", "", "99.99"]) {
    yield call("KV/Range", { key: "a" }, { metadata: { "client-api-version": version } });
    yield call("KV/Put", { key: "a" }, { metadata: { "client-api-version": version } });
  }
  for (const hasleader of ["true", "false", "", "TRUE"]) {
    yield call("KV/Range", { key: "a" }, { metadata: { hasleader } });
  }
  yield call(
    "KV/Range",
    { key: "a" },
    { metadata: { token: "nonsense", authorization: "Bearer x" } },
  );
  yield call("Health/Check", {});
  yield call("Health/Check", { service: "etcdserverpb.KV" });
  yield call("Health/Check", { service: "" });
  yield call("Health/List");
  for (const service of ["", "nobody"]) {
    yield { open: "Health/Watch", stream: `health ${service}` };
    yield { send: `health ${service}`, request: { service } };
    yield { finish: `health ${service}` };
    yield { take: `health ${service}` };
    yield { cancel: `health ${service}` };
  }
  yield put("a", "1");
  yield range("a");
}
