/** What every backend has to do, run by each of them (libp2p's way: one suite for a port). */
import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { assert, compareBytes, Prng, textOf } from "@flotilla/base";
import type { DurableBackend } from "@flotilla/store";
import { BackendError } from "../src/index.ts";
import {
  b,
  collect,
  dump,
  inPieces,
  type MakeBackend,
  openIn,
  temporaryDirectory,
} from "./fixtures.ts";

function fill(backend: DurableBackend, table: string, text: string): void {
  backend.write((writer) => {
    for (const entry of text.split(" ")) {
      const [key, value] = entry.split("=") as [string, string];
      writer.put(table, b(key), b(value));
    }
  });
}

export function runBackendSuite(name: string, make: MakeBackend): void {
  describe(`${name}: reads and writes`, () => {
    it("has nothing in a table that was never written", (context) => {
      const backend = openIn(context, make);
      equal(backend.get("t", b("a")), undefined);
      equal(dump(backend, "t"), "");
      equal(backend.count("t", b(""), undefined), 0);
    });

    it("sees its own changes within a write, and everybody after it", (context) => {
      const backend = openIn(context, make);
      const within = backend.write((writer) => {
        writer.put("t", b("a"), b("1"));
        writer.put("t", b("b"), b("2"));
        writer.delete("t", b("a"));
        writer.put("t", b("b"), b("3"));
        return `${dump(writer, "t")} count=${writer.count("t", b(""), undefined)}`;
      });
      equal(within, "b=3 count=1");
      equal(dump(backend, "t"), "b=3");
    });

    it("keeps tables apart", (context) => {
      const backend = openIn(context, make);
      fill(backend, "t", "a=1");
      fill(backend, "u", "a=2");
      equal(`${dump(backend, "t")} ${dump(backend, "u")}`, "a=1 a=2");
    });

    it("deletes a key that is not there without complaint", (context) => {
      const backend = openIn(context, make);
      backend.write((writer) => writer.delete("t", b("a")));
      equal(dump(backend, "t"), "");
    });

    it("tells an empty value from a missing one", (context) => {
      const backend = openIn(context, make);
      backend.write((writer) => writer.put("t", b("a"), b("")));
      deepEqual(backend.get("t", b("a")), new Uint8Array(0));
    });

    it("gives plain arrays that stay what they were", (context) => {
      const backend = openIn(context, make);
      for (const size of [4, 5000, 100_000]) {
        const value = new Uint8Array(size).fill(1);
        backend.write((writer) => writer.put("t", b("a"), value));
        const got = backend.get("t", b("a"));
        const [[, ranged] = []] = [...backend.range("t", b(""), undefined)];
        backend.write((writer) => writer.put("t", b("a"), new Uint8Array(size).fill(2)));
        backend.write((writer) => writer.put("t", b("c"), new Uint8Array(size).fill(3)));
        equal(Object.getPrototypeOf(got), Uint8Array.prototype);
        deepEqual(got, value, `got, size=${size}`);
        deepEqual(ranged, value, `ranged, size=${size}`);
      }
    });

    it("holds values of some megabytes", (context) => {
      const backend = openIn(context, make);
      const value = new Uint8Array(5_000_000);
      for (let at = 0; at < value.length; at += 997) value[at] = at;
      backend.write((writer) => writer.put("t", b("big"), value));
      deepEqual(backend.get("t", b("big")), value);
    });
  });

  describe(`${name}: a write that throws`, () => {
    it("is the end: nothing of it is seen, and nothing goes on", async (context) => {
      const directory = temporaryDirectory(context);
      const backend = make(directory);
      fill(backend, "t", "a=1 b=2");
      const body = () =>
        backend.write((writer) => {
          writer.put("t", b("a"), b("9"));
          writer.delete("t", b("b"));
          writer.put("new", b("c"), b("3"));
          throw new Error("refused");
        });
      throws(body, /refused/);
      const failed = { code: "failed" };
      throws(() => backend.get("t", b("a")), failed);
      throws(() => dump(backend, "t"), failed);
      throws(() => backend.count("t", b(""), undefined), failed);
      throws(body, failed);
      await backend.close();
    });
  });

  describe(`${name}: the value of a put`, () => {
    it("is the caller's again", (context) => {
      const backend = openIn(context, make);
      for (const size of [3, 300, 3000]) {
        const value = new Uint8Array(size).fill(1);
        backend.write((writer) => {
          writer.put("t", b("a"), value);
          value.fill(2);
        });
        deepEqual(backend.get("t", b("a")), new Uint8Array(size).fill(1), `size=${size}`);
      }
    });
  });

  describe(`${name}: any number of writes`, () => {
    it("leaves the state of a model (40 seeds)", (context) => {
      for (let seed = 0; seed < 40; seed++) {
        const backend = openIn(context, make);
        const prng = new Prng(seed);
        const model = new Map<string, string>();
        for (let step = 0; step < 30; step++) {
          backend.write((writer) => {
            for (let change = 0; change < 5; change++) {
              const key = String(prng.below(12));
              if (prng.chance(0.3)) {
                writer.delete("t", b(key));
                model.delete(key);
              } else {
                writer.put("t", b(key), b(String(step)));
                model.set(key, String(step));
              }
            }
          });
          const keys = [...model.keys()].sort();
          const want = keys.map((key) => `${key}=${model.get(key)}`).join(" ");
          equal(dump(backend, "t"), want, `seed=${seed} step=${step}`);
        }
      }
    });
  });

  describe(`${name}: views`, () => {
    it("stay as they were, each at its own moment", (context) => {
      const backend = openIn(context, make);
      fill(backend, "t", "a=1 b=2 c=3");
      const first = backend.view();
      backend.write((writer) => {
        writer.put("t", b("a"), b("9"));
        writer.delete("t", b("b"));
        writer.put("u", b("a"), b("1"));
      });
      const second = backend.view();
      fill(backend, "t", "d=4");
      assert(first !== undefined && second !== undefined, "two views are not too many");
      equal(dump(first, "t"), "a=1 b=2 c=3");
      equal(dump(second, "t"), "a=9 c=3");
      equal(dump(backend, "t"), "a=9 c=3 d=4");
      equal(dump(first, "u"), "");
      equal(first.get("t", b("b")) !== undefined, true);
      equal(second.get("t", b("b")), undefined);
      equal(
        `${first.count("t", b("b"), undefined)} ${second.count("t", b("b"), undefined)}`,
        "2 1",
      );
      equal(first.count("t", b("b"), b("c")), 1);
      first.close();
      equal(first.isOpen, false);
      equal(dump(second, "t"), "a=9 c=3");
      second.close();
      second.close();
    });

    it("can be read on while the backend is written to", (context) => {
      const backend = openIn(context, make);
      const keys = Array.from({ length: 300 }, (_, index) => `k${1000 + index}`);
      fill(backend, "t", keys.map((key) => `${key}=1`).join(" "));
      const view = backend.view();
      assert(view !== undefined, "one view is not too many");
      const seen: string[] = [];
      for (const [key] of view.range("t", b(""), undefined)) {
        seen.push(textOf(key));
        backend.write((writer) => writer.delete("t", key));
        if (seen.length % 50 === 0) backend.view()?.close();
      }
      deepEqual(seen, keys);
      equal(dump(backend, "t"), "");
      view.close();
    });

    it("reach long keys", (context) => {
      const backend = openIn(context, make);
      const long = new Uint8Array(5000).fill(1);
      backend.write((writer) => writer.put("t", long, b("1")));
      const view = backend.view();
      backend.write((writer) => writer.delete("t", long));
      deepEqual(view?.get("t", long), b("1"));
      equal(view?.count("t", b(""), undefined), 1);
      view?.close();
    });

    it("end with the backend", async (context) => {
      const backend = openIn(context, make);
      fill(backend, "t", "a=1");
      const view = backend.view();
      await backend.close();
      throws(() => backend.view(), BackendError);
      view?.close();
    });

    it("outlive a restore, and do not hold it up", async (context) => {
      const backend = openIn(context, make);
      fill(backend, "t", "a=1");
      const image = await collect(backend.snapshot());
      fill(backend, "t", "a=2");
      const view = backend.view();
      assert(view !== undefined, "one view is not too many");
      await backend.restore(inPieces(image, 100));
      equal(dump(backend, "t"), "a=1");
      equal(dump(view, "t"), "a=2");
      view.close();
    });
  });

  describe(`${name}: ranges`, () => {
    // biome-ignore format: a table
    const cases = [
      // from  to         reverse limit      want
      ["",   undefined, false,  undefined, "a b ba c d"],
      ["",   undefined, true,   undefined, "d c ba b a"],
      ["b",  "d",       false,  undefined, "b ba c"],
      ["b",  "d",       true,   undefined, "c ba b"],
      ["b",  undefined, false,  2,         "b ba"],
      ["b",  "d",       true,   2,         "c ba"],
      ["bb", "cc",      false,  undefined, "c"],
      ["bb", "cc",      true,   undefined, "c"],
      ["d",  "b",       false,  undefined, ""],
      ["d",  "b",       true,   undefined, ""],
      ["b",  "b",       false,  undefined, ""],
      ["e",  undefined, false,  undefined, ""],
      ["e",  undefined, true,   undefined, ""],
      ["",   "a",       true,   undefined, ""],
      ["",   "z",       true,   1,         "d"],
      ["",   undefined, false,  0,         ""],
    ] as const;
    for (const [from, to, reverse, limit, want] of cases) {
      it(`gives [${from}, ${to ?? "end"})${reverse ? " reversed" : ""}, limit ${limit}`, (context) => {
        const backend = openIn(context, make);
        fill(backend, "t", "c=3 a=1 d=4 b=2 ba=2");
        const end = to === undefined ? undefined : b(to);
        const options = limit === undefined ? { reverse } : { reverse, limit };
        const keys = () =>
          [...backend.range("t", b(from), end, options)].map(([key]) => textOf(key));
        equal(keys().join(" "), want);
        if (limit === undefined) equal(backend.count("t", b(from), end), keys().length);
        equal(
          backend.write(() => keys().join(" ")),
          want,
          "within a write",
        );
      });
    }

    it("can be left in the middle", (context) => {
      const backend = openIn(context, make);
      fill(backend, "t", "a=1 b=2 c=3");
      for (const [key] of backend.range("t", b(""), undefined)) {
        equal(textOf(key), "a");
        break;
      }
      fill(backend, "t", "d=4");
      equal(dump(backend, "t"), "a=1 b=2 c=3 d=4");
    });

    it("gives as many rows as are asked for, between writes and in them, to and fro", (context) => {
      const backend = openIn(context, make);
      const all = Array.from({ length: 40 }, (_, at) => `k${10 + at}`);
      const check = (when: string) => {
        for (const limit of [undefined, 1, 15, 16, 17, 18, 39, 40, 41]) {
          for (const reverse of [false, true]) {
            const options = limit === undefined ? { reverse } : { reverse, limit };
            const rows = [...backend.range("t", b("k"), b("l"), options)];
            const want = (reverse ? all.toReversed() : all).slice(0, limit);
            deepEqual(
              rows.map(([key, value]) => `${textOf(key)} ${textOf(value)}`),
              want.map((key) => `${key} ${key}`),
              `limit ${limit}, reverse ${reverse}, ${when}`,
            );
          }
        }
        equal(backend.count("t", b("k"), b("l")), 40, when);
      };
      backend.write((writer) => {
        for (const key of ["j", ...all, "l"]) writer.put("t", b(key), b(key));
      });
      check("between writes");
      backend.write((writer) => {
        check("before a change");
        writer.put("t", b("k30x"), b("new"));
        equal([...backend.range("t", b("k30"), b("k31"))].length, 2);
        equal(backend.count("t", b("k"), b("l")), 41);
        writer.delete("t", b("k30x"));
        equal([...backend.range("t", b("k30"), b("k31"))].length, 1);
        check("after it");
      });
    });

    it("gives long values within a write, one by one", (context) => {
      const backend = openIn(context, make);
      const value = (at: number) => new Uint8Array(40_000).fill(at);
      backend.write((writer) => {
        for (let at = 0; at < 20; at++) writer.put("t", Uint8Array.of(at), value(at));
        for (const limit of [1, 2, 3, 19, 20]) {
          const rows = [...backend.range("t", b(""), undefined, { limit })];
          equal(rows.length, limit);
          for (const [at, row] of rows.entries()) deepEqual(row, [Uint8Array.of(at), value(at)]);
        }
      });
    });

    it("sorts keys as unsigned bytes, and takes any bytes (20 seeds)", (context) => {
      for (let seed = 0; seed < 20; seed++) {
        const backend = openIn(context, make);
        const prng = new Prng(seed);
        const keys = new Map<string, Uint8Array>();
        for (let count = 0; count < 60; count++) {
          const key = new Uint8Array(prng.between(1, 4)).map(() =>
            prng.pick([0, 1, 127, 128, 255]),
          );
          keys.set(String(key), key);
        }
        backend.write((writer) => {
          for (const key of keys.values()) writer.put("t", key, key);
        });
        const got = [...backend.range("t", b(""), undefined)].map(([key]) => key);
        deepEqual(got, [...keys.values()].sort(compareBytes), `seed=${seed}`);
      }
    });
  });

  runLongKeySuite(name, make);
  runSnapshotSuite(name, make);

  describe(`${name}: the end`, () => {
    it("refuses everything once it is closed, and closes twice", async (context) => {
      const backend = make(temporaryDirectory(context));
      fill(backend, "t", "a=1");
      await backend.close();
      await backend.close();
      const closed = (error: unknown) => error instanceof BackendError && error.code === "closed";
      throws(() => backend.get("t", b("a")), closed);
      throws(() => backend.write(() => undefined), closed);
    });

    it("reports a size that grows with what it holds", (context) => {
      const backend = openIn(context, make);
      const before = backend.size();
      backend.write((writer) => writer.put("t", b("a"), new Uint8Array(1_000_000)));
      return backend.sync().then(() => {
        const after = backend.size();
        equal(after.inUseBytes >= before.inUseBytes + 1_000_000, true);
        equal(after.totalBytes >= after.inUseBytes, true);
      });
    });
  });
}

