/** What is recorded: a script for each, and the flags of the server that it is sent to. */
import { auth } from "./corpus/auth.ts";
import { cluster } from "./corpus/cluster.ts";
import { compaction } from "./corpus/compact.ts";
import { election } from "./corpus/election.ts";
import { kv } from "./corpus/kv.ts";
import { learner } from "./corpus/learner.ts";
import { lease } from "./corpus/lease.ts";
import { lock } from "./corpus/lock.ts";
import { maintenance } from "./corpus/maintenance.ts";
import { members } from "./corpus/members.ts";
import { misc } from "./corpus/misc.ts";
import { quorum } from "./corpus/quorum.ts";
import { txns } from "./corpus/txn.ts";
import { watch } from "./corpus/watch.ts";
import { randomRequests } from "./generator.ts";
import type { Script } from "./recording.ts";
import type { Setting } from "./setting.ts";

/** One recording to be. */
export interface Suite extends Setting {
  readonly about: string;
  script(): Script;
}

/** Seeds of the recorded random runs; a live comparison takes more of them. */
const recordedSeeds = [1, 2, 3];
/** Requests of each. */
const recordedRequests = 400;

/** Every suite by the name of its file. */
export const suites: Readonly<Record<string, Suite>> = {
  kv: { about: "KV: ranges, puts, deletions, streams", flags: [], script: kv },
  txn: { about: "KV: transactions", flags: [], script: txns },
  compact: { about: "KV: compaction", flags: [], script: compaction },
  watch: { about: "watches", flags: [], script: watch },
  lease: { about: "leases", flags: [], script: lease },
  cluster: { about: "members", flags: ["--max-learners=1"], script: cluster },
  auth: { about: "users, roles, rights", flags: [], script: auth },
  lock: { about: "locks", flags: [], script: lock },
  election: { about: "elections", flags: [], script: election },
  maintenance: { about: "alarms, downgrades, hashes", flags: [], script: maintenance },
  learner: {
    about: "three members and a learner",
    flags: ["--max-learners=1"],
    members: 3,
    script: learner,
  },
  members: { about: "changes of three members", flags: [], members: 3, script: members },
  quorum: { about: "one of three members alone", flags: [], members: 3, script: quorum },
  misc: { about: "metadata, health", flags: [], script: misc },
  ...Object.fromEntries(
    recordedSeeds.map((seed) => [`random-${seed}`, randomSuite(seed, recordedRequests)]),
  ),
};

/** A run of random requests. */
export function randomSuite(seed: number, requests: number): Suite {
  return {
    about: `random requests, seed ${seed}`,
    flags: [],
    script: () => randomRequests(seed, requests),
  };
}
