/**
 * The hash of what a member holds, for whoever compares members: asked over the peers' calls, and
 * made in slices, so that nothing else waits for it. Source of the question: etcd
 * server/etcdserver/corrupt.go, `/members/hashkv`.
 *
 * question: {16: {1: revision}};
 * answer: {1: kind, 2: revision of the store, 3: hash, 4: compact revision, 5: hashed revision}.
 */
import { encodeMessage, WireError, WireReader } from "@flotilla/base";
import type { StoreReader } from "@flotilla/store";
import type { StateHash } from "./contract.ts";
import { hashesMax } from "./limits.ts";

const questionField = 16;
/** With which a question begins; the replica's calls begin with field 1. */
const firstByte = 0x82;
const answers = ["hash", "compacted", "futureRevision", "busy"] as const;

export function encodeHashQuestion(revision: number): Uint8Array {
  return encodeMessage((writer) =>
    writer.fieldMessage(questionField, (body) => body.fieldVarint(1, revision)),
  );
}

/** The revision that is asked for, 0 for the present one; undefined when the call asks something else. */
export function decodeHashQuestion(request: Uint8Array): number | undefined {
  if (request[0] !== firstByte) return undefined;
  try {
    const reader = new WireReader(request);
    if (!reader.next() || reader.field !== questionField) return undefined;
    const body = reader.message();
    let revision = 0;
    while (body.next()) {
      if (body.field === 1) revision = body.varint();
      else body.skip();
    }
    return revision;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

export function encodeHashAnswer(answer: StateHash): Uint8Array {
  return encodeMessage((writer) => {
    if (answer.kind === "unreachable") return;
    writer.fieldVarint(1, answers.indexOf(answer.kind) + 1);
    if (answer.kind === "busy") return;
    writer.fieldVarint(2, answer.storeRevision);
    if (answer.kind !== "hash") return;
    writer.fieldVarint(3, answer.hash);
    writer.fieldVarint(4, answer.compactRevision + 1); // -1 before the first compaction.
    writer.fieldVarint(5, answer.revision);
  });
}

/** `unreachable` when the bytes are no answer. */
export function decodeHashAnswer(bytes: Uint8Array): StateHash {
  try {
    return readAnswer(new WireReader(bytes));
  } catch (error) {
    if (error instanceof WireError) return { kind: "unreachable", reason: error.message };
    throw error;
  }
}

function readAnswer(reader: WireReader): StateHash {
  const numbers = [0, 0, 0, 0, 0, 0];
  while (reader.next()) {
    if (reader.field < numbers.length) numbers[reader.field] = reader.varint();
    else reader.skip();
  }
  const [, code = 0, storeRevision = 0, hash = 0, compacted = 0, revision = 0] = numbers;
  const kind = answers[code - 1];
  if (kind === undefined) return { kind: "unreachable", reason: "it does not tell its hash" };
  if (kind === "busy") return { kind };
  if (kind !== "hash") return { kind, storeRevision };
  return { kind, storeRevision, hash, compactRevision: compacted - 1, revision };
}

/** Makes hashes of one store, slice by slice, a few at a time. */
export class StateHasher {
  readonly #store: StoreReader;
  /** Resolves in a later turn of the event loop. */
  readonly #nextTurn: () => Promise<void>;
  #running = 0;

  constructor(store: StoreReader, nextTurn: () => Promise<void>) {
    this.#store = store;
    this.#nextTurn = nextTurn;
  }

  /** Of the history up to `revision`; 0 is all of it. Throws when the store cannot be read. */
  async hash(revision: number, signal?: AbortSignal): Promise<StateHash> {
    if (this.#running >= hashesMax) return { kind: "busy" };
    this.#running++;
    const cursor = this.#store.hashCursor(revision);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const slice = cursor.next();
        const storeRevision = this.#store.revision;
        if (slice.kind === "hash") return { ...slice, storeRevision };
        if (slice.kind === "refused") {
          const { error } = slice;
          const isBusy = error === "tooManyCursors" || error === "cursorExpired";
          return isBusy ? { kind: "busy" } : { kind: error, storeRevision };
        }
        await this.#nextTurn();
      }
    } finally {
      this.#running--;
      cursor.close();
    }
  }
}
