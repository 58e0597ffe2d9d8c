// Three real members, one of which holds something else: found, named, refused, and made anew.
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
// biome-ignore lint/correctness/noUndeclaredDependencies: only tests change a backend by hand.
import { openLmdbBackend } from "@flotilla/backend";
import { type LogFields, silentLogger, utf8 } from "@flotilla/base";
import { systemTimers } from "@flotilla/grpc";
import { nodeIdOf, type RunningMember, startMember } from "@flotilla/member";
import { type Command, putRequest } from "@flotilla/store";
import { checkBeforeServing, startCorruptionChecks } from "../src/corruption/checks.ts";
import { startCorruptionRepair } from "../src/corruption/repair.ts";
import { until } from "./fixtures.ts";

/** Ports that were free a moment ago: founders have to know each other's before they start. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((done) => server.once("listening", done))));
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

const logged: { readonly message: string; readonly fields: LogFields }[] = [];
const told: string[] = [];
const logger = {
  ...silentLogger,
  info: (message: string) => void told.push(message),
  error: (message: string, fields: LogFields = {}) => void logged.push({ message, fields }),
};

describe("three members, one of which holds something else", () => {
  let home = "";
  let members: RunningMember[] = [];
  const dirs = new Map<RunningMember, string>();
  let initialCluster: { readonly name: string; readonly peerUrl: string }[] = [];
  const dataDirOf = (at: number): string => join(home, `m${at}`);
  const start = async (at: number, state: "new" | "existing" = "new"): Promise<RunningMember> => {
    const member = await startMember({
      name: `m${at}`,
      dataDir: dataDirOf(at),
      listenPeerUrl: initialCluster[at]?.peerUrl ?? "",
      initialCluster,
      initialClusterState: state,
      heartbeatMs: 30,
      electionMs: 300,
    });
    dirs.set(member, dataDirOf(at));
    return member;
  };
  before(async () => {
    home = await mkdtemp(join(tmpdir(), "flotilla-corrupt-"));
    const ports = await freePorts(3);
    initialCluster = ports.map((port, at) => ({
      name: `m${at}`,
      peerUrl: `http://127.0.0.1:${port}`,
    }));
    members = await Promise.all([0, 1, 2].map((at) => start(at)));
  });
  after(async () => {
    await Promise.all(members.map((member) => member.stop()));
    await rm(home, { recursive: true, force: true });
  });

  const propose = async (command: Command): Promise<string> => {
    for (;;) {
      const outcome = await (members[0] as RunningMember).propose(command);
      if (outcome.kind !== "applied") continue;
      return outcome.result.kind === "refused" ? outcome.result.error : outcome.result.kind;
    }
  };
  const put = (key: string): Promise<string> =>
    propose({ kind: "put", request: putRequest(utf8(key), utf8("right")) });
  const leader = async (): Promise<RunningMember> => {
    let found: RunningMember | undefined;
    await until(
      () => {
        found = members.find((member) => member.status().isLeader);
        return members.every((member) => member.status().leaderId === found?.id);
      },
      () => "leader that all follow",
    );
    return found as RunningMember;
  };

  it("is found after a compaction and named; all writes are refused", async () => {
    for (let at = 0; at < 20; at++) equal(await put(`key-${at}`), "put");
    const other = members.indexOf(await leader()) === 2 ? 1 : 2;
    await members[other]?.stop();
    await corrupt(dataDirOf(other));
    members[other] = await start(other);
    const corruptId = members[other]?.id as bigint;
    const deps = { member: await leader(), logger, timers: systemTimers };
    const stop = startCorruptionChecks(deps, { compactHashCheckMs: 20, corruptCheckMs: 0 });
    await propose({ kind: "compact", revision: 10, physical: false });
    await until(
      () => deps.member.store.alarms().length > 0,
      () => "alarm",
    );
    stop();
    deepEqual(deps.member.store.alarms(), [{ memberId: corruptId, kind: "corrupt" }]);
    equal(await put("refused"), "corrupt");
    equal(logged[0]?.message, "a member holds wrong data");
    equal(logged[0]?.fields["member"], nodeIdOf(corruptId));
    equal(Object.values(logged[0]?.fields["hashes"] ?? []).length, 3);
    const own = { member: members[other] as RunningMember, logger, timers: systemTimers };
    await rejects(
      checkBeforeServing(own, { mayRepair: false }),
      /found data inconsistency with peers/,
    );
  });

  it("is right again after what the log says to do", async () => {
    match(String(logged[0]?.fields["todo"]), /stop it.*member\/db.*start it.*disarm/);
    const lead = await leader();
    const [alarm] = lead.store.alarms();
    const at = members.findIndex(({ id }) => id === alarm?.memberId);
    await members[at]?.stop();
    await rm(join(dataDirOf(at), "member", "db"), { recursive: true });
    const anew = await start(at);
    equal(anew.id, alarm?.memberId);
    members[at] = anew;
    await until(
      () => anew.store.revision === lead.store.revision,
      () => "member that has caught up",
    );
    if (alarm === undefined) throw new Error("no alarm");
    equal(await propose({ kind: "alarm", action: "deactivate", alarm }), "alarm");
    equal(await put("accepted"), "put");
    await anew.readBarrier();
    const deps = { member: anew, logger, timers: systemTimers };
    await checkBeforeServing(deps, { mayRepair: false });
  });

  it("repairs itself, leader or not, and disarms the alarm", async () => {
    for (const who of ["follower", "leader"]) {
      for (let at = 0; at < 20; at++) equal(await put(`${who}-${at}`), "put");
      const at = members.findIndex((member) => member.status().isLeader === (who === "leader"));
      const dataDir = dirs.get(members[at] as RunningMember) ?? "";
      const id = members[at]?.id;
      await members[at]?.stop();
      await corrupt(dataDir);
      members[at] = await start(Number(dataDir.at(-1)), "existing");
      if (who === "leader") {
        await until(
          () => {
            members.find((member) => member.status().isLeader)?.transferLeadership(id ?? 0n);
            return members[at]?.status().isLeader === true;
          },
          () => "leader with wrong data",
        );
      }
      logged.length = 0;
      told.length = 0;
      const options = { compactHashCheckMs: 20, corruptCheckMs: 0 };
      const stops = members.flatMap((member) => {
        const deps = { member, logger, timers: systemTimers };
        return [
          startCorruptionChecks(deps, options),
          startCorruptionRepair(deps, {
            ...options,
            initialCorruptCheck: false,
            corruptRepair: true,
          }),
        ];
      });
      const { revision } = (await leader()).store;
      await propose({ kind: "compact", revision, physical: false });
      await until(
        () =>
          told.includes("the alarm is disarmed") &&
          members.every(({ store }) => store.alarms().length === 0) &&
          existsSync(join(dataDir, "member", "db-set-aside")),
        () => "alarm that comes and goes, and files that were set aside",
        20_000,
      );
      for (const stop of stops) stop();
      equal(logged[0]?.fields["member"], nodeIdOf(id ?? 0n));
      equal(await put("accepted"), "put");
      const repaired = members[at] as RunningMember;
      await repaired.readBarrier();
      const deps = { member: repaired, logger, timers: systemTimers };
      await checkBeforeServing(deps, { mayRepair: false });
    }
  });
});

/** Changes a byte of what the store of a stopped member holds, in a row that a compaction keeps. */
async function corrupt(dataDir: string): Promise<void> {
  const backend = openLmdbBackend({ directory: join(dataDir, "member", "db") });
  const rows = [...backend.range("history", new Uint8Array(0), undefined)];
  const [key, value] = rows[3] as readonly [Uint8Array, Uint8Array];
  const changed = value.slice();
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  backend.write((writer) => writer.put("history", key, changed));
  await backend.sync();
  await backend.close();
}
