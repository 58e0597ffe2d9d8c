import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { concatBytes, equalBytes, Prng, silentLogger } from "@flotilla/base";
import type { Configuration, Engine, Message } from "@flotilla/consensus";
import type { ByteSource, SnapshotSink, StateStorage } from "../src/contract.ts";
import { chunkBytes, silencesMax, windowBytes } from "../src/limits.ts";
import { decodeFrame, encodeFrame } from "../src/snapshot-frames.ts";
import { type InstallSnapshot, SnapshotTransfer } from "../src/snapshot-transfer.ts";

const configuration: Configuration = {
  voters: ["a", "b", "c", "w"].map((id) => ({ id, votes: 1 })),
  learners: [],
  outgoing: [],
  witnesses: ["w"],
};
const electionMs = 100;

interface LinkFaults {
  readonly loss: number;
  readonly doubling: number;
  readonly delayMsMax: number;
}
const goodLink: LinkFaults = { loss: 0, doubling: 0, delayMsMax: 5 };

/** Virtual time, and ways between servers that lose, double and reorder. */
class World {
  nowMs = 0;
  faults = goodLink;
  isCut = false;
  readonly servers = new Map<string, Server>();
  readonly frames: { from: string; to: string; bytes: Uint8Array }[] = [];
  readonly #prng: Prng;
  #events: { atMs: number; run: () => void }[] = [];

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  after(delayMs: number, run: () => void): void {
    this.#events.push({ atMs: this.nowMs + delayMs, run });
  }

  send(from: string, to: string, bytes: Uint8Array): void {
    this.frames.push({ from, to, bytes });
    const { loss, doubling, delayMsMax } = this.faults;
    const copies = this.#prng.chance(doubling) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.isCut || this.#prng.chance(loss)) continue;
      this.after(1 + this.#prng.below(delayMsMax), () =>
        this.servers.get(to)?.transfer.receive(from, bytes),
      );
    }
  }

  /** Until the condition holds, or the time is over; true when it holds. */
  run(untilMs: number, condition: () => boolean = () => false): boolean {
    for (;;) {
      if (condition()) return true;
      const next = this.#events.reduce<number>((min, { atMs }) => Math.min(min, atMs), untilMs);
      if (next >= untilMs) break;
      this.nowMs = next;
      const due = this.#events.filter(({ atMs }) => atMs <= next);
      this.#events = this.#events.filter(({ atMs }) => atMs > next);
      for (const { run } of due) run();
    }
    this.nowMs = untilMs;
    return condition();
  }

  /** Bytes of chunks that were sent to `to`. */
  chunkBytesTo(to: string): number {
    return this.frames
      .filter((frame) => frame.to === to)
      .map(({ bytes }) => decodeFrame(bytes))
      .reduce((sum, frame) => sum + (frame.kind === "chunk" ? frame.bytes.length : 0), 0);
  }
}

/** One end: a transfer over a state that is plain bytes. */
class Server {
  readonly id: string;
  readonly world: World;
  readonly transfer: SnapshotTransfer;
  content: Uint8Array = new Uint8Array(0);
  readBytes = 0;
  openSources = 0;
  writeMs = 1;
  isReplacing = false;
  isUnfit = false;
  readonly wanted: number[] = [];
  readonly received: Uint8Array[] = [];
  readonly aborted: Uint8Array[] = [];
  readonly stepped: Message[] = [];
  readonly sent: [to: string, delivered: boolean][] = [];
  readonly direct: Message[] = [];
  readonly engine = { role: "leader", term: 3, configuration, commitIndex: 0 };
  #isDead = false;

