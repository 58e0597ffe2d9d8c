/** Changes of three members: who is added, moved, removed, and what is refused for the quorum's sake. */
import type { Script } from "../recording.ts";
import { call, put } from "./requests.ts";

export function* members(): Script {
  yield put("a", "1");
  yield* leadership();
  yield { waitMs: 5_500, onlyEtcd: true }; // So long members have to have known each other before a change.
  const at = "f1"; // All at one, for what another knows of it is a matter of time.
  for (const role of ["leader", "f1", "f2"]) {
    const peerURLs = [`$peerUrl:${role}`];
    yield call("Cluster/MemberAdd", { peerURLs }, { at });
    yield call("Cluster/MemberUpdate", { ID: "$f1", peerURLs }, { at });
  }
  for (const name of ["m4", "m5"]) {
    const bind = { "member.ID": `$${name}` };
    yield call(
      "Cluster/MemberAdd",
      { peerURLs: [`http://127.0.0.1:1${name.slice(1)}`] },
      { at, bind },
    );
  }
  yield call("Cluster/MemberList", { linearizable: true }, { at });
  yield call("Cluster/MemberAdd", { peerURLs: ["http://127.0.0.1:16"] }, { at });
  yield call("Cluster/MemberRemove", { ID: "$f2" }, { at });
  yield call("Cluster/MemberPromote", { ID: "$m4" }, { at });
  for (const ID of ["$m4", "$m5", "$m4"]) yield call("Cluster/MemberRemove", { ID }, { at });
  yield call("Cluster/MemberUpdate", { ID: "$m4", peerURLs: ["http://127.0.0.1:9"] }, { at });
  yield call("Cluster/MemberPromote", { ID: "$m4" }, { at });
  yield { do: "kill", to: "f2" };
  yield { waitMs: 1_500 };
  yield call("Cluster/MemberAdd", { peerURLs: ["http://127.0.0.1:19"] }, { at });
  yield call("Cluster/MemberRemove", { ID: "$f1" }, { at });
  yield call("Cluster/MemberRemove", { ID: "$leader" }, { at });
  yield call("Maintenance/MoveLeader", { targetID: "$f2" }, { at });
  yield call("Cluster/MemberUpdate", { ID: "$f2", peerURLs: ["http://127.0.0.1:29"] }, { at });
  yield call("Cluster/MemberRemove", { ID: "$f2" }, { at });
  yield call("Cluster/MemberList", { linearizable: true }, { at: "leader" });
  yield put("a", "2");
}

function* leadership(): Script {
  for (const at of ["leader", "f1"]) {
    for (const targetID of ["$leader", 4711, 0]) {
      yield call("Maintenance/MoveLeader", { targetID }, { at });
    }
  }
  yield call("Maintenance/MoveLeader", { targetID: "$f2" }, { at: "f1" });
  yield call("Maintenance/MoveLeader", { targetID: "$f2" }, { at: "leader" });
  yield { do: "find a leader", to: "leader" };
  yield call("Maintenance/MoveLeader", { targetID: "$f1" }, { at: "leader" });
  yield call("Maintenance/MoveLeader", { targetID: "$leader" }, { at: "f2" });
  yield { do: "find a leader", to: "leader" };
  yield call("KV/Put", { key: "a", value: "moved" }, { at: "f1" });
}
