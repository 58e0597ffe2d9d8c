/** Commands that make servers, and that do to them what happens to machines and disks. */
import { utf8 } from "@flotilla/base";
import type { EngineOptions, Entry } from "../../src/contract.ts";
import { forcedRecovery } from "../../src/forced-recovery.ts";
import { configurationOf, serverOf } from "./notation.ts";
import { type Command, headOf, idsOf, isNumber, oneWord, pairsOf, wholeNumber } from "./words.ts";
import type { World } from "./world.ts";

/** Nobody takes part: what a server knows before a leader has told it. */
const blank = configurationOf([]);

/** Options of the engine, by their names in scripts. */
const optionNames = {
  election: "electionTicks",
  heartbeat: "heartbeatTicks",
  inflight: "inflightMessagesMax",
  appendBytes: "appendBytesMax",
  inflightBytes: "inflightBytesMax",
  uncommittedBytes: "uncommittedBytesMax",
  reads: "pendingReadsMax",
  prefer: "preferTicks",
  lag: "promotionLagEntriesMax",
} as const;

function optionsOf(words: readonly string[]): Partial<EngineOptions> {
  const names = Object.keys(optionNames) as (keyof typeof optionNames)[];
  const { lease, ...pairs } = pairsOf(words, [...names, "lease"] as const);
  const options: { -readonly [Name in keyof EngineOptions]?: EngineOptions[Name] } = {};
  for (const name of names) {
    const value = pairs[name];
    if (value !== undefined) options[optionNames[name]] = wholeNumber(value);
  }
  if (lease !== undefined) options.leaseReads = { durationMs: wholeNumber(lease) };
  return options;
}

/** Numbers that its disk, being new, gives a server: the script's own, or 1, 2, 3, ... */
const incarnations: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const host = world.host(id);
  host.options = { ...host.options, incarnation: wholeNumber(oneWord(rest)) };
};

const cluster: Command = (world, words) => {
  const servers = words.map(serverOf);
  const configuration = configurationOf(servers);
  for (const { id } of servers) world.add(id, configuration);
};

const join: Command = (world, words) => {
  for (const id of words) world.add(serverOf(id).id, blank);
};

const options: Command = (world, words) => {
  world.options = { ...world.options, ...optionsOf(words) };
};

/** Entries from their terms: "112" is index 1 to 3 with terms 1, 1, 2. */
function entriesOf(terms: string, firstIndex: number): Entry[] {
  return [...terms].map((term, offset) => ({
    index: firstIndex + offset,
    term: Number(term),
    kind: "command",
    data: utf8("x"),
  }));
}

const given: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const {
    log = "",
    term,
    vote = "",
    commit = "0",
  } = pairsOf(rest, ["log", "term", "vote", "commit"]);
  const { disk } = world.host(id);
  const entries = entriesOf(log, 1);
  const lastTerm = entries.at(-1)?.term ?? 0;
  const hardState = {
    term: term === undefined ? lastTerm : wholeNumber(term),
    vote,
    commit: wholeNumber(commit),
  };
  world.boot(id, { ...disk, hardState, entries }, world.host(id).options);
};

/** The election timeout that a server draws from now on, and the one that it waits for. */
const timeout: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const ticks = wholeNumber(oneWord(rest));
  const { server } = world.host(id).raft;
  world.random(id).draw = ticks - server.limits.electionTicks;
  server.electionTimeoutTicks = ticks;
};

const crash: Command = (world, words) => {
  for (const id of idsOf(world, words)) world.host(id).crash();
};

const restart: Command = (world, words) => {
  for (const id of words) {
    if (world.host(id).isUp) world.host(id).crash();
    world.restart(id);
  }
};

/** `lose m1 after 3`: the disk has forgotten what was written behind; the server must be down. */
const lose: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const index = wholeNumber(pairsOf(rest, ["after"]).after);
  const { disk } = downHost(world, id);
  disk.entries = disk.entries.filter((entry) => entry.index <= index);
  disk.hardState = { ...disk.hardState, commit: Math.min(disk.hardState.commit, index) };
};

/** The disk is a new one; the server must be down. */
const wipe: Command = (world, words) => {
  const host = downHost(world, oneWord(words));
  const snapshot = { index: 0, term: 0, configuration: blank };
  host.disk = { hardState: { term: 0, vote: "", commit: 0 }, snapshot, entries: [], machine: [] };
};

/** Makes the server the only voter of a new epoch, by force; it must be down. */
const recover: Command = (world, words) => {
  const host = downHost(world, oneWord(words));
  const { disk } = host;
  const { hardState, entry } = forcedRecovery(
    { ...disk, appliedIndex: disk.snapshot.index },
    host.id,
  );
  disk.hardState = hardState;
  disk.entries = [...disk.entries, entry];
};

function downHost(world: World, id: string): ReturnType<World["host"]> {
  const host = world.host(id);
  if (host.isUp) throw new Error(`${id} is up`);
  return host;
}

const compact: Command = (world, words) => {
  const [id, rest] = headOf(words);
  world.host(id).compact(wholeNumber(oneWord(rest)));
};

/** `slow m1 disk`, `fast m1 disk`, `slow m1 machine`, `fast m1 machine`. */
function speed(isSlow: boolean): Command {
  return (world, words) => {
    const [id, rest] = headOf(words);
    const host = world.host(id);
    const part = oneWord(rest);
    if (part === "disk") host.hasSlowDisk = isSlow;
    else if (part === "machine") host.hasSlowMachine = isSlow;
    else throw new Error(`neither disk nor machine: "${part}"`);
  };
}

/** `persist m1`, `persist m1 1`, `persist m1 1 late`: then the engine does not get to know yet. */
const persist: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const [first] = rest;
  const count = isNumber(first) ? Number(first) : Number.POSITIVE_INFINITY;
  const mode = isNumber(first) ? rest.slice(1) : rest;
  const host = world.host(id);
  if (host.writeCount === 0) throw new Error(`${id} has nothing to write`);
  if (mode.length === 0) host.completeWrites(count);
  else if (oneWord(mode) === "late") host.storeWrites(count);
  else throw new Error(`not known: "${mode.join(" ")}"`);
};

const report: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const host = world.host(id);
  if (host.unreportedCount === 0) throw new Error(`${id} has nothing to report`);
  host.reportWrites(rest.length === 0 ? Number.POSITIVE_INFINITY : wholeNumber(oneWord(rest)));
};

const apply: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const host = world.host(id);
  if (host.unapplied.length === 0) throw new Error(`${id} has nothing to apply`);
  host.apply(rest.length === 0 ? Number.POSITIVE_INFINITY : wholeNumber(oneWord(rest)));
};

export const serverCommands: Readonly<Record<string, Command>> = {
  cluster,
  join,
  options,
  incarnation: incarnations,
  given,
  timeout,
  crash,
  restart,
  lose,
  wipe,
  recover,
  compact,
  slow: speed(true),
  fast: speed(false),
  persist,
  report,
  apply,
};
