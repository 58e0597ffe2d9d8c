/**
 * `flotilla member`, the process: one member with etcd's API and, when asked for, Kubernetes' API and
 * control plane. From flags to the exit code; everything between is in the parts.
 */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { MetricRegistry, type Random } from "@flotilla/base";
import { type EtcdServer, serveEtcd } from "@flotilla/etcd-api";
import { nodeIdOf, type RunningMember, recoverMember, startMember } from "@flotilla/member";
import { serveChaos } from "../chaos-socket.ts";
import { exitCode, reasonOf } from "../exit.ts";
import { startFailpoints } from "../failpoint-server.ts";
import { journalProblem } from "../journal.ts";
import { systemRandom } from "../system.ts";
import { type LogLevel, openLog, type ProcessLog } from "../zap-log.ts";
import type { FlagValues } from "./flag-values.ts";
import { flags } from "./flags.ts";
import { flagsHelp } from "./help.ts";
import { openKubernetes } from "./kubernetes.ts";
import { checkListening } from "./listen-check.ts";
import { notifyReady } from "./notify.ts";
import { type FlagsOutcome, readFlags } from "./read-flags.ts";
import { dataDirOf, FlagsError, gatesOf, memberOptions, serveOptions } from "./settings.ts";
import { type Tls, tlsOf } from "./tls.ts";
import { listenUrls, timesProblem, urlsProblem } from "./urls.ts";
import { etcdVersions, flotillaVersion, versionText } from "./version.ts";

/** Calls under way get this long when the member is told to end. */
const closeGraceMs = 500;
/** A member that is told to end has ended after this time; nothing acknowledged depends on how. */
const stopMsMax = 10_000;
/** Between two looks whether the cluster answers. */
const readyRetryMs = 100;
/** etcd's exit code for flags that make no sense. */
const badFlagsCode = 2;

/** Something that was opened and has to be closed, in reverse order. */
type Closer = () => Promise<void>;
type Signal = "SIGTERM" | "SIGINT";

/** Runs until a signal or a failure ends it. The exit code is etcd's: 1 when it failed, 2 for bad flags. */
export async function runMember(args: readonly string[]): Promise<void> {
  const outcome = readFlags(args, process.env);
  if (outcome.kind !== "read") {
    process.exitCode = answer(outcome);
    return;
  }
  const { values, notices } = outcome;
  const log = openLogOf(values);
  if (log === undefined) return;
  for (const notice of notices) log[notice.level](notice.message, notice.fields);
  const problem = problemOf(values);
  if (problem !== undefined) {
    refuse(log, problem);
    return;
  }
  const signal = await live(values, log);
  // Whoever waits for this process sees what ended it, as with etcd.
  if (signal !== undefined) process.kill(process.pid, signal);
}

/** What is asked for is printed; what is wrong is said. Returns the exit code. */
function answer(outcome: Exclude<FlagsOutcome, { kind: "read" }>): number {
  switch (outcome.kind) {
    case "help":
      process.stdout.write(`Usage: flotilla member [flags]\n\n${flagsHelp()}`);
      return 0;
    case "version": {
      const { version: node, platform, arch } = process;
      process.stdout.write(versionText({ node, platform, arch }));
      return 0;
    }
    case "badFlag":
      process.stderr.write(
        `${outcome.problem}\nUsage: flotilla member [flags]\n\`flotilla member --help\` shows them.\n`,
      );
      return badFlagsCode;
    case "refused": {
      const log = openLog({ level: "info" });
      log.fatal(outcome.message, outcome.fields);
      return exitCode.refused;
    }
  }
}

function openLogOf(values: FlagValues): ProcessLog | undefined {
  const format = values.text("log-format");
  const given = values.list("log-outputs");
  const journal = given.includes(journalOutput) ? journalProblem(process.env) : undefined;
  const outputs = journal === undefined ? given : given.map(withoutJournal);
  try {
    if (format !== "json" && format !== "console") {
      throw new FlagsError(`unknown log format: ${format}, supported values json, console`);
    }
    if (journal?.isFatal === true) throw new FlagsError(journal.text);
    const log = openLog({ level: values.text("log-level") as LogLevel, format, outputs });
    if (journal !== undefined) log.warn("the log goes to standard error", { reason: journal.text });
    const hasFiles = outputs.some((output) => !notFiles.has(output));
    if (hasFiles) process.on("SIGHUP", () => log.reopen());
    return log;
  } catch (error) {
    refuse(openLog({ level: "info" }), reasonOf(error));
    return undefined;
  }
}

const journalOutput = "systemd/journal";
const notFiles: ReadonlySet<string> = new Set(["default", "stderr", "stdout", journalOutput]);

function withoutJournal(output: string): string {
  return output === journalOutput ? "stderr" : output;
}

function refuse(log: ProcessLog, error: string): void {
  log.fatal("failed to verify flags", { error });
  process.exitCode = exitCode.refused;
}

/** What is wrong with the flags, beyond each alone. */
function problemOf(values: FlagValues): string | undefined {
  for (const name of values.given) {
    const effect = flags.get(name)?.effect ?? "done";
    if (typeof effect === "object" && "refused" in effect && !values.isEmpty(name)) {
      return `--${name} cannot be used: ${effect.refused}`;
    }
  }
  return urlsProblem(values) ?? timesProblem(values);
}