function runLongKeySuite(name: string, make: MakeBackend): void {
  describe(`${name}: long keys`, () => {
    it("keeps their order and finds them, next to short ones (25 seeds)", (context) => {
      for (let seed = 0; seed < 25; seed++) {
        const backend = openIn(context, make);
        const prng = new Prng(seed);
        const model = new Map<string, Uint8Array>();
        for (let step = 0; step < 40; step++) {
          const key = longKey(prng);
          backend.write((writer) => {
            if (prng.chance(0.3)) {
              const victim = model.size > 0 ? prng.pick([...model.values()]) : key;
              writer.delete("t", victim);
              model.delete(String(victim));
            } else {
              writer.put("t", key, b(String(step)));
              model.set(String(key), key);
            }
          });
        }
        const sorted = [...model.values()].sort(compareBytes);
        const keysOf = (from: Uint8Array, to: Uint8Array | undefined, reverse: boolean) =>
          [...backend.range("t", from, to, { reverse })].map(([key]) => key);
        deepEqual(keysOf(b(""), undefined, false), sorted, `seed=${seed}`);
        deepEqual(keysOf(b(""), undefined, true), sorted.toReversed(), `reversed, seed=${seed}`);
        for (let round = 0; round < 20; round++) {
          const [from, to] = [longKey(prng), longKey(prng)];
          const want = sorted.filter(
            (key) => compareBytes(key, from) >= 0 && compareBytes(key, to) < 0,
          );
          deepEqual(keysOf(from, to, false), want, `seed=${seed} round=${round}`);
          deepEqual(keysOf(from, to, true), want.toReversed(), `seed=${seed} round=${round}`);
          equal(backend.count("t", from, to), want.length, `seed=${seed} round=${round}`);
          const first = [...backend.range("t", from, to, { limit: 2 })].map(([key]) => key);
          deepEqual(first, want.slice(0, 2), `seed=${seed} round=${round}`);
        }
        for (const key of sorted) equal(backend.get("t", key) !== undefined, true, `seed=${seed}`);
        equal(backend.get("t", longKey(prng).fill(9)), undefined);
      }
    });

    it("takes one of 1.5 MB, and leaves nothing behind when it is deleted", (context) => {
      const backend = openIn(context, make);
      const key = new Uint8Array(1_500_000).fill(7);
      backend.write((writer) => writer.put("t", key, b("v")));
      deepEqual(backend.get("t", key), b("v"));
      equal(backend.get("t", key.subarray(1)), undefined);
      backend.write((writer) => writer.delete("t", key));
      equal(dump(backend, "t"), "");
      equal(backend.count("t", b(""), undefined), 0);
    });
  });
}

