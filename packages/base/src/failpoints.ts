/**
 * Named points at which a crash test can make the process stop, wait or die.
 *
 * Source of the names: etcd's tree, where gofail knows them; only those stand here that have a place
 * in this one. A point costs one comparison until {@link armFailpoints} was called, which only a
 * process does that was told to. The registry is of the process, like gofail's: a point has to be
 * found from anywhere, and nothing but tests sets one. Pure; what a term does comes in as a port.
 */
import {
  type FailpointTerm,
  type FailpointValue,
  parseFailpointTerms,
  sleepMsOf,
} from "./failpoint-terms.ts";

/** Where they are. */
// biome-ignore format: a table
export const failpointNames = [
  // The log: around the write with its sync.
  "walBeforeSync", "walAfterSync",
  // The replica: what is persisted, sent, taken in and applied.
  "raftBeforeSave", "raftAfterSave", "raftBeforeLeaderSend", "raftBeforeFollowerSend",
  "raftBeforeAdvance", "raftBeforeSaveSnap", "raftAfterSaveSnap", "raftBeforeApplySnap",
  "raftAfterApplySnap", "raftAfterWALRelease", "raftBeforeWALSaveSnaphot",
  "applyBeforeOpenSnapshot", "applyAfterOpenSnapshot",
  "beforeApplyOneEntryNormal", "beforeApplyOneConfChange",
  // Members among each other: `return` drops a heartbeat.
  "raftDropHeartbeat",
  // The backend: its transactions and its checkpoints.
  "beforeStartDBTxn", "afterStartDBTxn", "beforeCommit", "afterCommit",
  "commitBeforePreCommitHook", "commitAfterPreCommitHook",
  "beforeCheckpointSync", "afterCheckpointSync",
  // Compaction: noting it, its slices, its end.
  "compactBeforeCommitScheduledCompact", "compactAfterCommitScheduledCompact",
  "compactBeforeCommitBatch", "compactAfterCommitBatch",
  "compactBeforeSetFinishedCompact", "compactAfterSetFinishedCompact",
  // The API.
  "beforeSendWatchResponse", "beforeRangeStreamChunk", "beforeLookupWhenLeaseTimeToLive",
  "beforePublishing",
] as const;

/** A point. */
export type FailpointName = (typeof failpointNames)[number];

/** What terms can do to the process. */
export interface FailpointActions {
  /** Uniform in [0, 1). */
  chance(): number;
  /** Holds up everything: the process has one thread, where gofail holds up a single goroutine. */
  sleep(ms: number): void;
  print(line: string): void;
  /** Ends the process; a test's may throw. */
  panic(text: string): never;
}

interface Point {
  readonly text: string;
  readonly terms: readonly FailpointTerm[];
  count: number;
}

interface Armed {
  readonly actions: FailpointActions;
  readonly points: Map<FailpointName, Point>;
}

let armed: Armed | undefined;

/** Passes a point: does what was set for it. Gives what `return` gives, undefined when nothing is set. */
export function failpoint(name: FailpointName): FailpointValue | undefined {
  return armed === undefined ? undefined : pass(armed, name);
}

/** From now on points can be set. With `undefined`, for tests, all are off again. */
export function armFailpoints(actions: FailpointActions | undefined): void {
  armed = actions === undefined ? undefined : { actions, points: new Map() };
}

/** Why a point cannot be set, asked for or cleared: gofail's texts. */
export type FailpointError = "does not exist" | "could not parse terms" | "failpoint is disabled";

/** Sets what happens at a point. */
export function setFailpoint(name: string, text: string): FailpointError | undefined {
  if (armed === undefined || !isFailpoint(name)) return "does not exist";
  const terms = parseFailpointTerms(text);
  if (terms === undefined) return "could not parse terms";
  armed.points.set(name, { text, terms, count: 0 });
  return undefined;
}

/** Sets nothing to happen at a point. */
export function clearFailpoint(name: string): FailpointError | undefined {
  if (armed === undefined || !isFailpoint(name)) return "does not exist";
  return armed.points.delete(name) ? undefined : "failpoint is disabled";
}

/** What is set for a point, and how often that has done something. */
export function failpointStatus(
  name: string,
): { readonly text: string; readonly count: number } | FailpointError {
  if (armed === undefined || !isFailpoint(name)) return "does not exist";
  return armed.points.get(name) ?? "failpoint is disabled";
}

function isFailpoint(name: string): name is FailpointName {
  return (failpointNames as readonly string[]).includes(name);
}

/** The first term that is not used up, and that chance lets through. */
function pass({ actions, points }: Armed, name: FailpointName): FailpointValue | undefined {
  const point = points.get(name);
  if (point === undefined) return undefined;
  for (const term of point.terms) {
    if (term.timesLeft <= 0) continue;
    term.timesLeft--;
    if (term.probability < 1 && actions.chance() >= term.probability) continue;
    point.count++;
    return perform(actions, name, term);
  }
  return undefined;
}

function perform(
  actions: FailpointActions,
  name: FailpointName,
  { action, value }: FailpointTerm,
): FailpointValue | undefined {
  switch (action) {
    case "return":
      return value;
    case "sleep": {
      const ms = sleepMsOf(value);
      if (ms === undefined) actions.print(`failpoint: could not parse sleep(${value}) on ${name}`);
      else actions.sleep(ms);
      return undefined;
    }
    case "panic":
      return actions.panic(`failpoint panic: ${value ?? "{}"}`);
    case "print":
      actions.print(`failpoint print: ${name}`);
      return undefined;
    case "break": // gofail starts a debugger; here there is none to start.
    case "off":
      return undefined;
  }
}
