// flotilla.v1.Membership, and what learners and witnesses do not serve.
import { deepEqual, equal, match } from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { emptyBytes, Prng, utf8 } from "@flotilla/base";
import { nodeIdOf } from "@flotilla/member";
import { encodePutRequest, encodeRangeRequest, getRequest, putRequest } from "@flotilla/store";
import {
  decodeMembershipChange,
  type MembershipChange,
  type MembershipStep,
} from "../src/codec/membership.ts";
import {
  decodeMembership,
  type MembershipDescription,
  writeMembershipChange,
} from "../src/index.ts";
import { encoded, ManualTimers, type Running, startSolo, stopAll, until } from "./fixtures.ts";

let running: Running;
beforeEach(async () => {
  running = await startSolo();
});
afterEach(stopAll);

const cluster = () => running.member.cluster;
const encode = (change: MembershipChange) =>
  encoded((writer) => writeMembershipChange(writer, change));
const describeIt = async (): Promise<MembershipDescription> =>
  decodeMembership(await running.client.unary("/flotilla.v1.Membership/Describe", emptyBytes));
const change = async (...steps: MembershipStep[]): Promise<MembershipDescription> =>
  decodeMembership(
    await running.client.unary("/flotilla.v1.Membership/Change", encode({ steps, force: false })),
  );
const refusal = (steps: readonly MembershipStep[], force = false): Promise<string> =>
  running.client.status("/flotilla.v1.Membership/Change", encode({ steps, force }));
/** Members as short texts. */
const shown = (description: MembershipDescription) =>
  description.members.map((m) => {
    const role = m.isLearner ? "learner" : m.isWitness ? "witness" : "voter";
    return `${nodeIdOf(m.id)} ${role} ${m.votes} match=${m.matchIndex} ${m.state}${m.isActive ? "" : " silent"}`;
  });

describe("Describe", () => {
  it("tells the configuration and the leader's progress", async () => {
    cluster().put("b", { votes: 3, isActive: false });
    cluster().put("c", { isWitness: true, name: "", urls: ["http://c:1"] });
    cluster().put("d", { votes: 0 });
    cluster().preferred = ["b", "abcdef0123456789"];
    cluster().staticLeader = "b";
    cluster().removed.push("e");
    const description = await describeIt();
    deepEqual(shown(description), [
      "b voter 3 match=0 replicate silent",
      "c witness 1 match=80 replicate",
      "d learner 0 match=80 replicate",
      "abcdef0123456789 voter 1 match=100 none",
    ]);
    const { leaderId, term, lastIndex, commitIndex, staticLeader, removed } = description;
    deepEqual([leaderId, term, lastIndex, commitIndex], [running.member.id, 7, 100, 90]);
    deepEqual([staticLeader, removed], [0xbn, [0xen]]);
    deepEqual(
      description.members.map(({ preferredRank }) => preferredRank),
      [1, 0, 0, 2],
    );
    deepEqual(description.members[1]?.peerUrls, ["http://c:1"]);
    equal(description.members[1]?.name, "");
  });

  it("tells why the asked member takes no part", async () => {
    equal((await describeIt()).isolation, undefined);
    running.member.isolation = { kind: "lostEntries", until: 77 };
    deepEqual((await describeIt()).isolation, { kind: "lostEntries", until: 77 });
    running.member.isolation = { kind: "removed", by: "b" };
    running.member.leaderId = 0n;
    deepEqual((await describeIt()).isolation, { kind: "removed", until: 0 });
  });

  it("tells what the asked member knows when there is no leader", async () => {
    cluster().put("b", { votes: 0 });
    running.member.leaderId = 0n;
    cluster().staticLeader = "b";
    const description = await describeIt();
    equal(description.leaderId, 0n);
    equal(description.staticLeader, 0xbn);
    deepEqual(shown(description), [
      "b learner 0 match=0 none silent",
      "abcdef0123456789 voter 1 match=0 none silent",
    ]);
  });
});