/** Keys whose lengths and chunks collide around the limit of 1900 bytes. */
function longKey(prng: Prng): Uint8Array {
  const length = prng.pick([1, 1899, 1900, 1901, 1902, 3799, 3800, 3801, 5701]);
  const key = new Uint8Array(length).fill(1);
  for (const at of [0, 1898, 1899, 1900, 1901, 3799, 3800, 5700]) {
    if (at < length && prng.chance(0.3)) key[at] = prng.pick([0, 2, 255]);
  }
  return key;
}

function runSnapshotSuite(name: string, make: MakeBackend): void {
  describe(`${name}: snapshots`, () => {
    it("restores what another one held, in place of its own", async (context) => {
      const [source, target] = [openIn(context, make), openIn(context, make)];
      fill(source, "t", "a=1 b=2");
      fill(source, "u", "c=3");
      const long = new Uint8Array(4000).fill(3);
      const big = new Uint8Array(300_000).fill(4);
      source.write((writer) => writer.put("big", long, big));
      fill(target, "t", "z=9");
      fill(target, "gone", "y=8");
      await target.restore(source.snapshot());
      equal(dump(target, "t"), "a=1 b=2");
      equal(dump(target, "u"), "c=3");
      equal(dump(target, "gone"), "");
      deepEqual(target.get("big", long), big);
      fill(target, "t", "c=3");
      equal(dump(target, "t"), "a=1 b=2 c=3");
    });

    it("is of the moment when it was asked for, whatever is written while it is read", async (context) => {
      const [source, target] = [openIn(context, make), openIn(context, make)];
      source.write((writer) => {
        for (let at = 100; at < 900; at++) writer.put("t", b(`k${at}`), new Uint8Array(1000));
      });
      const stream = source.snapshot();
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) {
        chunks.push(chunk);
        source.write((writer) => {
          writer.put("t", b(`k0${chunks.length}`), b("late"));
          writer.put("t", b(`z${chunks.length}`), b("late"));
          writer.delete("t", b(`k${500 + chunks.length}`));
        });
        await source.sync();
      }
      equal(chunks.length > 5, true);
      await target.restore(inPieces(await collect(inPieces(join(chunks), 1000)), 7777));
      equal(target.count("t", b(""), undefined), 800);
      equal(target.count("t", b("k100"), b("k900")), 800);
    });

    it("can be given up", async (context) => {
      const source = openIn(context, make);
      fill(source, "t", "a=1");
      for await (const _ of source.snapshot()) break;
      source.write((writer) => writer.put("t", b("b"), b("2")));
      equal(dump(source, "t"), "a=1 b=2");
    });

    it("changes nothing when the stream is cut or damaged (60 seeds)", async (context) => {
      const [source, target] = [openIn(context, make), openIn(context, make)];
      fill(source, "t", "a=1 b=2 c=3");
      fill(target, "t", "old=1");
      const whole = await collect(source.snapshot());
      for (let seed = 0; seed < 60; seed++) {
        const prng = new Prng(seed);
        const damaged = whole.slice(0, prng.chance(0.5) ? prng.below(whole.length) : whole.length);
        const at = prng.below(Math.max(1, damaged.length));
        if (damaged.length === whole.length)
          damaged[at] = (damaged[at] ?? 0) ^ (1 << prng.below(8));
        await rejects(
          target.restore(inPieces(damaged, prng.between(1, 50))),
          (error) => error instanceof BackendError && error.code === "badSnapshot",
          `seed=${seed}`,
        );
        equal(dump(target, "t"), "old=1", `seed=${seed}`);
      }
      fill(target, "t", "new=2");
      equal(dump(target, "t"), "new=2 old=1");
    });

    it("round trips an empty backend", async (context) => {
      const [source, target] = [openIn(context, make), openIn(context, make)];
      fill(target, "t", "a=1");
      await target.restore(source.snapshot());
      equal(dump(target, "t"), "");
    });
  });
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}
