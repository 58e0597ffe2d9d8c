// Snapshots by command: saved from a member, looked into, restored; and what is said of damaged ones.
import { deepEqual, equal, match } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { silentLogger, utf8 } from "@flotilla/base";
import { serveEtcd } from "@flotilla/etcd-api";
import { type RunningMember, startMember } from "@flotilla/member";
import { deleteRequest, getRequest, putRequest } from "@flotilla/store";
import { type RestoreFlags, restoreSnapshot, snapshotStatus } from "../src/commands/snapshot.ts";
import { CommandError } from "../src/exit.ts";
import { sizeText, statusText } from "../src/snapshot/status-text.ts";

const program = fileURLToPath(new URL("../../bin/flotilla.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "flotilla-snapshot-"));
const inFolder = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true, force: true }));

/** Not `spawnSync`: the member that is asked lives in this process. */
async function flotilla(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { cwd: folder });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (text.stdout += chunk));
  child.stderr.on("data", (chunk) => (text.stderr += chunk));
  const [code] = await once(child, "close");
  return { code, ...text };
}

const peerUrl = "http://127.0.0.1:1";
const start = (dataDir: string, walDir?: string): Promise<RunningMember> =>
  startMember({
    name: "m1",
    dataDir,
    ...(walDir === undefined ? {} : { walDir }),
    listenPeerUrl: "http://127.0.0.1:0",
    initialCluster: [{ name: "m1", peerUrl }],
    heartbeatMs: 20,
    electionMs: 100,
    logger: silentLogger,
  });

/** Tries until there is a leader. */
async function put(member: RunningMember, key: string): Promise<number> {
  for (;;) {
    const request = putRequest(utf8(key), utf8("value"));
    const outcome = await member.propose({ kind: "put", request });
    if (outcome.kind === "applied" && outcome.result.kind === "put") return outcome.result.revision;
  }
}