  constructor(world: World, id: string, session: bigint) {
    this.world = world;
    this.id = id;
    const engine = Object.assign(this.engine, {
      status: () => ({ commitIndex: this.engine.commitIndex }),
      step: (message: Message) => this.stepped.push(message),
      snapshotSent: (to: string, delivered: boolean) => this.sent.push([to, delivered]),
    }) as unknown as Engine;
    this.transfer = new SnapshotTransfer(
      {
        engine,
        state: this.#state(),
        logger: silentLogger,
        nowMs: () => world.nowMs,
        configuration: () => configuration,
        isReplacing: () => this.isReplacing,
        isUnfit: () => this.isUnfit,
        onWanted: ({ index }) => this.wanted.push(index),
        send: (message) => this.direct.push(message),
        sendBulk: (to, frame) => world.send(id, to, frame),
        input: (give) => give(engine),
      },
      { id, session, electionMs },
    );
    world.servers.set(id, this);
    const tick = () => {
      if (this.#isDead) return;
      this.transfer.tick();
      this.transfer.observe();
      world.after(10, tick);
    };
    tick();
  }

  offer(to: string): void {
    const snapshot = { index: 40, term: 3, configuration };
    const head = { kind: "installSnapshot", from: this.id, to, term: 3 } as const;
    const message =
      to === "w" ? { ...head, lacksData: true as const, snapshot } : { ...head, snapshot };
    this.transfer.offer(message satisfies InstallSnapshot);
  }

  /** Its process is gone. */
  die(): void {
    this.#isDead = true;
    this.world.servers.delete(this.id);
  }

  #state(): StateStorage {
    return {
      store: { appliedIndex: 50, appliedTerm: 3 },
      read: () => this.#source(),
      receive: () => this.#sink(),
    } as unknown as StateStorage;
  }

  #source(): ByteSource {
    const { content } = this;
    let at = 0;
    this.openSources++;
    return {
      next: (done) => {
        const piece = content.subarray(at, at + 150_000);
        at += piece.length;
        this.readBytes = at;
        this.world.after(1, () => done(undefined, piece.length === 0 ? undefined : piece));
      },
      close: () => {
        this.openSources--;
      },
    };
  }

  #sink(): SnapshotSink {
    const pieces: Uint8Array[] = [];
    const all = () => concatBytes(pieces);
    return {
      write: (piece, done) => {
        pieces.push(piece.slice());
        this.world.after(this.writeMs, () => this.#isDead || done(undefined));
      },
      finish: (done) => {
        this.world.after(this.writeMs, () => {
          if (this.#isDead) return;
          this.received.push(all());
          done(undefined);
        });
      },
      abort: () => void this.aborted.push(all()),
    };
  }
}

function bytesOf(size: number, seed: number): Uint8Array {
  const prng = new Prng(seed);
  return Uint8Array.from({ length: size }, () => prng.below(256));
}

function pair(seed: number, size: number) {
  const world = new World(seed);
  const leader = new Server(world, "a", 1n);
  const follower = new Server(world, "b", 2n);
  leader.content = bytesOf(size, seed);
  return { world, leader, follower };
}

