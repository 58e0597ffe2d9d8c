/**
 * Every operation of a log is interrupted, in every manner, and what recovery gives is compared with
 * all that it may give: everything acknowledged, and of the write that was under way any beginning.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import type { Recovered, Wal, WalBatch } from "../src/contract.ts";
import { openWal } from "../src/wal.ts";
import { FakeDisk } from "./fake-disk.ts";
import { append, emptyModel, type Model, open, options, randomBatch, seeds } from "./fixtures.ts";

const small = { segmentBytes: 1024, stepBytes: 512 };

interface Run {
  readonly disk: FakeDisk;
  /** What the log says after each batch. */
  readonly models: readonly Model[];
  readonly batches: readonly WalBatch[];
  /** How many batches were acknowledged. */
  readonly acknowledged: number;
}

/** The same run for a seed, whatever its length; stops within operation number `operations`. */
function run(seed: number, operations: number): Run {
  const prng = new Prng(seed);
  const model = emptyModel();
  const models = [copyOf(model)];
  const batches: WalBatch[] = [];
  const disk = new FakeDisk();
  let acknowledged = 0;
  const isOver = (): boolean => disk.started.length >= operations;
  let wal: Wal | undefined;
  openWal({ ...options, ...small }, disk, (opened) => {
    ok(opened.kind === "opened");
    wal = opened.wal;
  });
  disk.drainTo(operations);
  for (let step = 0; step < 14 && !isOver(); step++) {
    for (let count = prng.between(1, 3); count > 0; count--) {
      const batch = randomBatch(prng, model);
      models.push(copyOf(model));
      batches.push(batch);
      wal?.append(batch, () => {
        acknowledged++;
        if (batch.snapshot !== undefined) wal?.release(batch.snapshot.index, () => {});
      });
    }
    disk.drainTo(operations);
  }
  return { disk, models, batches, acknowledged };
}

/** How many operations a seed has in all. */
function lengthOf(seed: number): number {
  return run(seed, Number.POSITIVE_INFINITY).disk.started.length;
}

function copyOf(model: Model): Model {
  return { ...model, entries: [...model.entries] };
}

/** What a log may say that holds `from`, and a beginning of the records of `batch`. */
function* beginnings(from: Model, batch: WalBatch): Generator<Model> {
  const model = copyOf(from);
  const { hardState, snapshot, entries = [] } = batch;
  yield copyOf(model);
  if (hardState !== undefined) {
    model.term = hardState.term;
    model.vote = hardState.vote;
    yield copyOf(model);
  }
  if (snapshot !== undefined) {
    model.snapshotIndex = snapshot.index;
    model.commit = Math.max(model.commit, snapshot.index);
    yield copyOf(model);
  }
  for (const entry of entries) {
    model.entries.length = entry.index - 1;
    model.entries.push(entry);
    yield copyOf(model);
  }
}

function textOf(model: Model): string {
  const { term, vote, commit, snapshotIndex, entries } = model;
  const log = entries.slice(snapshotIndex).map((entry) => `${entry.index}@${entry.term}`);
  return `term ${term} vote ${vote} commit ${commit} snapshot ${snapshotIndex} log ${log}`;
}

function recoveredText({ hardState, snapshot, entries }: Recovered): string {
  const log = entries.map((entry) => `${entry.index}@${entry.term}`);
  return (
    `term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit} ` +
    `snapshot ${snapshot.index} log ${log}`
  );
}

function allowed({ models, batches, acknowledged }: Run): Set<string> {
  const texts = new Set<string>();
  for (let at = acknowledged; at < batches.length; at++) {
    for (const model of beginnings(models[at] as Model, batches[at] as WalBatch)) {
      texts.add(textOf(model));
    }
  }
  return texts.add(textOf(models.at(-1) as Model));
}

describe("a log whose machine loses power", () => {
  it("holds all that was acknowledged, whatever was interrupted (6 seeds, each operation 8 times)", () => {
    for (const { seed } of seeds(6)) {
      const length = lengthOf(seed);
      ok(length > 60, `seed=${seed}`);
      for (let operations = 1; operations <= length; operations++) {
        const before = run(seed, operations);
        const texts = allowed(before);
        for (let manner = 0; manner < 8; manner++) {
          const prng = new Prng(1000 * operations + manner);
          const { recovered } = open(before.disk.outage(prng), small);
          const name = `seed=${seed} operations=${operations} manner=${manner}`;
          const text = recoveredText(recovered);
          ok(texts.has(text), `${name}: ${text}`);
          const lastTerm = recovered.entries.at(-1)?.term ?? 0;
          ok(recovered.hardState.term >= lastTerm, `${name}: T5`);
        }
      }
    }
  });

  it("goes on from there as if nothing had happened (200 seeds, each through 5 outages)", () => {
    for (const { seed, prng } of seeds(200)) {
      let disk = new FakeDisk();
      let model = emptyModel();
      for (let life = 0; life < 5; life++) {
        const { wal, recovered } = open(disk, small);
        model = continued(model, recovered);
        for (let step = prng.below(6); step > 0; step--) {
          append(disk, wal, randomBatch(prng, model));
        }
        const acknowledged = textOf(model);
        const torn = randomBatch(prng, copyOf(model));
        wal.append(torn, () => {});
        disk = disk.outage(prng);
        const texts = [...beginnings(model, torn)].map(textOf);
        equal(texts[0], acknowledged);
        const found = recoveredText(open(new FakeDisk(disk.files), small).recovered);
        const whole = copyOf(model);
        for (const last of beginnings(model, torn)) Object.assign(whole, last);
        whole.commit = Math.max(whole.commit, torn.hardState?.commit ?? 0);
        ok([...texts, textOf(whole)].includes(found), `seed=${seed} life=${life}: ${found}`);
      }
    }
  });
});

describe("a log whose process is killed", () => {
  it("promises nothing at its next start that an outage then could take back (trap T34)", () => {
    for (const { seed, prng } of seeds(3)) {
      const length = lengthOf(seed);
      for (let operations = 1; operations <= length; operations++) {
        const killed = run(seed, operations).disk.kill();
        const { wal, recovered } = open(killed, small);
        append(killed, wal, { hardState: { ...recovered.hardState, term: 99 }, mustSync: true });
        const promised = open(new FakeDisk(killed.files), small).recovered;
        const after = open(killed.outage(prng), small).recovered;
        deepEqual(after, promised, `seed=${seed} operations=${operations}`);
      }
    }
  });
});

/** The model of a log that was recovered; entries below its snapshot are as they were. */
function continued(model: Model, { hardState, snapshot, entries }: Recovered): Model {
  const { term, vote, commit } = hardState;
  const kept = model.entries.slice(0, snapshot.index);
  return { term, vote, commit, snapshotIndex: snapshot.index, entries: [...kept, ...entries] };
}
