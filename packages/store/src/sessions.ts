/**
 * Which proposals were applied: what makes a command that is sent twice happen once. Pure apart
 * from the backend that it is given.
 *
 * Every member's start is a session. Held in memory in full, which is little: a bounded number of
 * sessions, each a floor and some runs. The order of eviction is the order of the log, so that all
 * members forget the same session at the same entry.
 */
import { assert, concatBytes, encodeMessage, WireReader } from "@flotilla/base";
import type { BackendReader, BackendWriter } from "./contract.ts";
import { idKey, parseIdKey, table } from "./layout.ts";
import { SequenceSet } from "./sequence-set.ts";

/** Sessions remembered; beyond it the one whose last proposal is the oldest is forgotten. */
export const sessionsMax = 1024;

interface Session {
  readonly sequences: SequenceSet;
  /** Log index of its last proposal. */
  lastIndex: number;
}

export class Sessions {
  readonly #sessions = new Map<bigint, Session>();
  /** Changed since the last save. */
  readonly #touched = new Set<bigint>();

  constructor(reader: BackendReader) {
    for (const [key, value] of reader.range(table.sessions, new Uint8Array(0), undefined)) {
      const indexSize = new WireReader(value);
      const lastIndex = indexSize.varint();
      const sequences = SequenceSet.decode(value.subarray(indexSize.offset));
      this.#sessions.set(parseIdKey(key), { sequences, lastIndex });
    }
  }

  /** Records a proposal; false when it was applied before and must not be applied again. */
  admit(
    proposal: {
      readonly session: bigint;
      readonly sequence: number;
      readonly settledBelow: number;
    },
    index: number,
  ): boolean {
    const session = this.#sessions.get(proposal.session) ?? this.#open(proposal.session);
    assert(index >= session.lastIndex, "sessions: the log goes forward");
    session.lastIndex = index;
    this.#touched.add(proposal.session);
    const isNew = !session.sequences.has(proposal.sequence);
    if (isNew) session.sequences.add(proposal.sequence);
    session.sequences.raiseFloor(proposal.settledBelow);
    return isNew;
  }

  /** Writes what has changed since the last save. */
  save(writer: BackendWriter): void {
    for (const id of this.#touched) {
      const session = this.#sessions.get(id);
      if (session === undefined) writer.delete(table.sessions, idKey(id));
      else writer.put(table.sessions, idKey(id), encodeSession(session));
    }
    this.#touched.clear();
  }

  #open(id: bigint): Session {
    if (this.#sessions.size >= sessionsMax) this.#evictOldest();
    const session = { sequences: new SequenceSet(), lastIndex: 0 };
    this.#sessions.set(id, session);
    return session;
  }

  /** Log indexes are unique, so that there is one oldest. */
  #evictOldest(): void {
    let oldest: bigint | undefined;
    let oldestIndex = Number.POSITIVE_INFINITY;
    for (const [id, { lastIndex }] of this.#sessions) {
      if (lastIndex >= oldestIndex) continue;
      oldest = id;
      oldestIndex = lastIndex;
    }
    if (oldest === undefined) return;
    this.#sessions.delete(oldest);
    this.#touched.add(oldest);
  }
}

function encodeSession(session: Session): Uint8Array {
  const index = encodeMessage((writer) => writer.varint(session.lastIndex));
  return concatBytes([index, session.sequences.encode()]);
}
