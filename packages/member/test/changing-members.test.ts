import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { nodeIdOf } from "../src/identity.ts";
import type { MemberOptions, RunningMember } from "../src/options.ts";
import { recoverMember } from "../src/recover-member.ts";
import { Cluster, put, read, revisionOf, until } from "./fixtures.ts";

/** Runs with a cluster that is closed whatever happens. */
async function withCluster(
  size: number,
  body: (cluster: Cluster) => Promise<void>,
  options: Partial<MemberOptions> = {},
): Promise<void> {
  const cluster = await Cluster.start(size, options);
  try {
    await cluster.leader();
    await body(cluster);
  } finally {
    await cluster.close();
  }
}

/** Waits until `member` has ended by itself, and says why. */
async function endOf(member: RunningMember): Promise<{ code?: string; message: string }> {
  let end: { code?: string; message: string } | undefined;
  void member.stopped.then((reason) => {
    end = reason ?? { message: "stopped without a reason" };
  });
  await until(() => end !== undefined, `the end of ${member.name}`);
  return end as { code?: string; message: string };
}

async function remove(via: RunningMember, gone: RunningMember): Promise<void> {
  const outcome = await via.changeMembers([{ kind: "remove", id: nodeIdOf(gone.id) }]);
  equal(outcome.kind, "changed", JSON.stringify(outcome));
}

/** Writes without pause until it is told to stop; gives the keys that were acknowledged. */
function writeThrough(member: RunningMember): () => Promise<readonly string[]> {
  const acknowledged: string[] = [];
  let isOver = false;
  const running = (async () => {
    for (let at = 0; !isOver; at++) {
      const outcome = await put(member, `w${at}`);
      if (outcome.kind === "stopped") break;
      if (outcome.kind === "applied") acknowledged.push(`w${at}`);
    }
  })();
  return async () => {
    isOver = true;
    await running;
    return acknowledged;
  };
}