describe("SnapshotTransfer", () => {
  it("brings every byte over a link that loses, doubles and reorders (60 seeds)", () => {
    for (let seed = 0; seed < 60; seed++) {
      const prng = new Prng(seed);
      const { world, leader, follower } = pair(seed, 1 + prng.below(6 * chunkBytes));
      world.faults = {
        loss: prng.below(40) / 100,
        doubling: prng.below(30) / 100,
        delayMsMax: 1 + prng.below(80),
      };
      leader.offer("b");
      ok(
        world.run(300_000, () => leader.sent.length > 0),
        `seed=${seed}: it ends`,
      );
      deepEqual(leader.sent, [["b", true]], `seed=${seed}`);
      equal(follower.received.length, 1, `seed=${seed}`);
      ok(equalBytes(follower.received[0] as Uint8Array, leader.content), `seed=${seed}`);
      const [message] = follower.stepped;
      ok(message?.kind === "installSnapshot", `seed=${seed}`);
      equal(message.snapshot.index, 50, "the state as it is, under its own index");
      equal(leader.openSources, 0, `seed=${seed}`);
    }
  });

  it("goes on where the receiver is when the peer was away for a while", () => {
    const { world, leader, follower } = pair(1, 3_000_000);
    leader.offer("b");
    world.run(60, () => false);
    world.isCut = true;
    world.run(world.nowMs + silencesMax * electionMs - 2 * electionMs);
    world.isCut = false;
    ok(world.run(60_000, () => leader.sent.length > 0));
    deepEqual(leader.sent, [["b", true]]);
    ok(equalBytes(follower.received[0] as Uint8Array, leader.content));
    const again = world.chunkBytesTo("b") - leader.content.length;
    ok(again <= windowBytes + silencesMax * chunkBytes, `${again} bytes were sent twice`);
  });

  it("reads no faster than the receiver writes", () => {
    const { world, leader, follower } = pair(2, 5_000_000);
    follower.writeMs = 50;
    leader.offer("b");
    world.run(2_000);
    const writtenBytes = Math.floor(2_000 / 50) * chunkBytes;
    ok(leader.readBytes <= writtenBytes + windowBytes + 150_000, `${leader.readBytes} were read`);
    ok(leader.readBytes >= windowBytes);
    ok(world.run(60_000, () => leader.sent.length > 0));
    deepEqual(leader.sent, [["b", true]], "slow is not silent");
  });

  it("gives up after a long silence, and lets go of the state", () => {
    const { world, leader } = pair(3, 1_000_000);
    leader.offer("b");
    world.run(30);
    world.isCut = true;
    world.run((silencesMax - 1) * electionMs);
    deepEqual(leader.sent, []);
    world.run((silencesMax + 3) * electionMs);
    deepEqual(leader.sent, [["b", false]]);
    equal(leader.openSources, 0);
  });

  it("begins anew with a receiver that has started again, once the engine says so", () => {
    const { world, leader, follower } = pair(4, 2_000_000);
    leader.offer("b");
    world.run(40);
    follower.die();
    const reborn = new Server(world, "b", 3n);
    ok(world.run(60_000, () => leader.sent.length > 0));
    deepEqual(leader.sent, [["b", false]]);
    leader.offer("b");
    ok(world.run(60_000, () => leader.sent.length > 1));
    deepEqual(leader.sent[1], ["b", true]);
    ok(equalBytes(reborn.received[0] as Uint8Array, leader.content));
  });

  it("takes a new stream from a sender that has started again, and throws the old one away", () => {
    const { world, leader, follower } = pair(5, 2_000_000);
    leader.offer("b");
    world.run(40);
    leader.die();
    const reborn = new Server(world, "a", 9n);
    reborn.content = bytesOf(100_000, 77);
    reborn.offer("b");
    ok(world.run(60_000, () => reborn.sent.length > 0));
    deepEqual(reborn.sent, [["b", true]]);
    equal(follower.aborted.length, 1);
    ok(equalBytes(follower.received[0] as Uint8Array, reborn.content));
  });

  it("takes one at a time, unless a later leader sends it", () => {
    const { world, leader, follower } = pair(6, 2_000_000);
    const other = new Server(world, "c", 4n);
    other.content = bytesOf(50_000, 6);
    follower.writeMs = 10;
    leader.offer("b");
    world.run(30);
    other.offer("b");
    world.run(60);
    deepEqual(other.sent, [["b", false]], "busy");
    other.engine.term = 4;
    const snapshot = { index: 60, term: 4, configuration };
    const later = { kind: "installSnapshot", from: "c", to: "b", term: 4, snapshot } as const;
    other.transfer.offer(later);
    ok(world.run(60_000, () => other.sent.length > 1));
    deepEqual(other.sent[1], ["b", true]);
    ok(equalBytes(follower.received[0] as Uint8Array, other.content));
    deepEqual(leader.sent, [["b", false]], "its stream is not known any more");
  });

  it("takes none while the state is being replaced", () => {
    const { world, leader, follower } = pair(7, 1_000);
    follower.isReplacing = true;
    leader.offer("b");
    world.run(50);
    deepEqual(leader.sent, [["b", false]]);
  });

  it("sends no byte of what brings nothing new, and sets the leader right (trap T12)", () => {
    const { world, leader, follower } = pair(8, 1_000_000);
    follower.engine.commitIndex = 50;
    leader.offer("b");
    world.run(100);
    deepEqual(leader.sent, [["b", true]]);
    equal(world.chunkBytesTo("b"), 0);
    equal(follower.stepped.length, 1);
    equal(follower.received.length, 0);
  });

  it("stops sending once it does not lead any more", () => {
    const { world, leader } = pair(9, 3_000_000);
    leader.offer("b");
    world.run(30);
    leader.engine.role = "follower";
    world.run(60);
    equal(leader.openSources, 0);
    const { length } = world.frames;
    world.run(1_000);
    ok(world.frames.length - length < 5);
  });

  it("keeps the log from the sent snapshot on until the peer has had time to install it", () => {
    const { world, leader } = pair(10, 100_000);
    equal(leader.transfer.sentIndex, Number.POSITIVE_INFINITY);
    leader.offer("b");
    equal(leader.transfer.sentIndex, 50);
    ok(world.run(10_000, () => leader.sent.length > 0));
    equal(leader.transfer.sentIndex, 50);
    world.run(world.nowMs + silencesMax * electionMs + 20);
    equal(leader.transfer.sentIndex, Number.POSITIVE_INFINITY);
  });

  it("refuses what does not add up", () => {
    const { world, leader, follower } = pair(11, 1_000);
    leader.offer("b");
    world.run(30, () => world.chunkBytesTo("b") > 0);
    const chunk = world.frames.map(({ bytes }) => decodeFrame(bytes)).find(isChunk);
    ok(chunk !== undefined);
    const { stream } = chunk;
    follower.transfer.receive("a", encodeFrame({ kind: "end", stream, size: 1_000, crc: 1 }));
    world.run(1_000);
    deepEqual(leader.sent, [["b", false]]);
    equal(follower.aborted.length, 1);
    equal(follower.stepped.length, 0);
  });

  it("survives whatever a peer sends, and holds no more of it than a window (300 seeds)", () => {
    const { world, leader, follower } = pair(12, 400_000);
    leader.offer("b");
    world.run(30);
    const genuine = world.frames.map(({ bytes }) => bytes);
    for (let seed = 0; seed < 300; seed++) {
      const prng = new Prng(seed);
      const bytes = (genuine[prng.below(genuine.length)] as Uint8Array).slice();
      for (let change = prng.below(4); change > 0; change--) {
        bytes[prng.below(Math.min(bytes.length, 40))] = prng.below(256);
      }
      follower.transfer.receive("a", bytes.subarray(0, prng.between(1, bytes.length)));
      leader.transfer.receive("b", bytes);
    }
  });
});

