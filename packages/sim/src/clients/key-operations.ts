/** Operations on keys, as they are asked of a server and as checkers know them. */
import { textOf, utf8 } from "@flotilla/base";
import type { BarrierOutcome, ProposeOutcome } from "@flotilla/replica";
import {
  type Command,
  type CommandResult,
  deleteRequest,
  getRequest,
  putRequest,
  type StoreReader,
} from "@flotilla/store";
import type { Comparison, Input, Output } from "../checkers/index.ts";
import type { Attempt, Serve } from "./client-call.ts";

/** The command that an input is; a read is none. */
export function commandOf(key: string, input: Input): Command | undefined {
  switch (input.kind) {
    case "put":
      return { kind: "put", request: put(key, input.value, input.lease) };
    case "delete":
      return { kind: "deleteRange", request: deleteRequest(utf8(key)) };
    case "cas":
      return {
        kind: "txn",
        request: {
          compare: [compareOf(key, input.compare)],
          success: [{ kind: "put", request: put(key, input.value, input.lease) }],
          failure: [],
        },
      };
    default:
      return undefined;
  }
}

/** Proposes a command; `read` makes of its result what the client is told. */
export function proposing<Answer>(
  command: Command,
  read: (result: CommandResult) => Answer,
): Serve<Answer> {
  return (process, done) => {
    process.replica?.propose(command, {}, (outcome) => done(attemptOf(outcome, read)));
  };
}

/** Reads a key, after a barrier unless `isSerializable`. */
export function reading(key: string, isSerializable: boolean): Serve<Output> {
  return (process, done) => {
    const { store } = process.machine.state;
    const answer = (): void => done({ kind: "answered", answer: readKey(store, key) });
    if (isSerializable) {
      if (process.machine.isWitness) done({ kind: "notDone" });
      else answer();
    } else
      process.replica?.readBarrier((outcome: BarrierOutcome) => {
        if (outcome.kind === "ready") answer();
        else done({ kind: "notDone" });
      });
  };
}

/** What a client is told about the result of an operation on a key. */
export function outputOf(result: CommandResult): Output {
  switch (result.kind) {
    case "put":
      return { kind: "put", revision: result.revision };
    case "deleteRange":
      return { kind: "delete", deleted: result.deleted, revision: result.revision };
    case "txn":
      return { kind: "cas", succeeded: result.succeeded, revision: result.revision };
    default:
      return { kind: "refused" };
  }
}

function attemptOf<Answer>(
  outcome: ProposeOutcome,
  read: (result: CommandResult) => Answer,
): Attempt<Answer> {
  switch (outcome.kind) {
    case "applied":
      return { kind: "answered", answer: read(outcome.result) };
    case "noLeader":
    case "tooManyRequests":
    case "noData":
      return { kind: "notDone" };
    case "timeout":
    case "stopped":
      return { kind: "unknown" };
  }
}

function readKey(store: StoreReader, key: string): Output {
  const result = store.range(getRequest(utf8(key)));
  if (result.kind !== "range") return { kind: "refused" };
  const [kv] = result.kvs;
  const found =
    kv === undefined
      ? undefined
      : { value: textOf(kv.value), modRevision: kv.modRevision, version: kv.version };
  return { kind: "get", revision: result.revision, found };
}

function put(key: string, value: string, lease: string | undefined) {
  return putRequest(utf8(key), utf8(value), lease === undefined ? {} : { lease: BigInt(lease) });
}

function compareOf(key: string, comparison: Comparison) {
  const range = { key: utf8(key), rangeEnd: new Uint8Array(0), result: "equal" } as const;
  switch (comparison.target) {
    case "modRevision":
      return { ...range, target: { kind: "mod", revision: comparison.equals } } as const;
    case "version":
      return { ...range, target: { kind: "version", version: comparison.equals } } as const;
    case "value":
      return { ...range, target: { kind: "value", value: utf8(comparison.equals ?? "") } } as const;
  }
}