describe("flotilla snapshot", () => {
  before(async () => {
    const member = await start(inFolder("source"));
    for (const key of ["a", "b", "c"]) await put(member, key);
    await member.propose({ kind: "deleteRange", request: deleteRequest(utf8("b")) });
    const server = await serveEtcd(
      { member, logger: silentLogger },
      { host: "127.0.0.1", port: 0 },
    );
    const saved = await flotilla(
      "snapshot",
      "save",
      "good",
      "--endpoints",
      `127.0.0.1:${server.port}`,
    );
    equal(saved.code, 0, saved.stderr);
    match(saved.stdout, /^Snapshot saved at good\nServer version 3\.\d+\.0\n$/);
    await server.close({ graceMs: 100 });
    await member.stop();
  });

  it("tells what a file holds", async () => {
    const { code, stdout } = await flotilla("snapshot", "status", "good", "-o", "json");
    equal(code, 0);
    const { hash, ...rest } = JSON.parse(stdout);
    const totalSize = readFileSync(inFolder("good")).length - 32;
    deepEqual(rest, { revision: 5, totalKey: 2, totalSize, version: "flotilla-1" });
    const simple = await flotilla("snapshot", "status", "good");
    match(simple.stdout, new RegExp(`^${hash.toString(16)}, 5, 2, .*, flotilla-1\n$`));
  });

  it("restores it into a new cluster, at a higher revision when asked", async () => {
    const target = ["--name", "m1", "--initial-advertise-peer-urls", peerUrl];
    const cluster = ["--initial-cluster", `m1=${peerUrl}`];
    const bump = ["--bump-revision", "100", "--mark-compacted"];
    const into = ["--data-dir", "restored"];
    const done = await flotilla(
      "snapshot",
      "restore",
      "good",
      ...into,
      ...target,
      ...cluster,
      ...bump,
    );
    equal(done.code, 0, done.stderr);
    match(done.stdout, /^restored good into restored: revision 105, member \w+ of cluster \w+\n$/);
    const again = await flotilla("snapshot", "restore", "good", ...into, ...target, ...cluster);
    equal(again.code, 1);
    equal(
      again.stderr,
      `Error: data-dir "${inFolder("restored")}" not empty or could not be read\n`,
    );
    const member = await start(inFolder("restored"));
    equal(await put(member, "d"), 106);
    const found = member.store.range(getRequest(utf8("a")));
    equal(found.kind === "range" && found.count, 1);
    equal(member.store.compactRevision, 105);
    await member.stop();
  });

  it("puts the log where it is told to", async () => {
    const dataDir = inFolder("apart");
    const walDir = inFolder("apart-log");
    const cluster = {
      name: "m1",
      initialCluster: `m1=${peerUrl}`,
      initialAdvertisePeerUrls: peerUrl,
    };
    const flags = { ...plain, ...cluster, dataDir, walDir };
    await restoreSnapshot(inFolder("good"), flags);
    equal(existsSync(join(dataDir, "member", "wal")), false);
    const member = await start(dataDir, walDir);
    equal(await put(member, "d"), 6);
    await member.stop();
    rmSync(dataDir, { recursive: true });
    const again = await failureOf(() => restoreSnapshot(inFolder("good"), flags));
    equal(again, `wal-dir "${walDir}" exists\n`);
    equal(existsSync(dataDir), false);
  });

  it("names what is damaged, and leaves nothing behind", async () => {
    const good = readFileSync(inFolder("good"));
    const flipped = Buffer.from(good);
    flipped[40] = (flipped[40] ?? 0) ^ 1;
    const etcds = Buffer.alloc(8192);
    etcds.writeUInt32LE(0xed0cdaed, 16);
    const files = {
      flipped,
      etcds,
      short: good.subarray(0, 200),
      cut: good.subarray(0, -1),
      unhashed: good.subarray(0, -32),
      empty: new Uint8Array(0),
    };
    for (const [name, bytes] of Object.entries(files)) writeFileSync(inFolder(name), bytes);
    const restore =
      (name: string, flags: Partial<RestoreFlags> = {}) =>
      () =>
        restoreSnapshot(inFolder(name), { ...plain, ...flags });
    const status = (name: string) => () => snapshotStatus(inFolder(name), "simple");
    const cases: readonly (readonly [run: () => Promise<void>, error: RegExp])[] = [
      [status("flipped"), /^expected sha256 \[[\d ]+\], got \[[\d ]+\]\n.*flipped is damaged/],
      [restore("flipped"), /^expected sha256 \[/],
      [
        restore("flipped", { skipHashCheck: true }),
        /flipped: .*checksum does not fit\nIt is damaged/,
      ],
      [status("short"), /short: 200 bytes are the length of no snapshot/],
      [status("cut"), /cut: .*bytes are the length of no snapshot/],
      [restore("unhashed"), /^snapshot missing hash but .*\nWhat `snapshot save` writes ends with/],
      [restore("short"), /short: 200 bytes are the length of no snapshot\nIt is cut short/],
      [restore("cut"), /cut: .*bytes are the length of no snapshot/],
      [restore("empty"), /empty: 0 bytes are the length of no snapshot/],
      [status("."), /^stat .*: is a directory\n$/],
      [restore("."), /^open .*: is a directory\n$/],
      [status("etcds"), /etcds: .*\nIt is a snapshot of etcd's own/],
      [status("nowhere"), /^stat .*nowhere: no such file or directory\n$/],
      [restore("nowhere"), /^open .*nowhere: no such file or directory\n$/],
    ];
    for (const [run, error] of cases) match(await failureOf(run), error);
    equal(existsSync(plain.dataDir), false);
    equal((await flotilla("snapshot", "status", "flipped")).code, 1);
  });

  it("refuses what does not fit together, as etcdutl does", async () => {
    const cases: readonly (readonly [flags: Partial<RestoreFlags>, error: string])[] = [
      [{ bumpRevision: 5 }, "--mark-compacted required if --revision-bump > 0"],
      [{ markCompacted: true }, "--mark-compacted required if --revision-bump > 0"],
      [{ name: "y" }, `couldn't find local name "y" in the initial cluster configuration`],
      [
        { initialCluster: "bad" },
        "URL scheme must be http, https, unix, or unixs: \n--initial-cluster takes name=url pairs by commas, got bad",
      ],
      [
        { initialCluster: "default=http://localhost:9999" },
        "--initial-cluster has default=http://localhost:9999 but missing from --initial-advertise-peer-urls=" +
          'http://localhost:2380 (resolved urls: "http://localhost:2380" != "http://localhost:9999")',
      ],
      [
        { initialAdvertisePeerUrls: "http://localhost:2380,http://localhost:2381" },
        "--initial-advertise-peer-urls has http://localhost:2381 but missing from " +
          "--initial-cluster=default=http://localhost:2380,default=http://localhost:2381",
      ],
    ];
    for (const [flags, error] of cases) {
      const run = () => restoreSnapshot(inFolder("good"), { ...plain, ...flags });
      equal(await failureOf(run), error.includes("\n") ? error : `${error}\n`);
    }
    const ended = await flotilla("snapshot", "restore");
    equal(ended.stderr, "Error: snapshot restore requires exactly one argument\n");
    equal(ended.code, 128);
  });
});

/** Etcdutl's defaults. */
const plain: RestoreFlags & { readonly dataDir: string } = {
  dataDir: inFolder("default.etcd"),
  name: "default",
  initialCluster: "default=http://localhost:2380",
  initialClusterToken: "etcd-cluster",
  initialAdvertisePeerUrls: "http://localhost:2380",
  bumpRevision: 0,
  markCompacted: false,
  skipHashCheck: false,
};

/** What a command says when it ends, and its hint. */
async function failureOf(run: () => Promise<void>): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof CommandError) return `${error.message}\n${error.hint ?? ""}`;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("the state of a snapshot", () => {
  it("is printed in etcdutl's forms", () => {
    const status = {
      hash: 2173995153,
      revision: 6,
      totalKey: 2,
      totalSize: 20480,
      version: "3.7.0",
    };
    equal(statusText(status, "simple"), "81948891, 6, 2, 20 kB, 3.7.0");
    equal(
      statusText(status, "json"),
      '{"hash":2173995153,"revision":6,"totalKey":2,"totalSize":20480,"version":"3.7.0"}',
    );
    equal(
      statusText(status, "table"),
      [
        "┌──────────┬──────────┬────────────┬────────────┬─────────┐",
        "│   HASH   │ REVISION │ TOTAL KEYS │ TOTAL SIZE │ VERSION │",
        "├──────────┼──────────┼────────────┼────────────┼─────────┤",
        "│ 81948891 │        6 │          2 │      20 kB │   3.7.0 │",
        "└──────────┴──────────┴────────────┴────────────┴─────────┘",
      ].join("\n"),
    );
    equal(
      statusText(status, "fields"),
      '"Hash" : 2173995153\n"Revision" : 6\n"Keys" : 2\n"Size" : 20480\n"Version" : 3.7.0',
    );
  });

  it("has sizes as Go prints them", () => {
    const cases: readonly (readonly [bytes: number, text: string])[] = [
      [0, "0 B"],
      [9, "9 B"],
      [10, "10 B"],
      [999, "999 B"],
      [1000, "1.0 kB"],
      [1550, "1.6 kB"],
      [20_480, "20 kB"],
      [1_069_056, "1.1 MB"],
      [2_147_483_648, "2.1 GB"],
    ];
    for (const [bytes, text] of cases) equal(sizeText(bytes), text);
  });
});
