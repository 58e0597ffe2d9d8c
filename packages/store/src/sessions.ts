/**
 * Which proposals were applied: what makes a command that is sent twice happen once. Pure apart
 * from the backend that it is given.
 *
 * Every member's start is a session. Held in memory in full, which is little: a bounded number of
 * sessions, each a floor and some runs. The order of eviction is the order of the log, so that all
 * members forget the same session at the same entry.
 *
 * A session that was forgotten must not come back as a new one: a command that is sent again would be
 * applied again (Raft thesis section 6.3). So each says what was applied when it began, and one that
 * is not known and may be older than what was forgotten is refused.
 */
import { assert, concatBytes, encodeMessage, WireReader } from "@flotilla/base";
import type { BackendReader, BackendWriter, Proposal } from "./contract.ts";
import { idKey, parseIdKey, table } from "./layout.ts";
import { SequenceSet } from "./sequence-set.ts";

/**
 * - `new`: recorded; to be applied.
 * - `repeated`: it was applied before.
 * - `expired`: its session is not known any more, so that this cannot be told.
 */
export type Admission = "new" | "repeated" | "expired";

/** Beside the record of the state. */
const forgottenKey = Uint8Array.of(1);

interface Session {
  readonly sequences: SequenceSet;
  /** Log index of its last proposal. */
  lastIndex: number;
}

export class Sessions {
  readonly #sessions = new Map<bigint, Session>();
  /** Changed since the last save. */
  readonly #touched = new Set<bigint>();
  readonly #sessionsMax: number;
  /** Last log index of all sessions that were forgotten; 0 when none was. */
  #forgottenIndex = 0;
  /** Since the last save. */
  #hasForgotten = false;

  constructor(reader: BackendReader, sessionsMax: number) {
    this.#sessionsMax = sessionsMax;
    const forgotten = reader.get(table.state, forgottenKey);
    if (forgotten !== undefined) this.#forgottenIndex = new WireReader(forgotten).varint();
    for (const [key, value] of reader.range(table.sessions, new Uint8Array(0), undefined)) {
      const indexSize = new WireReader(value);
      const lastIndex = indexSize.varint();
      const sequences = SequenceSet.decode(value.subarray(indexSize.offset));
      this.#sessions.set(parseIdKey(key), { sequences, lastIndex });
    }
  }

  /** Records a proposal, unless it is of a session that may have been forgotten. */
  admit(proposal: Omit<Proposal, "onlyInTerm" | "command">, index: number): Admission {
    const known = this.#sessions.get(proposal.session);
    if (known === undefined && proposal.openedAt < this.#forgottenIndex) return "expired";
    const session = known ?? this.#open(proposal.session);
    assert(index >= session.lastIndex, "sessions: the log goes forward");
    session.lastIndex = index;
    this.#touched.add(proposal.session);
    const isNew = !session.sequences.has(proposal.sequence);
    if (isNew) session.sequences.add(proposal.sequence);
    session.sequences.raiseFloor(proposal.settledBelow);
    return isNew ? "new" : "repeated";
  }

  /** Writes what has changed since the last save. */
  save(writer: BackendWriter): void {
    for (const id of this.#touched) {
      const session = this.#sessions.get(id);
      if (session === undefined) writer.delete(table.sessions, idKey(id));
      else writer.put(table.sessions, idKey(id), encodeSession(session));
    }
    this.#touched.clear();
    if (!this.#hasForgotten) return;
    const forgotten = encodeMessage((record) => record.varint(this.#forgottenIndex));
    writer.put(table.state, forgottenKey, forgotten);
    this.#hasForgotten = false;
  }

  #open(id: bigint): Session {
    while (this.#sessions.size >= this.#sessionsMax) this.#forgetOldest();
    const session = { sequences: new SequenceSet(), lastIndex: 0 };
    this.#sessions.set(id, session);
    return session;
  }

  /** Log indexes are unique, so that there is one oldest. */
  #forgetOldest(): void {
    let oldest: bigint | undefined;
    let oldestIndex = Number.POSITIVE_INFINITY;
    for (const [id, { lastIndex }] of this.#sessions) {
      if (lastIndex >= oldestIndex) continue;
      oldest = id;
      oldestIndex = lastIndex;
    }
    assert(oldest !== undefined, "sessions: at least one is remembered");
    this.#sessions.delete(oldest);
    this.#touched.add(oldest);
    this.#forgottenIndex = oldestIndex;
    this.#hasForgotten = true;
  }
}

/** For a log that begins anew: no index of the old one means anything there. */
export function forgetAllSessions(writer: BackendWriter): void {
  const keys = [...writer.range(table.sessions, new Uint8Array(0), undefined)].map(([key]) => key);
  for (const key of keys) writer.delete(table.sessions, key);
  writer.delete(table.state, forgottenKey);
}

function encodeSession(session: Session): Uint8Array {
  const index = encodeMessage((writer) => writer.varint(session.lastIndex));
  return concatBytes([index, session.sequences.encode()]);
}
