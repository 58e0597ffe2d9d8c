/**
 * What the store knows about itself, most of it in one record that is written with every change. Pure.
 *
 * The revision is kept explicitly and not derived from the history: a compaction may remove the
 * newest row (etcd issue 17780).
 */
import { emptyBytes, encodeMessage, equalBytes, WireError, WireReader } from "@flotilla/base";
import { type AuthState, initialAuth, loadAuth } from "./auth/auth-state.ts";
import { allAlarms } from "./cluster-state.ts";
import { boolField, bytesField, integerField } from "./codec/fields.ts";
import type { Alarm, BackendReader, BackendWriter } from "./contract.ts";
import { table } from "./layout.ts";

export interface StoreState {
  /** Last log entry that is applied, and its term. */
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  readonly revision: number;
  /** Reads below it are refused; -1 before the first compaction, as in etcd. */
  readonly compactRevision: number;
  /** True while rows that the compaction dropped are still there. */
  readonly compacting: boolean;
  /** First row of `history` that a compaction has to look at. */
  readonly compactFrom: Uint8Array;
  /** Held in memory and kept in tables of their own: every command asks for them. */
  readonly auth: AuthState;
  readonly alarms: readonly Alarm[];
}

/** An empty store is at revision 1. */
export const initialState: StoreState = {
  appliedIndex: 0,
  appliedTerm: 0,
  revision: 1,
  compactRevision: -1,
  compacting: false,
  compactFrom: emptyBytes,
  auth: initialAuth,
  alarms: [],
};

const stateKey = Uint8Array.of(0);
/** Counts up when the layout changes in a way that older code cannot read. */
const layoutVersion = 2;

export function saveState(writer: BackendWriter, state: StoreState): void {
  writer.put(table.state, stateKey, encodeState(state));
}

/** Throws `WireError` when what is there is damaged or of a newer layout. */
export function loadState(reader: BackendReader): StoreState {
  const bytes = reader.get(table.state, stateKey);
  const record = bytes === undefined ? initialState : decodeState(bytes);
  return { ...record, auth: loadAuth(reader), alarms: allAlarms(reader) };
}

/** True of the key under which the record lies in its table. */
export function isStateRecord(key: Uint8Array): boolean {
  return equalBytes(key, stateKey);
}

/** The record alone, as it lies in the backend. Throws `WireError`. */
export function readState(bytes: Uint8Array): Pick<StoreState, "revision"> {
  return decodeState(bytes);
}

function encodeState(state: StoreState): Uint8Array {
  return encodeMessage((writer) => {
    writer.fieldVarint(1, layoutVersion);
    writer.fieldVarint(2, state.appliedIndex);
    writer.fieldVarint(3, state.appliedTerm);
    writer.fieldVarint(4, state.revision);
    writer.fieldVarint(5, state.compactRevision + 1); // -1 would take ten bytes.
    writer.fieldBool(6, state.compacting);
    writer.fieldBytes(7, state.compactFrom);
  });
}

function decodeState(bytes: Uint8Array): StoreState {
  const reader = new WireReader(bytes);
  let version = 0;
  let state = { ...initialState, compactRevision: -1 };
  while (reader.next()) {
    if (reader.field === 1) version = integerField(reader);
    else if (reader.field === 2) state = { ...state, appliedIndex: integerField(reader) };
    else if (reader.field === 3) state = { ...state, appliedTerm: integerField(reader) };
    else if (reader.field === 4) state = { ...state, revision: integerField(reader) };
    else if (reader.field === 5) state = { ...state, compactRevision: integerField(reader) - 1 };
    else if (reader.field === 6) state = { ...state, compacting: boolField(reader) };
    else if (reader.field === 7) state = { ...state, compactFrom: bytesField(reader) };
    else reader.skip();
  }
  if (version !== layoutVersion) {
    throw new WireError(`store layout is version ${version}, this program reads ${layoutVersion}`);
  }
  return state;
}
