/** Members of a cluster of one: the list, and every change that is refused or harmless. */
import type { Script } from "../recording.ts";
import { call } from "./requests.ts";

export function* cluster(): Script {
  yield call("Cluster/MemberList", {}, { bind: { "members.0.ID": "$self" } });
  yield call("Cluster/MemberList", { linearizable: true });
  yield call("Cluster/MemberPromote", { ID: "$self" });
  yield call("Cluster/MemberPromote", { ID: 4711 });
  yield call("Cluster/MemberPromote", {});
  yield call("Cluster/MemberRemove", { ID: 4711 });
  yield call("Cluster/MemberRemove", {});
  yield call("Cluster/MemberUpdate", { ID: 4711, peerURLs: ["http://127.0.0.1:1"] });
  yield call("Cluster/MemberUpdate", { ID: "$self", peerURLs: [] });
  yield call("Cluster/MemberUpdate", { ID: "$self", peerURLs: ["nonsense"] });
  yield call("Cluster/MemberUpdate", { ID: "$self", peerURLs: ["$peerUrl"] });
  for (const url of urls) yield call("Cluster/MemberAdd", { peerURLs: [url], isLearner: true });
  yield call("Cluster/MemberAdd", { peerURLs: [] });
  yield call("Cluster/MemberAdd", { peerURLs: ["$peerUrl"] });
  yield call("Cluster/MemberAdd", { peerURLs: ["$peerUrl"], isLearner: true });
  const added = { bind: { "member.ID": "$learner" } };
  yield call("Cluster/MemberAdd", { peerURLs: [" http://127.0.0.1:3"], isLearner: true }, added);
  yield { waitMs: 1_100 }; // An id is made of the urls and the second.
  yield call("Cluster/MemberList", { linearizable: true });
  yield call("Cluster/MemberAdd", { peerURLs: ["http://127.0.0.1:3"], isLearner: true });
  yield call("Cluster/MemberAdd", { peerURLs: ["http://127.0.0.1:3"] });
  yield call("Cluster/MemberAdd", { peerURLs: ["http://127.0.0.1:4"], isLearner: true });
  yield call("Cluster/MemberPromote", { ID: "$learner" });
  yield call("Cluster/MemberUpdate", { ID: "$learner", peerURLs: ["$peerUrl"] });
  yield call("Cluster/MemberUpdate", {
    ID: "$learner",
    peerURLs: ["http://127.0.0.1:5", "http://127.0.0.1:2"],
  });
  yield call("Maintenance/MoveLeader", { targetID: "$learner" });
  yield call("Maintenance/MoveLeader", { targetID: 4711 });
  yield call("Maintenance/MoveLeader", {});
  yield call("Maintenance/MoveLeader", { targetID: "$self" });
  yield call("Cluster/MemberRemove", { ID: "$learner" });
  yield call("Cluster/MemberRemove", { ID: "$learner" });
  yield call("Cluster/MemberUpdate", { ID: "$learner", peerURLs: ["http://127.0.0.1:6"] });
  yield call("Cluster/MemberPromote", { ID: "$learner" });
  yield call("Cluster/MemberList", {});
}

const urls = [
  "nonsense",
  "127.0.0.1:3",
  "ftp://127.0.0.1:3",
  "http://127.0.0.1",
  "http://127.0.0.1:3/path",
  "http://",
  "",
  "http://127.0.0.1:port",
];