describe("Describe, when the leader does not answer", () => {
  it("tells what the asked member knows, before its client gives up", async () => {
    await stopAll();
    const timers = new ManualTimers();
    running = await startSolo({}, timers);
    running.member.isLeaderSilent = true;
    let description: MembershipDescription | undefined;
    void describeIt().then((told) => {
      description = told;
    });
    await until(
      () => {
        timers.advance(10);
        return description !== undefined;
      },
      () => "description",
    );
    equal(description?.leaderId, 0n);
    deepEqual(description && shown(description), ["abcdef0123456789 voter 1 match=0 none silent"]);
  });
});

describe("Change", () => {
  it("makes all steps at once and tells the ids of new members", async () => {
    cluster().put("b", {});
    const description = await change(
      { kind: "add", votes: 1, isWitness: true, peerUrls: ["http://w:2380"] },
      { kind: "votes", id: 0xbn, votes: 2 },
      { kind: "prefer", ids: [0xbn] },
      { kind: "staticLeader", id: 0xbn },
      { kind: "urls", id: 0xbn, peerUrls: ["http://b:2380"] },
    );
    equal(cluster().asked.length, 1);
    equal(description.added.length, 1);
    const added = description.members.find(({ id }) => id === description.added[0]);
    equal(added?.isWitness, true);
    deepEqual([cluster().preferred, cluster().staticLeader], [["b"], "b"]);
    equal(cluster().servers.get("b")?.votes, 2);
    await change({ kind: "staticLeader", id: 0n }, { kind: "prefer", ids: [] });
    deepEqual([cluster().preferred, cluster().staticLeader], [[], undefined]);
  });

  it("promotes, demotes and removes", async () => {
    cluster().put("b", {});
    cluster().put("c", {});
    cluster().put("d", { votes: 0 });
    await change(
      { kind: "promote", id: 0xdn, votes: 2 },
      { kind: "demote", id: 0xcn },
      { kind: "remove", id: 0xbn },
    );
    deepEqual(
      cluster()
        .members()
        .map(({ id, votes }) => `${nodeIdOf(id)}=${votes}`),
      ["c=0", "d=2", "abcdef0123456789=1"],
    );
  });

  // biome-ignore format: a table
  const refused: readonly (readonly [string, MembershipStep, RegExp])[] = [
    ["learnerBehind", { kind: "promote", id: 0xbn, votes: 1 }, /^9 Cannot promote b: the learner has not caught up/],
    ["learnerBehind", { kind: "staticLeader", id: 0xbn },      /^9 Cannot let only b lead: it has not caught up with the present leader/],
    ["unknownServer", { kind: "demote", id: 0x9n },            /^5 Cannot demote 9: there is no such member/],
    ["wrongRole",     { kind: "votes", id: 0xbn, votes: 2 },   /^9 Cannot give b 2 votes: its role does not fit/],
    ["noDataVoter",   { kind: "prefer", ids: [] },             /^9 Cannot prefer nobody: no voter with data/],
    ["unsound",       { kind: "staticLeader", id: 0xbn },      /^3 Cannot let only b lead: the outcome would be no sound/],
    ["unchanged",     { kind: "staticLeader", id: 0n },        /^9 Cannot lift the static leader: it would change nothing/],
  ];
  for (const [reason, step, want] of refused) {
    it(`says what was tried and why not: ${step.kind}, ${reason}`, async () => {
      cluster().put("b", { votes: 0 });
      cluster().refusals.push(reason as never);
      match(await refusal([step]), want);
    });
  }

  it("refuses no steps, bad URLs, and a URL in use unless its owner goes with the same change", async () => {
    match(await refusal([]), /^3 .*no step is given/);
    const add = (url: string): MembershipStep => ({
      kind: "add",
      votes: 0,
      isWitness: false,
      peerUrls: [url],
    });
    match(await refusal([add("b:1")]), /^3 Cannot use peer URLs \["b:1"\]: each must be http:/);
    cluster().put("b", { urls: ["http://b:1"] });
    match(await refusal([add("http://b:1")]), /^6 Cannot add [0-9a-f]+: another member has one/);
    equal(await refusal([{ kind: "remove", id: 0xbn }, add("http://b:1")]), "ok");
  });

  it("refuses what live members could not carry, unless it is forced", async () => {
    cluster().put("b", {});
    cluster().put("c", { isActive: false });
    const steps: MembershipStep[] = [{ kind: "remove", id: 0xbn }];
    match(await refusal(steps), /^9 Cannot remove b: members that do not answer would be needed/);
    equal(await refusal(steps, true), "ok");
    equal(cluster().servers.has("b"), false);
  });
});

