import { deepEqual, equal, match, ok } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { equalHashes, missingKeys, needs, run, StoreWriter, until } from "./harness/index.ts";
import { MemberProcesses } from "./harness/member-processes.ts";

/** Waits for `count` more acknowledged puts. */
async function moreAcknowledged(writer: StoreWriter, count: number, what: string): Promise<void> {
  const goal = writer.acknowledged.length + count;
  await until(`${count} more puts ${what}`, 20_000, () => writer.acknowledged.length >= goal);
}

describe("a cluster whose members change", () => {
  const members = new MemberProcesses();
  /** Those of the first three that were removed, and those that take part in the end. */
  const removed: string[] = [];
  let present = ["m1", "m2", "m3"];
  before(async () => {
    await members.found("m1", "m2", "m3");
  });
  after(() => members.close());

  const urls = () => present.map((name) => members.clientUrl(name));

  it("goes from three to five and back, the leader and another removed, and loses nothing", async () => {
    for (const name of ["m4", "m5"]) await members.place(name);
    const all = ["m1", "m2", "m3", "m4", "m5"].map((name) => members.clientUrl(name));
    const writer = new StoreWriter(all, "w/");
    try {
      for (const name of ["m4", "m5"]) {
        await members.join(name, "--learner");
        await members.listed(`${name} to have caught up`, (listing) =>
          listing.members.some((one) => one.name === name && one.isActive && one.lag < 500),
        );
        await members.change("promote", name);
      }
      deepEqual(pick(await members.list()), { votes: 5, quorum: 3, tolerance: 2 });
      await moreAcknowledged(writer, 100, "with five members");

      removed.push(await members.leader());
      await members.change("remove", removed[0] ?? "");
      await moreAcknowledged(writer, 100, "without the old leader");
      const next = ["m1", "m2", "m3"].find((name) => !removed.includes(name)) ?? "";
      removed.push(next);
      await members.change("remove", next);
      present = ["m1", "m2", "m3", "m4", "m5"].filter((name) => !removed.includes(name));
      await moreAcknowledged(writer, 100, "with three members again");
    } finally {
      await writer.stop();
    }
    deepEqual(pick(await members.list()), { votes: 3, quorum: 2, tolerance: 1 });
    await equalHashes(urls());
    for (const url of urls()) deepEqual(await missingKeys(url, "w/", writer.acknowledged), [], url);
  });

  it("has told the removed ones, which have ended", async () => {
    for (const name of removed) {
      const { code, log } = await members.ended(name);
      equal(code, 1, log);
      match(log, /was removed from the cluster/);
    }
  });

  it("weighs votes: three of five are a quorum by themselves, and the rest is none", async () => {
    const [heavy = "", ...light] = present;
    const [one = "", other = ""] = light;
    await members.change("weight", heavy, "3", one, "1", other, "1");
    deepEqual(pick(await members.list()), { votes: 5, quorum: 3, tolerance: 0 });
    for (const name of light) await members.kill(name);
    await until("the heavy one to write alone", 15_000, async () => {
      return (await members.put("heavy", "alone", heavy)).code === 0;
    });
    for (const name of light) members.start(name);
    await members.listed("all three", (listing) => listing.members.every((m) => m.isActive));
    await members.kill(heavy);
    const refused = await members.put("light", "alone", ...light);
    ok(refused.code === 1 || refused.code === 2, `${refused.code}: ${refused.stderr}`);
    members.start(heavy);
    await members.leader();
    await members.change("weight", heavy, "1");
    deepEqual(pick(await members.list()), { votes: 3, quorum: 2, tolerance: 1 });
  });

  it("gives leadership back to the preferred member when it returns", async () => {
    const [wanted = ""] = present;
    await members.change("prefer", wanted);
    await members.listed(`${wanted} to lead`, (listing) => leads(listing, wanted));
    await members.kill(wanted);
    await members.listed("another leader", (l) => l.leader !== null && !leads(l, wanted));
    members.start(wanted);
    await members.listed(`${wanted} to lead again`, (listing) => leads(listing, wanted), 30_000);
  });

  it("goes on from one survivor by force, and refuses the others until they are wiped", async () => {
    equal((await members.put("kept", "yes")).code, 0);
    await equalHashes(urls());
    const [survivor = "", ...lost] = present;
    for (const name of present) await members.kill(name);
    const args = ["--data-dir", members.dataDir(survivor), "--yes"];
    const recovery = await members.flotilla("member", "recover", ...args);
    equal(recovery.code, 0, recovery.stderr);
    match(recovery.stdout, /Entries up to \d+ are kept; what only others had is lost\./);
    match(recovery.stdout, /of the old epoch will be refused until their data is wiped/);

    members.start(survivor);
    const alone = await members.listed("the survivor to lead", (l) => leads(l, survivor));
    deepEqual([alone.members.length, alone.epoch], [1, 1]);
    for (const name of lost) members.start(name);
    for (const name of lost) {
      const { code, log } = await members.ended(name);
      equal(code, 1, log);
      match(log, /The cluster was recovered by force, without member/);
    }

    const [back = ""] = lost;
    members.wipe(back);
    await members.join(back);
    await members.listed("two members", (listing) =>
      listing.members.every((one) => one.isActive && one.lag === 0 && one.votes === 1),
    );
    deepEqual(await missingKeys(members.clientUrl(back), "kept", ["kept"]), []);
  });
});