function isChunk(frame: ReturnType<typeof decodeFrame>) {
  return frame.kind === "chunk";
}

describe("SnapshotTransfer to a witness", () => {
  it("sends the message alone, and tells the engine to go on", () => {
    const { world, leader } = pair(20, 1_000_000);
    leader.offer("w");
    world.run(100);
    equal(leader.direct.length, 1);
    equal(world.frames.length, 0);
    deepEqual(leader.sent, [["w", true]]);
    equal(leader.transfer.sentIndex, 40);
  });

  const bare = (to: string) => {
    const snapshot = { index: 40, term: 3, configuration };
    return { kind: "installSnapshot", from: "a", to, term: 3, lacksData: true, snapshot } as const;
  };

  it("is safe as an empty state before the engine hears of it", () => {
    const world = new World(21);
    const witness = new Server(world, "w", 5n);
    witness.transfer.receiveBare(bare("w"));
    deepEqual(witness.stepped, []);
    world.run(100);
    deepEqual(witness.received, [new Uint8Array(0)]);
    deepEqual(witness.stepped, [bare("w")]);
  });

  it("is taken by a server that is so new that it does not know its place", () => {
    const world = new World(22);
    const joiner = new Server(world, "x", 5n);
    joiner.engine.configuration = { voters: [], learners: [], outgoing: [] };
    joiner.transfer.receiveBare(bare("x"));
    world.run(100);
    equal(joiner.received.length, 1);
  });

  it("is never taken by a server that holds data, and never comes as a stream", () => {
    const { world, follower } = pair(23, 0);
    follower.transfer.receiveBare(bare("b"));
    world.run(100);
    deepEqual([follower.received, follower.stepped], [[], []]);
    const leader = world.servers.get("a");
    leader?.offer("b"); // Of a state without a byte.
    world.run((silencesMax + 5) * electionMs);
    deepEqual([follower.received, leader?.sent], [[], [["b", false]]]);
  });
});