/** From the first file to the last. Returns the signal that ended it; undefined after a failure. */
async function live(values: FlagValues, log: ProcessLog): Promise<Signal | undefined> {
  const told = signalled();
  const closers: Closer[] = [];
  let signal: Signal | undefined;
  try {
    const failpoints = await startFailpoints();
    if (failpoints !== undefined) closers.push(() => failpoints.close());
    // Whoever is told to end while it starts has written nothing that a crash would harm.
    const ended = open(values, log, closers).then(({ stopped }) => stopped);
    const outcome = await Promise.race([told, ended]);
    if (outcome instanceof Error) throw outcome;
    signal = outcome;
    log.info("received signal; shutting down", { signal: signal ?? "" });
  } catch (error) {
    log.fatal("member cannot go on", { member: values.text("name"), error: reasonOf(error) });
    process.exitCode = exitCode.refused;
  }
  await closeAll(closers, log);
  return signal;
}

/** Starts the parts; what was opened is in `closers` whatever happens. */
async function open(
  values: FlagValues,
  log: ProcessLog,
  closers: Closer[],
): Promise<RunningMember> {
  const random = systemRandom();
  const metrics = new MetricRegistry();
  const tls = await tlsOf(values, dataDirOf(values), log);
  const serve = serveOptions(values, tls);
  for (const warning of gatesOf(values).warnings) {
    log.warn("feature gate has no effect here", { gate: warning });
  }
  await checkListening(listenUrls(values));
  const running = await start(values, tls, { log, random, metrics });
  closers.push(() => running.stop());
  const chaosSocket = values.textIfAny("chaos-socket");
  if (chaosSocket !== undefined) closers.push(await serveChaos(chaosSocket, running, log));
  const server = await serveEtcd({ member: running, logger: log, random, metrics }, serve);
  closers.push(() => server.close({ graceMs: closeGraceMs }));
  closers.push(...(await openKubernetes(values, { member: running, random, logger: log })));
  const ending = new AbortController();
  closers.push(async () => ending.abort());
  void sayWhenReady(values, { running, server, log }, ending.signal);
  return running;
}

async function start(
  values: FlagValues,
  tls: Tls,
  deps: { readonly log: ProcessLog; readonly random: Random; readonly metrics: MetricRegistry },
): Promise<RunningMember> {
  const { log, ...others } = deps;
  const options = memberOptions(values, tls);
  const { name, dataDir, walDir } = options;
  log.info("starting a member", {
    "etcd-version": etcdVersions.server,
    "flotilla-version": flotillaVersion,
    name,
    "data-dir": dataDir,
    "listen-peer-urls": values.list("listen-peer-urls"),
    "listen-client-urls": values.list("listen-client-urls"),
    "heartbeat-interval": `${options.heartbeatMs}ms`,
    "election-timeout": `${options.electionMs}ms`,
  });
  if (values.bool("force-new-cluster")) await forceNewCluster({ dataDir, walDir }, log);
  return startMember({ ...options, ...others, logger: log });
}

/** Once: a member that is alone already stays as it is, also when the flag is forgotten in place. */
async function forceNewCluster(
  { dataDir, walDir }: { readonly dataDir: string; readonly walDir: string | undefined },
  log: ProcessLog,
): Promise<void> {
  if (!existsSync(walDir ?? `${dataDir}/member/wal`)) return;
  const { kind, plan } = await recoverMember({
    dataDir,
    ...(walDir === undefined ? {} : { walDir }),
    logger: log,
    confirm: ({ superseded }) => superseded.length > 0,
  });
  const fields = { "left-behind": plan.superseded.map(({ id }) => nodeIdOf(id)) };
  if (kind === "recovered") log.warn("forced a new cluster of this member alone", fields);
}

/** One line on stdout, and a word to systemd, once the cluster answers here. */
async function sayWhenReady(
  values: FlagValues,
  parts: { readonly running: RunningMember; readonly server: EtcdServer; readonly log: ProcessLog },
  signal: AbortSignal,
): Promise<void> {
  const { running, server, log } = parts;
  try {
    for (;;) {
      const { kind } = await running.readBarrier(signal);
      if (kind === "ready" || kind === "noData") break;
      if (kind === "stopped") return;
      await sleep(readyRetryMs, undefined, { signal });
    }
  } catch {
    return; // Told to end before it was ready.
  }
  const id = nodeIdOf(running.id);
  log.info("ready to serve client requests", { member: running.name, id });
  const listening = values.list("listen-client-urls").map((url, at) => {
    return url.replace(/:0$/, `:${server.ports[at] ?? 0}`);
  });
  const line = `ready name=${running.name} id=${id} client-urls=${listening.join(",")} peer-url=${running.peerUrl}`;
  process.stdout.write(`${line}\n`);
  await notifyReady(process.env, process.pid, log);
}

/** Closes in reverse order. A disk or a client that hangs must not keep the process: it ends all the same. */
async function closeAll(closers: readonly Closer[], log: ProcessLog): Promise<void> {
  const overdue = setTimeout(() => {
    log.error("stopping takes too long: ending without it", { waitedMs: stopMsMax });
    process.exit(exitCode.timeout);
  }, stopMsMax);
  for (const close of closers.toReversed()) {
    await close().catch((error: unknown) => {
      log.warn("a part did not close", { reason: reasonOf(error) });
    });
  }
  clearTimeout(overdue);
}

/** Resolves with the first of them; the second one ends the process at once. */
function signalled(): Promise<Signal> {
  return new Promise((done) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => done(name));
  });
}
