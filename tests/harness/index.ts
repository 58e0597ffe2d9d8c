export { Acknowledged } from "./acknowledged.ts";
export { type Answer, ask, EntryLoad, type Failure } from "./entry-client.ts";
export { equalHashes, hashKv, type KvHash, missingKeys, StoreWriter } from "./etcd.ts";
export { needs, output } from "./real-client.ts";
export { type Finished, type RunOptions, run, which } from "./run.ts";
export {
  type ClusterRecord,
  freePort,
  type MemberRecord,
  repository,
  TestCluster,
} from "./test-cluster.ts";
export { until } from "./wait.ts";