describe("a ChangeRequest", () => {
  it("survives its codec (500 seeds)", () => {
    for (let seed = 0; seed < 500; seed++) {
      const prng = new Prng(seed);
      const id = () => BigInt(prng.below(2 ** 32)) << 31n;
      const peerUrls = Array.from({ length: prng.below(3) }, (_, at) => `http://h:${at + 1}`);
      const steps: MembershipStep[] = Array.from({ length: prng.below(6) }, () =>
        prng.pick<MembershipStep>([
          { kind: "add", votes: prng.below(3), isWitness: prng.chance(0.5), peerUrls },
          { kind: "remove", id: id() },
          { kind: "promote", id: id(), votes: prng.below(9) },
          { kind: "demote", id: id() },
          { kind: "votes", id: id(), votes: prng.below(9) },
          { kind: "prefer", ids: Array.from({ length: prng.below(3) }, () => id() + 1n) },
          { kind: "staticLeader", id: id() },
          { kind: "urls", id: id(), peerUrls },
        ]),
      );
      const request = { steps, force: prng.chance(0.5) };
      deepEqual(decodeMembershipChange(encode(request)), request, `seed=${seed}`);
    }
  });

  it("has a limit of steps", async () => {
    const steps = Array.from({ length: 65 }, () => ({ kind: "remove", id: 1n }) as const);
    match(await refusal(steps), /^13 grpc: error unmarshalling request/);
  });
});

describe("what does not serve clients", () => {
  const refused = "9 etcdserver: rpc not supported for learner";
  const get = (serializable: boolean) =>
    encodeRangeRequest(getRequest(utf8("a"), { serializable }));
  const answers = async () => ({
    put: await call("KV/Put", encodePutRequest(putRequest(utf8("a"), emptyBytes))),
    get: await call("KV/Range", get(false)),
    staleGet: await call("KV/Range", get(true)),
    leases: await call("Lease/LeaseLeases", emptyBytes),
    hash: await call("Maintenance/HashKV", emptyBytes),
    status: await call("Maintenance/Status", emptyBytes),
    members: await call("Cluster/MemberList", emptyBytes),
  });
  const call = (method: string, bytes: Uint8Array) =>
    running.client.status(`/etcdserverpb.${method}`, bytes);
  const role = async (fields: { votes?: number; isWitness?: boolean }) => {
    cluster().put(nodeIdOf(running.member.id), fields);
    return answers();
  };
  const local = { status: "ok", members: refused };

  it("is a learner, but for stale reads and its status", async () => {
    deepEqual(await role({ votes: 0 }), {
      ...local,
      put: refused,
      get: refused,
      leases: refused,
      staleGet: "ok",
      hash: refused,
    });
    const watch = running.client.watch();
    watch.create({ key: "a" });
    deepEqual(await watch.got(1), [`error ${refused}`]);
  });

  it("is a witness, which has no data at all", async () => {
    deepEqual(await role({ isWitness: true }), {
      ...local,
      put: refused,
      get: refused,
      leases: refused,
      staleGet: refused,
      hash: refused,
    });
  });

  it("serves clients as soon as it is a voter", async () => {
    equal((await role({ votes: 0 })).put, refused);
    cluster().put(nodeIdOf(running.member.id), { votes: 1 });
    equal((await answers()).put, "ok");
  });
});
