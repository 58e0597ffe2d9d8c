/**
 * What is answered otherwise than by etcd, and why: every difference that is left. A difference that
 * is not here fails the comparison, and so does a row that no difference needs any more.
 */
import type { Step } from "./session.ts";

/** One difference: the recording, a test for its step, and the reason that it is left. */
export interface KnownDifference {
  readonly recording: string;
  readonly reason: string;
  matches(expected: Step, actual: Step): boolean;
}

const isCall = (step: Step, method: string): boolean => "call" in step && step.call === method;
const isOneOf = (step: Step, ...methods: readonly string[]): boolean =>
  methods.some((method) => isCall(step, method));
const isMalformed = ({ error }: Step): boolean => error?.[0] === 13;

/** The table. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    recording: "kv",
    reason:
      "A field of another wire type than its own is malformed here; Go's parser takes it for a field that it does not know. No encoder writes it.",
    matches: (expected, actual) => isCall(expected, "KV/DeleteRange") && isMalformed(actual),
  },
  {
    recording: "cluster",
    reason:
      "etcd takes any text, or none, as the new address of a member, which nobody reaches from then on. Here it is refused, as when a member is added.",
    matches: (expected, actual) =>
      isCall(expected, "Cluster/MemberUpdate") &&
      actual.error?.[1] === "etcdserver: given member URLs are invalid",
  },
  {
    recording: "auth",
    reason:
      "etcd writes down a permission of a kind that there is not, which opens nothing. Here it is refused as one that was not given.",
    matches: (expected, actual) =>
      isCall(expected, "Auth/RoleGrantPermission") &&
      actual.error?.[1] === "etcdserver: permission not given",
  },
  {
    recording: "maintenance",
    reason:
      "At the revision of the last compaction etcd gives the hash that it kept then, with the revision of the compaction before; here it is made anew, with that of the last.",
    matches: (expected, actual) =>
      isCall(expected, "Maintenance/HashKV") &&
      expected.answer?.["compact_revision"] === -1 &&
      actual.answer?.["compact_revision"] === actual.answer?.["hash_revision"],
  },
  {
    recording: "members",
    reason:
      "etcd sends the code UNKNOWN where its own table has FAILED_PRECONDITION for too few members that were started. Go's clients go by the text; others get the code of the table.",
    matches: (expected, actual) =>
      expected.error?.[0] === 2 && actual.error?.[0] === 9 && expected.error[1] === actual.error[1],
  },
  {
    recording: "members",
    reason:
      "Of a voter that was never started etcd says that it is not in sync; here, as of every voter, that it is no learner.",
    matches: (expected, actual) =>
      isCall(expected, "Cluster/MemberPromote") &&
      actual.error?.[1] === "etcdserver: can only promote a learner member",
  },
  {
    recording: "quorum",
    reason:
      "Without a quorum etcd lets changes of members wait for as long as the client does; here they are told after the time of any request that it is over.",
    matches: (expected, actual) =>
      isOneOf(expected, "Cluster/MemberRemove", "Cluster/MemberUpdate") &&
      actual.error?.[1] === "context deadline exceeded",
  },
];
