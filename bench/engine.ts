/**
 * `npm run bench -- engine`: consensus alone, three engines in one process, without disk or network.
 *
 * Proposals of 256 B, given in batches; counted once the leader has applied them. Every engine's log is
 * compacted as it would be. With `codec` each message is encoded and decoded on its way, as between servers.
 */
import { assert, Prng } from "@flotilla/base";
import {
  createRaft,
  decodeMessage,
  type Engine,
  encodeMessage,
  type Message,
} from "@flotilla/consensus";

const proposals = 1_000_000;
const proposalBytes = 256;
const batchSizes: readonly number[] = [1, 16, 500];
const warmUpProposals = 100_000;
/** Applied entries that a compaction leaves, and how often there is one. */
const keptEntries = 1_000;
const compactionEntries = 10_000;

class EngineTrio {
  /** Entries that the leader has applied. */
  applied = 0;
  readonly #engines: ReadonlyMap<string, Engine>;
  readonly #carry: (message: Message) => Message;
  readonly #leader: Engine;

  constructor(carry: (message: Message) => Message) {
    this.#carry = carry;
    const ids = ["a", "b", "c"];
    const voters = ids.map((id) => ({ id, votes: 1 }));
    const configuration = { voters, learners: [], outgoing: [] };
    this.#engines = new Map(
      ids.map((id, at) => [
        id,
        createRaft(
          { id, random: new Prng(at) },
          {
            hardState: { term: 0, vote: "", commit: 0 },
            snapshot: { index: 0, term: 0, configuration },
            entries: [],
            appliedIndex: 0,
          },
        ),
      ]),
    );
    this.#leader = this.#elect();
  }

  propose(data: readonly Uint8Array[]): void {
    const outcome = this.#leader.propose(data);
    assert(outcome.kind === "appended", "engine bench: the leader takes all that it is given");
    this.#settle();
  }

  #elect(): Engine {
    for (;;) {
      for (const engine of this.#engines.values()) engine.tick();
      this.#settle();
      for (const engine of this.#engines.values()) if (engine.role === "leader") return engine;
    }
  }

  /** Until nobody has anything to do. */
  #settle(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const engine of this.#engines.values()) if (this.#turn(engine)) isBusy = true;
    }
  }

  #turn(engine: Engine): boolean {
    const effects = engine.takeEffects(0);
    if (effects === undefined) return false;
    this.#deliver(effects.messages);
    if (effects.persist !== undefined) engine.persisted(effects.persist.token);
    this.#deliver(effects.messagesAfterPersist);
    const last = effects.committed.at(-1);
    if (last === undefined) return true;
    engine.applied(last.index);
    if (engine === this.#leader) this.applied += effects.committed.length;
    if (last.index % compactionEntries < effects.committed.length) {
      engine.compact(Math.max(0, last.index - keptEntries));
    }
    return true;
  }

  #deliver(messages: readonly Message[]): void {
    for (const message of messages) this.#engines.get(message.to)?.step(this.#carry(message));
  }
}

/** Proposals a second. */
function measure(batchSize: number, carry: (message: Message) => Message): number {
  const trio = new EngineTrio(carry);
  const batch = Array<Uint8Array>(batchSize).fill(new Uint8Array(proposalBytes));
  while (trio.applied < warmUpProposals) trio.propose(batch);
  const before = trio.applied;
  const startMs = performance.now();
  while (trio.applied - before < proposals) trio.propose(batch);
  return Math.round((trio.applied - before) / ((performance.now() - startMs) / 1000));
}

export function engine(): Promise<void> {
  const rows: { batch: number; codec: boolean; proposalsPerSecond: number }[] = [];
  for (const codec of [false, true]) {
    const carry = codec
      ? (message: Message) => decodeMessage(encodeMessage(message))
      : (message: Message) => message;
    for (const batch of batchSizes) {
      const proposalsPerSecond = measure(batch, carry);
      rows.push({ batch, codec, proposalsPerSecond });
      process.stdout.write(
        `batches of ${batch}${codec ? ", encoded" : ""}: ${proposalsPerSecond} proposals a second\n`,
      );
    }
  }
  process.stdout.write(`${JSON.stringify({ benchmark: "engine", rows })}\n`);
  return Promise.resolve();
}
