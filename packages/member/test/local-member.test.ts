import { deepEqual, equal, ok } from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Prng, silentLogger, silentMetrics, utf8 } from "@flotilla/base";
import { createRaft, decodeMessage, encodeMessage, type Message } from "@flotilla/consensus";
import type { PeerTransport } from "@flotilla/peer";
import { WalError } from "@flotilla/wal";
import { asFounder } from "../src/beginning.ts";
import { type DataDirectory, openDataDirectory } from "../src/data-directory.ts";
import { foundCluster, nodeIdOf } from "../src/identity.ts";
import { LocalMember } from "../src/local-member.ts";
import { settingsOf } from "../src/settings.ts";
import { put, until } from "./fixtures.ts";

const initialCluster = ["m1", "m2", "m3"].map((name, at) => ({
  name,
  peerUrl: `http://127.0.0.1:${at + 1}`,
}));

describe("LocalMember", () => {
  let dataDir = "";
  let data: DataDirectory;
  const sent: Message[] = [];
  const transport: PeerTransport = {
    port: 0,
    send: (_to, message) => sent.push(decodeMessage(message)),
    sendBulk: () => {},
    setPeers: () => {},
    cutOff: () => {},
    call: () => Promise.resolve({ kind: "failed", reason: "not here" }),
    close: () => Promise.resolve(),
  };
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "flotilla-local-"));
    sent.length = 0;
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  async function start(
    size: number,
    change: (data: DataDirectory) => DataDirectory = (same) => same,
  ) {
    const founding = foundCluster("m1", initialCluster.slice(0, size), "t");
    data = change(await openDataDirectory(dataDir, asFounder(founding), silentLogger));
    const settings = settingsOf({
      name: "m1",
      dataDir,
      listenPeerUrl: "",
      initialCluster,
      heartbeatMs: 10,
      electionMs: 100,
    });
    const id = nodeIdOf(founding.self.id);
    const engine = createRaft({ id, random: new Prng(1) }, data.engineState);
    const clock = { nowMs: () => performance.now() };
    const newSession = () => 1n;
    const own = { name: "m1", dataDir, peerUrls: [], founders: founding.founders };
    const metrics = silentMetrics;
    const parts = { settings, data, engine, clock, metrics, logger: silentLogger, newSession };
    const member = new LocalMember({ ...own, ...parts });
    member.start(transport, "");
    const [other] = founding.founders.filter((founder) => founder.id !== founding.self.id);
    return { member, self: id, other: nodeIdOf(other?.id ?? 0n) };
  }

  it("stops when a write fails, says why, and promises nothing (trap T33)", async () => {
    let writes = 0;
    const { member } = await start(3, (opened) => ({
      ...opened,
      wal: {
        ...opened.wal,
        append: (_batch, done) => {
          writes++;
          setImmediate(() => done(new WalError("syncFailed", "Cannot write: EIO")));
        },
        release: (_index, done) => void setImmediate(() => done(undefined)),
      },
    }));
    const { peerHandlers } = member;
    const outcome = put(member, "k");
    const candidate = member.members().find(({ id }) => id !== member.id)?.id ?? 0n;
    const from = nodeIdOf(candidate);
    const vote = { kind: "voteRequest", from, to: nodeIdOf(member.id), term: 5 } as const;
    const request = { ...vote, lastIndex: 9, lastTerm: 4, transfer: true };
    peerHandlers.onMessage(from, encodeMessage(request));
    const reason = await member.stopped;
    ok(reason instanceof WalError);
    equal(reason.code, "syncFailed");
    deepEqual(await outcome, { kind: "stopped" });
    equal(
      sent.filter(({ kind }) => kind === "voteResponse").length,
      0,
      "no vote without its record",
    );
    const before = writes;
    peerHandlers.onMessage(from, encodeMessage({ ...request, term: 6 }));
    await new Promise((resolve) => setImmediate(resolve));
    equal(writes, before, "and never a second attempt");
    await data.close();
  });

  it("votes once its vote is durable", async () => {
    const { member, other, self } = await start(3);
    const vote = { kind: "voteRequest", from: other, to: self, term: 5 } as const;
    const request = { ...vote, lastIndex: 0, lastTerm: 0, transfer: true };
    member.peerHandlers.onMessage(other, encodeMessage(request));
    await until(() => sent.some(({ kind }) => kind === "voteResponse"), "the vote");
    await member.stop();
    const founding = foundCluster("m1", initialCluster, "t");
    const reopened = await openDataDirectory(dataDir, asFounder(founding), silentLogger);
    deepEqual(
      { ...reopened.engineState.hardState, commit: 0 },
      { term: 5, vote: other, commit: 0 },
    );
    await reopened.close();
  });

  it("survives whatever a peer sends, and hears nobody speak for another (300 seeds)", async () => {
    const { member, other, self } = await start(3);
    const head = { from: other, to: self, term: 3 };
    const genuine = encodeMessage({
      kind: "appendRequest",
      ...head,
      prevIndex: 0,
      prevTerm: 0,
      commit: 1,
      entries: [{ index: 1, term: 3, kind: "command", data: utf8("not a command") }],
    });
    for (let seed = 0; seed < 300; seed++) {
      const prng = new Prng(seed);
      const bytes = genuine.slice(0, prng.between(1, genuine.length));
      for (let change = prng.below(4); change > 0; change--) {
        bytes[prng.below(bytes.length)] = prng.below(256);
      }
      member.peerHandlers.onMessage(other, bytes);
    }
    const forged = encodeMessage({
      kind: "heartbeat",
      from: self,
      to: self,
      term: 2 ** 40,
      commit: 0,
      readRound: 1,
    });
    member.peerHandlers.onMessage(other, forged);
    member.peerHandlers.onMessage(other, genuine);
    await until(() => member.status().term >= 3, "the genuine message");
    ok(member.status().term < 2 ** 40, "the forged one had no effect");
    await member.stop();
    equal(await member.stopped, undefined, "it ended because it was told to");
  });
});