// They mostly wait: for elections, and for each other.
describe("members that come and go", { concurrency: 4 }, () => {
  it("three become five and three again under a writer; nothing acknowledged is lost", async () => {
    await withCluster(3, async (cluster) => {
      const [first, second, third] = cluster.members as [
        RunningMember,
        RunningMember,
        RunningMember,
      ];
      const stopWriting = writeThrough(first);
      const fourth = await cluster.grow(first, { votes: 1 });
      const fifth = await cluster.grow(second, { votes: 1 });
      await until(() => fifth.members().length === 5, "five members");
      for (const gone of [second, third]) {
        await remove(fourth, gone);
        match((await endOf(gone)).message, /was removed from the cluster/);
      }
      const acknowledged = await stopWriting();
      ok(acknowledged.length > 0);
      for (const member of [first, fourth, fifth]) {
        deepEqual(await member.readBarrier(), { kind: "ready" });
        equal(member.members().length, 3);
        for (const key of acknowledged) ok(read(member, key), `${key} on ${member.name}`);
      }
    });
  });

  it("a leader that removes itself hands over, answers, and ends", async () => {
    await withCluster(3, async (cluster) => {
      const leader = await cluster.leader();
      await remove(leader, leader);
      equal((await endOf(leader)).code, "removed");
      const rest = cluster.members.filter((member) => member !== leader);
      await cluster.leader(rest);
      revisionOf(await put(rest[0] as RunningMember, "after"));
    });
  });

  it("a removed member that starts again ends again, and says what to do", async () => {
    await withCluster(3, async (cluster) => {
      const gone = await cluster.follower();
      const at = cluster.members.indexOf(gone);
      const [via] = cluster.members.filter((member) => member !== gone);
      await remove(via as RunningMember, gone);
      await endOf(gone);
      const again = await cluster.startOne(at);
      const { code, message } = await endOf(again);
      equal(code, "removed");
      match(message, /flotilla member add m\d --peer-urls=/);
      await rejects(recoverMember({ dataDir: cluster.optionsOf(at).dataDir }), {
        code: "cannotRecover",
        message: /was removed/,
      });
    });
  });

  it("a member that lost its disk is refused, says why, and others are not disturbed", async () => {
    await withCluster(3, async (cluster) => {
      const victim = await cluster.follower();
      const at = cluster.members.indexOf(victim);
      const rest = cluster.members.filter((member) => member !== victim);
      await until(async () => {
        const status = await rest[0]?.clusterStatus();
        const records = status?.configuration.servers ?? [];
        return (
          status?.isConfigurationCommitted === true &&
          records.every((record) => record.incarnation !== 0)
        );
      }, "all incarnations are registered");
      await victim.stop();
      await rm(join(cluster.directory, victim.name), { recursive: true });
      const { term } = (await cluster.leader(rest)).status();
      await rejects(cluster.startOne(at), { code: "bootstrapped" });
      for (const link of cluster.links) link.isCut = true; // Who is connected stays so.
      const amnesiac = await cluster.startOne(at);
      for (const link of cluster.links) link.isCut = false;
      const { code, message } = await endOf(amnesiac);
      equal(code, "lostDisk");
      match(message, /has another disk than before/);
      equal((await cluster.leader(rest)).status().term, term, "nobody was deposed");
      revisionOf(await put(rest[0] as RunningMember, "after"));
    });
  });

  it("a learner follows without a vote, and is promoted", async () => {
    await withCluster(1, async (cluster) => {
      const [first] = cluster.members as [RunningMember];
      revisionOf(await put(first, "before"));
      const learner = await cluster.grow(first, { votes: 0 });
      await until(() => read(learner, "before") !== undefined, "the learner has caught up");
      equal(learner.members().find(({ id }) => id === learner.id)?.isLearner, true);
      const id = nodeIdOf(learner.id);
      // Through the learner: it asks the leader.
      const outcome = await learner.changeMembers([{ kind: "promote", id, votes: 2 }]);
      equal(outcome.kind, "changed", JSON.stringify(outcome));
      equal(first.members().find((info) => info.id === learner.id)?.votes, 2);
      revisionOf(await put(learner, "after"));
    });
  });

  it("one that comes late gets a snapshot, and starts again without asking who it is", async () => {
    const options = { snapshotEntries: 10, catchUpEntries: 0 };
    await withCluster(
      1,
      async (cluster) => {
        const [first] = cluster.members as [RunningMember];
        for (let at = 0; at < 50; at++) revisionOf(await put(first, `k${at}`));
        const late = await cluster.grow(first, { votes: 0 });
        await until(() => read(late, "k49") !== undefined, "the snapshot has arrived");
        equal(read(late, "k0")?.value, "v");
        await late.stop();
        const [link] = cluster.links;
        if (link !== undefined) link.isCut = true; // Nobody could answer a question.
        const again = await cluster.startOne(1);
        equal(again.id, late.id);
        equal(read(again, "k49")?.value, "v");
      },
      options,
    );
  });

  it("one that moves to another address is found there", async () => {
    await withCluster(3, async (cluster) => {
      const mover = await cluster.follower();
      const at = cluster.members.indexOf(mover);
      const leader = await cluster.leader();
      const place = await cluster.addLink();
      const [oldLink, newLink] = [cluster.links[at], cluster.links[place]];
      if (newLink !== undefined && oldLink !== undefined) newLink.target = oldLink.target;
      const change = { kind: "urls", id: nodeIdOf(mover.id), urls: cluster.urlsOf(place) } as const;
      equal((await leader.changeMembers([change])).kind, "changed");
      oldLink?.cut();
      revisionOf(await put(leader, "after the move"));
      await until(() => read(mover, "after the move") !== undefined, "the mover hears of it");
    });
  });

  it("one that nobody added is told to be added first", async () => {
    await withCluster(1, async (cluster) => {
      const at = await cluster.addLink();
      // The cluster's answer is immediate; the deadline of the question is the member's own.
      const refused = await cluster.startOne(at).then(
        () => undefined,
        (error: Error & { code?: string }) => error,
      );
      equal(refused?.code, "notAMember");
      match(refused?.message ?? "", /flotilla member add m2 --peer-urls=/);
    });
  });

  for (const victim of ["leader", "follower"] as const) {
    it(`two members and a witness survive the death of the ${victim}`, async () => {
      await withCluster(2, async (cluster) => {
        const leader = await cluster.leader();
        const witness = await cluster.grow(leader, { votes: 1, witness: true });
        await until(() => witness.members().length === 3, "the witness takes part");
        deepEqual(await put(witness, "not here"), { kind: "noData" });
        const shown = () => leader.members().find(({ id }) => id === witness.id);
        await until(() => shown()?.name === "m3", "the witness says who it is");
        equal(shown()?.isWitness, true);
        revisionOf(await put(leader, "before"));
        const follower = cluster.members.find((member) => member !== leader && member !== witness);
        const [dead, alive] = victim === "leader" ? [leader, follower] : [follower, leader];
        for (const link of cluster.links.filter((_, at) => cluster.members[at] === dead))
          link.cut();
        await dead?.stop();
        await cluster.leader([alive as RunningMember, witness]);
        revisionOf(await put(alive as RunningMember, "after"));
        ok(read(alive as RunningMember, "before"), "what was acknowledged before is there");
        await witness.stop();
        await rejects(recoverMember({ dataDir: cluster.optionsOf(2).dataDir }), {
          code: "cannotRecover",
          message: /witness/,
        });
      });
    });
  }
});

describe("recoverMember()", () => {
  it("makes one survivor of three a cluster, which refuses the old two and grows again", async () => {
    await withCluster(3, async (cluster) => {
      const [survivor, ...old] = cluster.members as [RunningMember, RunningMember, RunningMember];
      revisionOf(await put(survivor, "kept"));
      await cluster.stopAll();
      const { dataDir } = cluster.optionsOf(0);

      const declined = await recoverMember({ dataDir, confirm: () => false });
      equal(declined.kind, "declined");
      const { kind, plan } = await recoverMember({ dataDir });
      equal(kind, "recovered");
      equal(plan.epoch, 1);
      equal(plan.member.id, survivor.id);
      deepEqual(plan.superseded.map(({ name }) => name).sort(), ["m2", "m3"]);

      const alone = await cluster.startOne(0);
      await cluster.leader([alone]);
      revisionOf(await put(alone, "after"));
      equal(read(alone, "kept")?.value, "v");
      equal(alone.members().length, 1);

      const again = await Promise.all([cluster.startOne(1), cluster.startOne(2)]);
      for (const member of again) {
        const { code, message } = await endOf(member);
        equal(code, "superseded");
        match(message, /recovered by force/);
      }
      const added = await cluster.grow(alone, { votes: 0 });
      await until(() => read(added, "after") !== undefined, "the new member has everything");
      notEqual(added.id, old[0].id);
    });
  });

  it("refuses a directory that is in use, and one that holds no member", async () => {
    await withCluster(1, async (cluster) => {
      const { dataDir } = cluster.optionsOf(0);
      const errorOf = (directory: string) =>
        recoverMember({ dataDir: directory }).then(
          () => "recovered",
          (error: { code?: string }) => error.code,
        );
      equal(await errorOf(dataDir), "locked");
      equal(await errorOf(join(cluster.directory, "nothing")), "cannotRecover");
    });
  });
});
