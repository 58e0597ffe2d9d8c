/** A fresh cluster of either kind, on the loopback, with its data in a temporary directory. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort, repository, until, which } from "../harness/index.ts";
import { RawClient } from "./client.ts";
import { encodeMessage } from "./protobuf.ts";

/** Who answers: etcd itself, or this repository. */
export type Side = "etcd" | "ours";

/** One that runs. */
export interface RunningServer {
  readonly side: Side;
  readonly endpoint: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  /** When there are several; the rest is of the one that leads at the beginning. */
  readonly members?: RunningMembers;
  close(): Promise<void>;
}

/** What can be done to a member. */
export type Deed =
  | "kill"
  | "start"
  /** Started for the first time, after it was added. */
  | "join"
  /** Waited for until it has no leader. */
  | "miss the leader"
  /** Waited for until it knows one. */
  | "find a leader";

/** Those of a cluster: `leader`, `f1`, `f2` as they began, and `m4`, which is not in it yet. */
export interface RunningMembers {
  /** Of ids and addresses. */
  readonly names: Readonly<Record<string, string>>;
  endpoint(member: string): string;
  perform(deed: Deed, to: string): Promise<void>;
}

const readyMs = 20_000;

/** Whose answers are recorded; others answer otherwise. */
const oracleVersion = "etcd Version: 3.7.";

/** Where the real one is, if it is here: `ETCD_ORACLE`, or `etcd` on PATH when that is a 3.7. */
export function oracleProgram(): string | undefined {
  const program = process.env["ETCD_ORACLE"] ?? which("etcd");
  if (program === undefined) return undefined;
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return stdout?.startsWith(oracleVersion) ? program : undefined;
}

/** Starts a cluster of one. `flags` are etcd's, and both sides are given them. */
export async function startServer(side: Side, flags: readonly string[]): Promise<RunningServer> {
  const [peerPort, clientPort] = [await freePort(), await freePort()];
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const clientUrl = `http://127.0.0.1:${clientPort}`;
  const folder = mkdtempSync(join(tmpdir(), `flotilla-oracle-${side}-`));
  const [program, ...first] = commandOf(side);
  const args = [
    ...["--name", "m1", "--data-dir", join(folder, "data"), "--initial-cluster", `m1=${peerUrl}`],
    ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
    ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
    ...["--log-level", "error", ...flags],
  ];
  const child = spawn(program, [...first, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log = (log + chunk).slice(-4000);
  });
  const close = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const endpoint = `127.0.0.1:${clientPort}`;
  try {
    await ready(endpoint, child);
  } catch (error) {
    await close();
    throw new Error(`${side} did not start: ${log}`, { cause: error });
  }
  return { side, endpoint, clientUrl, peerUrl, close };
}

/** The program of a side, and its first arguments. */
export function commandOf(side: Side): readonly [string, ...string[]] {
  if (side === "ours") {
    return [process.execPath, join(repository, "packages", "cli", "bin", "flotilla.js"), "member"];
  }
  const program = oracleProgram();
  if (program === undefined) throw new Error("no etcd 3.7: set ETCD_ORACLE to its program");
  return [program];
}

/** What a side has for snapshots in files, as far as its arguments are the same: `snapshot status FILE`. */
export function snapshotCommandOf(side: Side): readonly [string, ...string[]] {
  const [program, ...first] = commandOf(side);
  if (side === "etcd") return [join(dirname(program), "etcdutl"), "snapshot"];
  return [program, ...first.slice(0, -1), "snapshot"];
}

/** Ready once the lease that it grants could only be granted by a leader. */
async function ready(endpoint: string, child: ChildProcess): Promise<void> {
  const client = new RawClient(endpoint);
  const probe = encodeMessage("MemberListRequest", { linearizable: true });
  try {
    await until("an answer", readyMs, async () => {
      if (child.exitCode !== null) return true;
      const { code } = await client.unary("/etcdserverpb.Cluster/MemberList", probe, {});
      return code === 0;
    });
  } finally {
    client.close();
  }
  if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
