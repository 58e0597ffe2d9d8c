/**
 * One command of the log against the state. Pure apart from the writer that it is given, and
 * deterministic: no clock, no chance, and nothing that differs between members.
 */
import { failpoint } from "@flotilla/base";
import { applyAuth } from "./auth/apply-auth.ts";
import { commandRefusal } from "./auth/authorise.ts";
import type { AuthCommand, AuthEvent, Requester } from "./auth/contract.ts";
import { alarmRefusal, allAlarms, applyAlarm, saveDowngrade } from "./cluster-state.ts";
import { decideCompaction } from "./compaction.ts";
import type { BackendWriter, Command, CommandResult, StoreError, TxnRequest } from "./contract.ts";
import { grantLease, keysOfLease, leaseExists, removeLease } from "./leases.ts";
import { saveMember } from "./members.ts";
import { Mutation } from "./mutation.ts";
import type { StoreState } from "./state.ts";
import {
  checkBranch,
  checkPut,
  chooseBranch,
  runBranch,
  runDeleteRange,
  runPut,
} from "./transaction.ts";
import type { RevisionEvents } from "./watch-hub.ts";

/** What a command did: its answer, the state after it, and its events if it changed a key. */
export interface Applied {
  readonly result: CommandResult;
  readonly state: StoreState;
  readonly changed: RevisionEvents | undefined;
  /** What tokens have to follow. */
  readonly authEvent?: AuthEvent;
}

/** What an entry of the log asks for. */
export interface Asked {
  readonly command: Command;
  readonly requester: Requester | undefined;
  /** Of the entry. */
  readonly index: number;
  /** Somebody watches for what was before. */
  readonly tellsPrevious: boolean;
}

/** Applies a command, if nothing forbids it; a refusal has changed nothing. */
export function applyCommand(writer: BackendWriter, state: StoreState, asked: Asked): Applied {
  const { command, requester } = asked;
  const refusal =
    alarmRefusal(state.alarms, command) ?? commandRefusal(writer, state.auth, command, requester);
  return refusal === undefined ? carryOut(writer, state, asked) : refused(state, refusal);
}

function carryOut(writer: BackendWriter, state: StoreState, asked: Asked): Applied {
  const { command, index, tellsPrevious } = asked;
  const { revision } = state;
  switch (command.kind) {
    case "put": {
      const error = checkPut(writer, command.request);
      if (error !== undefined) return refused(state, error);
      const mutation = new Mutation(writer, revision, tellsPrevious);
      return mutated(state, mutation, runPut(mutation, command.request));
    }
    case "deleteRange": {
      const mutation = new Mutation(writer, revision, tellsPrevious);
      return mutated(state, mutation, runDeleteRange(mutation, command.request));
    }
    case "txn":
      return applyTxn(writer, state, command.request, tellsPrevious);
    case "compact": {
      failpoint("compactBeforeCommitScheduledCompact");
      const after = decideCompaction(state, command.revision);
      if (typeof after === "string") return refused(state, after);
      failpoint("compactAfterCommitScheduledCompact");
      return { result: { kind: "compact", revision }, state: after, changed: undefined };
    }
    case "leaseGrant": {
      const { id, ttlSeconds } = command;
      if (leaseExists(writer, id)) return refused(state, "leaseExists");
      grantLease(writer, id, ttlSeconds);
      return unchanged(state, { kind: "leaseGrant", revision, id, ttlSeconds });
    }
    case "leaseRevoke":
      return applyLeaseRevoke(writer, state, command.id, tellsPrevious);
    case "memberAttributes":
      saveMember(writer, command.attributes);
      return unchanged(state, { kind: "memberAttributes", revision });
    case "alarm": {
      const result = { kind: "alarm", revision, alarms: applyAlarm(writer, command) } as const;
      return { result, state: { ...state, alarms: allAlarms(writer) }, changed: undefined };
    }
    case "downgrade":
      saveDowngrade(writer, command.enabled ? command.version : undefined);
      return unchanged(state, { kind: "downgrade", revision });
    default:
      return carryOutAuth(writer, state, command, index);
  }
}

function carryOutAuth(
  writer: BackendWriter,
  state: StoreState,
  command: AuthCommand,
  index: number,
): Applied {
  const outcome = applyAuth(writer, state.auth, command, index);
  if (typeof outcome === "string") return refused(state, outcome);
  const { state: auth, token, event } = outcome;
  const { revision } = state;
  return {
    result:
      token === undefined ? { kind: "auth", revision } : { kind: "authenticate", revision, token },
    state: auth === state.auth ? state : { ...state, auth },
    changed: undefined,
    ...(event === undefined ? {} : { authEvent: event }),
  };
}

export function refused(state: StoreState, error: StoreError): Applied {
  return unchanged(state, { kind: "refused", error });
}

function unchanged(state: StoreState, result: CommandResult): Applied {
  return { result, state, changed: undefined };
}

/** When something has changed, the store is one revision further. */
function mutated(state: StoreState, mutation: Mutation, result: CommandResult): Applied {
  const { revision, events } = mutation;
  if (events.length === 0) return unchanged(state, result);
  return { result, state: { ...state, revision }, changed: { revision, events } };
}

function applyTxn(
  writer: BackendWriter,
  state: StoreState,
  request: TxnRequest,
  tellsPrevious: boolean,
): Applied {
  const { revision, compactRevision } = state;
  const branch = chooseBranch(writer, request);
  const error = checkBranch({ reader: writer, revision, compactRevision }, branch);
  if (error !== undefined) return refused(state, error);
  const mutation = new Mutation(writer, revision, tellsPrevious);
  const view = () => ({ reader: writer, revision: mutation.revision, compactRevision });
  return mutated(state, mutation, runBranch({ view, mutation }, branch));
}

/** Deletes the keys of the lease, sorted, in one revision. */
function applyLeaseRevoke(
  writer: BackendWriter,
  state: StoreState,
  id: bigint,
  tellsPrevious: boolean,
): Applied {
  if (!leaseExists(writer, id)) return refused(state, "leaseNotFound");
  const mutation = new Mutation(writer, state.revision, tellsPrevious);
  for (const key of keysOfLease(writer, id)) {
    const live = mutation.read(key);
    if (live !== undefined) mutation.delete(live);
  }
  removeLease(writer, id);
  return mutated(state, mutation, { kind: "leaseRevoke", revision: mutation.revision });
}