describe("two members with data and a witness", () => {
  const members = new MemberProcesses();
  before(async () => {
    await members.found("m1", "m2");
    await members.join("w", "--witness");
    await members.listed("the witness", (listing) => listing.members.every((m) => m.isActive));
  });
  after(() => members.close());

  it("survive the death of either, and lose nothing", async () => {
    deepEqual(pick(await members.list()), { votes: 3, quorum: 2, tolerance: 1 });
    const urls = ["m1", "m2"].map((name) => members.clientUrl(name));
    const writer = new StoreWriter(urls, "w/");
    try {
      for (const name of ["m1", "m2"]) {
        await moreAcknowledged(writer, 50, "with everybody");
        await members.kill(name);
        await moreAcknowledged(writer, 50, `without ${name}`);
        members.start(name);
        await members.listed(`${name} to be back`, (listing) =>
          listing.members.every((one) => one.isActive && one.lag < 100),
        );
      }
    } finally {
      await writer.stop();
    }
    await equalHashes(urls);
    for (const url of urls) deepEqual(await missingKeys(url, "w/", writer.acknowledged), [], url);
  });

  it("leave clients to those with data", async () => {
    const put = await members.put("a", "b", "w");
    equal(put.code, 1, put.stderr);
    match(put.stderr, /etcdserver: rpc not supported for learner/);
    const moved = await members.flotilla(
      ...["member", "transfer", "w", "--yes", "--endpoints", members.clientUrl("m1")],
    );
    equal(moved.code, 3, moved.stderr);
    match(moved.stderr, /a witness holds no data, and cannot lead/);
  });
});

describe("etcdctl", needs("etcdctl"), () => {
  const members = new MemberProcesses();
  before(() => members.found("m1", "m2", "m3"));
  after(() => members.close());

  const etcdctl = (...args: readonly string[]) => {
    const endpoints = ["m1", "m2", "m3"].map((name) => new URL(members.clientUrl(name)).host);
    const env = { ETCDCTL_API: "3" };
    return run("etcdctl", ["--endpoints", endpoints.join(","), ...args], { env });
  };
  const printed = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await etcdctl(...args);
    equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const refusal = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await etcdctl(...args);
    equal(code, 1, args.join(" "));
    return /^Error: (.*)$/m.exec(stderr)?.[1] ?? stderr;
  };
  const idOf = async (words: RegExp): Promise<string> => {
    const line = (await printed("member", "list")).split("\n").find((one) => words.test(one));
    return line?.split(",")[0] ?? "";
  };

  it("adds, updates and removes a learner, and is refused as by etcd", async () => {
    const [peer, other] = ["http://127.0.0.1:9", "http://127.0.0.1:19"];
    const added = await printed("member", "add", "m4", "--learner", `--peer-urls=${peer}`);
    match(added, /^Member +[0-9a-f]+ added (as learner )?to cluster +[0-9a-f]+$/m);
    match(added, /^ETCD_INITIAL_CLUSTER=".*m4=http:\/\/127\.0\.0\.1:9/m);
    match(added, /^ETCD_INITIAL_CLUSTER_STATE="existing"$/m);
    const id = await idOf(/127\.0\.0\.1:9, , true$/);
    equal(
      await refusal("member", "promote", id),
      "etcdserver: can only promote a learner member which is in sync with leader",
    );
    match(await printed("member", "update", id, `--peer-urls=${other}`), / updated in cluster /);
    equal(
      await refusal("member", "update", id, `--peer-urls=${members.peerUrl("m1")}`),
      "etcdserver: Peer URLs already exists",
    );
    match(await printed("member", "remove", id), / removed from cluster /);
    equal(await refusal("member", "remove", id), "etcdserver: member not found");
    equal(await refusal("member", "promote", "1"), "etcdserver: member not found");
    equal(
      await refusal("member", "promote", await idOf(/ m1, /)),
      "etcdserver: can only promote a learner member",
    );
  });

  it("moves the leader", async () => {
    const leader = await members.leader();
    const next = leader === "m1" ? "m2" : "m1";
    const id = await idOf(new RegExp(` ${next}, `));
    match(
      await printed("move-leader", id),
      /^Leadership transferred from [0-9a-f]+ to [0-9a-f]+$/m,
    );
    equal(await members.leader(), next);
    equal(await refusal("move-leader", "1"), "etcdserver: bad leader transferee");
  });
});

const pick = ({ votes, quorum, tolerance }: Awaited<ReturnType<MemberProcesses["list"]>>) => ({
  votes,
  quorum,
  tolerance,
});

const leads = (listing: Awaited<ReturnType<MemberProcesses["list"]>>, name: string) =>
  listing.members.some((member) => member.role === "leader" && member.name === name);
