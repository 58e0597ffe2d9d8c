import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { Prng } from "@flotilla/base";
import type { Recovered } from "../src/contract.ts";
import { WalError } from "../src/errors.ts";
import { recordType } from "../src/records.ts";
import { scanRecords } from "../src/scan.ts";
import { FakeDisk } from "./fake-disk.ts";
import { append, close, entryOf, open, seeds } from "./fixtures.ts";

const file = "/log/0000000000000000-0000000000000000.wal";
const oneFile = { segmentBytes: 1_000_000 };

/** A log of `batches` writes with the offset at which each began; entries carry no zeros. */
function written(prng: Prng, batches: number) {
  const disk = new FakeDisk();
  const { wal } = open(disk, oneFile);
  const starts: { offset: number; entries: number }[] = [];
  let index = 0;
  for (let batch = 0; batch < batches; batch++) {
    starts.push({ offset: usedBytes(disk.files[file] as Uint8Array), entries: index });
    const entries = Array.from({ length: prng.between(1, 4) }, () =>
      entryOf(++index, 1 + batch, prng, 900),
    );
    const hardState = { term: 1 + batch, vote: "a1", commit: prng.between(index - 1, index) };
    append(disk, wal, { hardState, entries, mustSync: true });
  }
  close(disk, wal);
  return { starts, entries: index, bytes: disk.files[file] as Uint8Array };
}

function failureOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Up to the end of the last record: records are 8-aligned and never end in 8 zeros here. */
function usedBytes(bytes: Uint8Array): number {
  let end = 0;
  scanRecords(bytes, undefined, (record) => {
    end = record.next;
  });
  return end;
}

function recoverFrom(bytes: Uint8Array): Recovered | "corrupt" {
  const disk = new FakeDisk({ [file]: bytes });
  try {
    const { recovered, wal } = open(disk, oneFile);
    close(disk, wal);
    const again = open(disk, oneFile); // A repaired log must read cleanly.
    equal(again.recovered.repair, undefined);
    deepEqual(again.recovered.entries, recovered.entries);
    return recovered;
  } catch (error) {
    if (error instanceof WalError && error.code === "corrupt") return "corrupt";
    throw error;
  }
}

describe("recovery", () => {
  it("takes every cut of a file as a torn end, and loses no earlier write (2 seeds)", () => {
    for (const { seed, prng } of seeds(2)) {
      const { bytes, starts } = written(prng, 5);
      const used = usedBytes(bytes);
      for (let cut = (starts[0] as { offset: number }).offset; cut <= used; cut++) {
        const recovered = recoverFrom(bytes.slice(0, cut));
        ok(recovered !== "corrupt", `seed=${seed} cut=${cut}`);
        const durable = starts.filter(({ offset }) => offset <= cut).at(-1);
        ok(recovered.entries.length >= (durable?.entries ?? 0), `seed=${seed} cut=${cut}`);
        const lastTerm = recovered.entries.at(-1)?.term ?? 0;
        ok(recovered.hardState.term >= lastTerm, `T5: seed=${seed} cut=${cut}`);
      }
    }
  });

  it("drops a last write of which any sectors are missing, and nothing before it (300 seeds)", () => {
    for (const { seed, prng } of seeds(300)) {
      const { bytes, starts, entries } = written(prng, prng.between(1, 4));
      const last = starts.at(-1) as { offset: number; entries: number };
      const end = usedBytes(bytes);
      let missing = 0;
      for (let at = last.offset - (last.offset % 512); at < end; at += 512) {
        if (!prng.chance(0.5)) continue;
        missing++;
        bytes.fill(0, Math.max(at, last.offset), Math.min(at + 512, bytes.length));
      }
      const recovered = recoverFrom(bytes);
      ok(recovered !== "corrupt", `seed=${seed}`);
      ok(recovered.entries.length >= last.entries, `seed=${seed}`);
      if (missing === 0) equal(recovered.entries.length, entries, `seed=${seed}`);
    }
  });

  it("never drops an entry because of a changed byte, wherever it is (2,000 flips)", () => {
    let refused = 0;
    for (const { seed, prng } of seeds(100)) {
      const { bytes, entries } = written(prng, 4);
      const used = usedBytes(bytes);
      for (let flip = 0; flip < 20; flip++) {
        const damaged = bytes.slice();
        const at = prng.below(used);
        damaged[at] = (damaged[at] as number) ^ (1 << prng.below(8));
        const recovered = recoverFrom(damaged);
        if (recovered === "corrupt") refused++;
        else equal(recovered.entries.length, entries, `seed=${seed} flipped byte ${at}`);
      }
    }
    ok(refused > 1500, `only ${refused} of 2,000 were noticed`);
  });

  it("refuses a lost sector in front of a later write", () => {
    for (const { seed, prng } of seeds(50)) {
      const { bytes, starts } = written(prng, 4);
      const from = (starts[1] as { offset: number }).offset;
      const to = (starts[3] as { offset: number }).offset;
      const at = from - (from % 512) + 512 * prng.between(1, Math.floor((to - from) / 512) - 1);
      bytes.fill(0, at, at + 512);
      equal(recoverFrom(bytes), "corrupt", `seed=${seed}`);
    }
  });

  it("says where the damage is and what to do", () => {
    const { bytes, starts } = written(new Prng(5), 3);
    const offset = (starts[1] as { offset: number }).offset;
    bytes[offset + 40] = (bytes[offset + 40] as number) ^ 1;
    const disk = new FakeDisk({ [file]: bytes });
    const error = failureOf(() => open(disk, oneFile));
    ok(error instanceof WalError);
    equal(error.file, file);
    ok((error.offset ?? 0) >= offset);
    match(
      error.message,
      /damaged at offset \d+.*Nothing was changed.*restore this member from its peers/,
    );
    deepEqual(disk.files[file], bytes, "nothing was changed");
  });

  it("reports what it cut off", () => {
    const { bytes, starts } = written(new Prng(6), 3);
    const { offset } = starts.at(-1) as { offset: number };
    const { recovered } = open(new FakeDisk({ [file]: bytes.slice(0, offset + 30) }), oneFile);
    // The crc record that starts a write is whole: 16 bytes of the 30 stay.
    deepEqual(recovered.repair, { file, offset: offset + 16, droppedBytes: 14 });
  });
});

describe("a file written by etcd 3.7.1", () => {
  it("reads record by record, with every checksum right", () => {
    const path = new URL("../../test/testdata/etcd-3.7.1.wal.gz", import.meta.url);
    const bytes = gunzipSync(readFileSync(path));
    const types: number[] = [];
    const end = scanRecords(bytes, undefined, ({ type }) => types.push(type));
    equal(end.broken, undefined);
    deepEqual(types.slice(0, 3), [recordType.crc, recordType.metadata, recordType.snapshot]);
    equal(types.filter((type) => type === recordType.entry).length, 11);
    ok(types.includes(recordType.state));
  });
});
