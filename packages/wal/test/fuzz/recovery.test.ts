// Logs whose files are a little wrong: opened with a part of what was written, or refused as corrupt;
// never anything else. FUZZ_COUNT says how many, FUZZ_SEED where to begin.
import { equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { mutateBytes, Prng } from "@flotilla/base";
import type { Recovered } from "../../src/contract.ts";
import { WalError } from "../../src/errors.ts";
import { FakeDisk } from "../fake-disk.ts";
import { append, close, emptyModel, open, randomBatch } from "../fixtures.ts";

const count = Number(process.env["FUZZ_COUNT"] ?? 4_000);
const first = Number(process.env["FUZZ_SEED"] ?? 0);
const small = { segmentBytes: 1024, stepBytes: 512 };

/** The files of a few good logs. */
const logs: readonly Record<string, Uint8Array>[] = Array.from({ length: 20 }, (_, seed) => {
  const prng = new Prng(seed);
  const disk = new FakeDisk();
  const { wal } = open(disk, small);
  const model = emptyModel();
  for (let step = prng.between(1, 15); step > 0; step--)
    append(disk, wal, randomBatch(prng, model));
  close(disk, wal);
  return disk.files;
});

function changed(prng: Prng): Record<string, Uint8Array> {
  const files = { ...prng.pick(logs) };
  const names = Object.keys(files);
  for (let changes = prng.between(1, 2); changes > 0; changes--) {
    const name = prng.pick(names);
    const bytes = files[name] ?? new Uint8Array(0);
    if (prng.chance(0.02)) delete files[name];
    else files[name] = mutateBytes(prng, bytes, Object.values(prng.pick(logs)));
  }
  return files;
}

/** What recovery promises whatever the disk says. */
function check({ entries, snapshot, hardState }: Recovered): void {
  for (const [at, { index }] of entries.entries()) equal(index, snapshot.index + 1 + at);
  ok(hardState.commit <= snapshot.index + entries.length);
  ok(Number.isSafeInteger(hardState.term) && Number.isSafeInteger(snapshot.index));
}

describe("a log whose files are a little wrong", () => {
  it(`is opened or refused (${count} inputs)`, () => {
    let opened = 0;
    for (let seed = first; seed < first + count; seed++) {
      const disk = new FakeDisk(changed(new Prng(seed)));
      try {
        const { wal, recovered } = open(disk, small);
        check(recovered);
        close(disk, wal);
        opened++;
      } catch (error) {
        if (error instanceof WalError && error.code === "corrupt") continue;
        throw new Error(`seed=${seed}`, { cause: error });
      }
    }
    ok(opened > count / 100, `${opened} were opened`);
    ok(opened < count, "some were refused");
  });
});
