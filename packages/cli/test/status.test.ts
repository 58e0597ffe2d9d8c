import { deepEqual, equal, match } from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClusterView } from "../src/cluster/observe.ts";
import { plainQuorum, quorumOf } from "../src/cluster/quorum-view.ts";
import { statusText } from "../src/commands/status.ts";
import { clusterOf } from "./fixtures.ts";

describe("quorumOf()", () => {
  // Who answers is marked in the cluster's notation; the rest is silent.
  // biome-ignore format: a table
  const cases: readonly (readonly [string, string])[] = [
    // cluster              answering/total needed spare
    ["m1* m2 m3",           "3/3 members 2 1"],
    ["m1* m2 m3-",          "2/3 members 2 0"],
    ["m1- m2- m3",          "1/3 members 2 -1"],
    ["m1* m2 m3l",          "2/2 votes 2 0"],
    ["m1:3* m2 m3",         "5/5 votes 3 0"],
    ["m1:2* m2:2 m3",       "5/5 votes 3 1"],
    ["m1* m2 m3w",          "3/3 members 2 1"],
    ["m1* m2- m3w",         "2/3 members 2 0"],
    ["m1- m2- m3w m4w m5w", "3/5 members 3 -1"],
    ["m1* m2w m3w m4w m5w", "5/5 members 3 0"],
  ];
  for (const [text, want] of cases) {
    it(text, () => {
      const cluster = clusterOf(text);
      const { answering, total, unit, needed, spare } = quorumOf(cluster, (id) =>
        cluster.members.some((member) => member.id === id && member.isActive),
      );
      equal(`${answering}/${total} ${unit} ${needed} ${spare}`, want);
    });
  }

  it("takes every member for a voter when nobody says otherwise", () => {
    deepEqual(plainQuorum(5, 2), {
      ...{ unit: "members", total: 5, answering: 2, needed: 3, spare: -1 },
    });
  });
});

describe("statusText()", () => {
  const member = (name: string, role: "leader" | "follower" | "learner", votes: number) => ({
    ...{ name, pid: 1, process: "running" as const, role, votes },
    ...{ term: 2, appliedIndex: 3, revision: 4, clientUrl: "http://c", apiUrl: "http://a" },
  });
  const view: ClusterView = {
    members: [member("m1", "leader", 1), member("m2", "follower", 1)],
    nodes: [],
    quorum: plainQuorum(2, 2),
    hasLeader: true,
    remarks: [],
    kubeconfig: "",
    entry: "",
    apiProblem: "",
  };

  it("has no column for votes as long as all have one", () => {
    const text = statusText(view);
    match(text, /^MEMBER +PID +PROCESS +ROLE +TERM/);
    match(text, /^2 of 2 members answer, 2 are needed: no further member may fail\.$/m);
  });

  it("knows nothing of a member that is not heard", () => {
    const silent = { term: 0, appliedIndex: 0, revision: 0 };
    const members = [
      { ...member("m1", "leader", 1), ...silent, role: "stopped" as const },
      { ...member("m2", "follower", 1), ...silent, role: "unreachable" as const },
    ];
    const text = statusText({ ...view, members });
    match(text, /^m1 +1 +running +stopped +- +- +- +http:\/\/c$/m);
    match(text, /^m2 +1 +running +unreachable +- +- +- +http:\/\/c$/m);
  });

  it("shows votes, roles and remarks where they are not the plain case", () => {
    const text = statusText({
      ...view,
      members: [member("m1", "leader", 3), member("m2", "learner", 0)],
      remarks: ["Only m1 may lead."],
    });
    match(text, /^MEMBER +PID +PROCESS +ROLE +VOTES +TERM/);
    match(text, /^m2 +1 +running +learner +0 /m);
    match(text, /^Only m1 may lead\.$/m);
  });
});
