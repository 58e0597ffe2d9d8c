import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Prng } from "@flotilla/base";
import type { DurableBackend } from "@flotilla/store";
import { BackendError, createMemoryBackend, openLmdbBackend } from "../src/index.ts";
import { LmdbGeneration } from "../src/lmdb-generation.ts";
import { b, collect, dump, inPieces, temporaryDirectory } from "./fixtures.ts";

const pageBytes = 4096;

describe("openLmdbBackend(): closing and opening", () => {
  it("finds everything again, tables with long keys included", async (context) => {
    const directory = temporaryDirectory(context);
    const long = new Uint8Array(5000).fill(5);
    const first = openLmdbBackend({ directory });
    first.write((writer) => {
      writer.put("t", b("a"), b("1"));
      writer.put("u", long, b("2"));
    });
    await first.close();
    const second = openLmdbBackend({ directory });
    equal(dump(second, "t"), "a=1");
    deepEqual([...second.range("u", b(""), undefined)], [[long, b("2")]]);
    await second.close();
  });

  it("takes up the restored state after a restart, and nothing of the old one", async (context) => {
    const directory = temporaryDirectory(context);
    const first = openLmdbBackend({ directory });
    first.write((writer) => writer.put("t", b("old"), b("1")));
    const memory = createMemoryBackend();
    memory.write((writer) => writer.put("t", b("new"), b("2")));
    await first.restore(memory.snapshot());
    await first.close();
    equal(generations(directory), "generation-2");
    const second = openLmdbBackend({ directory });
    equal(dump(second, "t"), "new=2");
    await second.close();
  });

  it("gives snapshots that a backend in memory restores, and the other way round", async (context) => {
    const lmdb = openLmdbBackend({ directory: temporaryDirectory(context) });
    lmdb.write((writer) => writer.put("t", new Uint8Array(3000).fill(1), b("1")));
    const memory = createMemoryBackend();
    await memory.restore(lmdb.snapshot());
    deepEqual(await collect(memory.snapshot()), await collect(lmdb.snapshot()));
    await lmdb.close();
  });

  it("removes what an interrupted restore has left", async (context) => {
    const directory = temporaryDirectory(context);
    const first = openLmdbBackend({ directory });
    first.write((writer) => writer.put("t", b("a"), b("1")));
    await first.close();
    mkdirSync(join(directory, "generation-2"));
    writeFileSync(join(directory, "generation-2", "data.mdb"), "half of it");
    const second = openLmdbBackend({ directory });
    equal(dump(second, "t"), "a=1");
    equal(generations(directory), "generation-1");
    await second.close();
  });

  it("goes on with a restore while somebody reads a snapshot of the old state", async (context) => {
    const directory = temporaryDirectory(context);
    const backend = openLmdbBackend({ directory });
    backend.write((writer) => {
      for (let at = 0; at < 300; at++) writer.put("t", b(`k${at}`), new Uint8Array(1000));
    });
    const reading = backend.snapshot()[Symbol.asyncIterator]();
    const chunks = [(await reading.next()).value as Uint8Array];
    await backend.restore(createMemoryBackend().snapshot());
    equal(dump(backend, "t"), "");
    for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
      chunks.push(next.value);
    }
    const copy = createMemoryBackend();
    await copy.restore(inPieces(Buffer.concat(chunks), 10_000));
    equal(copy.count("t", b(""), undefined), 300);
    await backend.close();
    equal(generations(directory), "generation-2");
  });

  it("sets aside what a restore replaces when it is told to, the last one only", async (context) => {
    const [directory, elsewhere] = [temporaryDirectory(context), temporaryDirectory(context)];
    const setAside = join(elsewhere, "aside");
    const backend = openLmdbBackend({ directory });
    for (const value of ["first", "second"]) {
      backend.write((writer) => writer.put("t", b("a"), b(value)));
      await backend.restore(createMemoryBackend().snapshot(), { setAside });
    }
    backend.write((writer) => writer.put("t", b("a"), b("third")));
    await backend.restore(createMemoryBackend().snapshot());
    await backend.close();
    equal(generations(directory), "generation-4");
    const kept = new LmdbGeneration({ directory: setAside, mapSizeBytes: 1 << 30 });
    equal(Buffer.from(kept.tables.get("t", b("a")) ?? []).toString(), "second");
    await kept.close();
  });
});

describe("openLmdbBackend(): what it refuses", () => {
  const isDamaged = (error: unknown) => error instanceof BackendError && error.code === "damaged";

  it("a checkpoint with a flipped bit, or none", async (context) => {
    const directory = temporaryDirectory(context);
    await openLmdbBackend({ directory }).close();
    const path = join(directory, "generation-1", "checkpoint");
    const bytes = readFileSync(path);
    bytes[50] = (bytes[50] ?? 0) ^ 4;
    writeFileSync(path, bytes);
    throws(() => openLmdbBackend({ directory }), isDamaged);
    rmSync(path);
    throws(() => openLmdbBackend({ directory }), isDamaged);
  });

  it("a data file that is shorter than it was, or gone", async (context) => {
    const directory = temporaryDirectory(context);
    const backend = openLmdbBackend({ directory });
    backend.write((writer) => writer.put("t", b("a"), new Uint8Array(100_000)));
    await backend.close();
    const path = join(directory, "generation-1", "data.mdb");
    truncateSync(path, statSync(path).size - 4096);
    throws(() => openLmdbBackend({ directory }), isDamaged);
    rmSync(path);
    throws(() => openLmdbBackend({ directory }), isDamaged);
  });

  it("a CURRENT that names nothing", async (context) => {
    const directory = temporaryDirectory(context);
    await openLmdbBackend({ directory }).close();
    writeFileSync(join(directory, "CURRENT"), "../../somewhere");
    throws(() => openLmdbBackend({ directory }), isDamaged);
  });

  it("a write that throws: nothing of it is there when it is opened again", async (context) => {
    const directory = temporaryDirectory(context);
    const backend = openLmdbBackend({ directory });
    backend.write((writer) => writer.put("t", b("a"), b("1")));
    await backend.sync();
    const body = () =>
      backend.write((writer) => {
        writer.put("t", b("a"), b("2"));
        writer.put("new table", b("a"), b("2"));
        throw new Error("refused");
      });
    throws(body, /refused/);
    await backend.close();
    const again = openLmdbBackend({ directory });
    deepEqual(again.get("t", b("a")), b("1"));
    equal(again.get("new table", b("a")), undefined);
    await again.close();
  });

  it("writes while it is restored", async (context) => {
    const backend = openLmdbBackend({ directory: temporaryDirectory(context) });
    const restoring = backend.restore(createMemoryBackend().snapshot());
    throws(() => backend.write(() => undefined), BackendError);
    await rejects(backend.restore(createMemoryBackend().snapshot()), BackendError);
    await restoring;
    backend.write((writer) => writer.put("t", b("a"), b("1")));
    await backend.close();
  });
});

/*
 * A machine that loses power: every page written since the last sync is on the disk or is not. Such
 * files are made from two copies, one of the moment of the sync and one of much later.
 */
describe("openLmdbBackend(): a power loss", () => {
  it("comes back as it was at the last sync, whichever later pages reached the disk (20 seeds)", async (context) => {
    for (let seed = 0; seed < 20; seed++) {
      const prng = new Prng(seed);
      const directory = temporaryDirectory(context);
      const backend = openLmdbBackend({ directory });
      await churn(backend, prng, 6);
      await backend.sync();
      const want = dump(backend, "t");
      const synced = join(temporaryDirectory(context), "copy");
      cpSync(directory, synced, { recursive: true });
      await churn(backend, prng, 6, "without a sync");
      const late = readFileSync(dataOf(directory));
      await backend.close();

      const early = readFileSync(dataOf(synced));
      writeFileSync(dataOf(synced), mixPages([early, late], prng));
      const recovered = openLmdbBackend({ directory: synced });
      equal(dump(recovered, "t"), want, `seed=${seed}`);
      await churn(recovered, prng, 2);
      await recovered.close();
    }
  });

  it("may come again and again, also before the first sync after one (8 seeds)", async (context) => {
    for (let seed = 0; seed < 8; seed++) {
      const prng = new Prng(seed);
      let directory = temporaryDirectory(context);
      let allowed = [""];
      let before: Buffer[] = [];
      for (let loss = 0; loss < 5; loss++) {
        const backend = openLmdbBackend({ directory });
        ok(allowed.includes(dump(backend, "t")), `seed=${seed} loss=${loss}`);
        const run = await runUntilPowerLoss(backend, directory, prng, before);
        allowed = run.states ?? allowed;
        const next = join(temporaryDirectory(context), "copy");
        cpSync(directory, next, { recursive: true });
        before = [mixPages(run.files, prng)];
        writeFileSync(dataOf(next), before[0] as Buffer);
        await backend.close();
        directory = next;
      }
    }
  });

  it("is what every restart is taken for: it goes back to the last sync", async (context) => {
    const directory = temporaryDirectory(context);
    const backend = openLmdbBackend({ directory });
    backend.write((writer) => writer.put("t", b("a"), b("1")));
    await backend.sync();
    backend.write((writer) => writer.put("t", b("a"), b("2")));
    for await (const _ of backend.snapshot()) break; // Commits, and syncs nothing.
    const copy = join(temporaryDirectory(context), "copy");
    cpSync(directory, copy, { recursive: true });
    const again = openLmdbBackend({ directory: copy });
    equal(dump(again, "t"), "a=1");
    await again.close();
    await backend.close();
  });
});

describe("openLmdbBackend(): a process that dies", () => {
  it("leaves whole writes in order, and all that were synced (5 kills)", async (context) => {
    const directory = temporaryDirectory(context);
    for (let round = 0; round < 5; round++) {
      const synced = await writeUntilKilled(directory, 30 + round * 45);
      const backend = openLmdbBackend({ directory });
      const last = Number(Buffer.from(backend.get("meta", b("last")) ?? b("0")).toString());
      ok(last >= synced, `round=${round}: ${last} is less than ${synced}, which was synced`);
      equal(backend.count("t", b(""), undefined), last * 3, `round=${round}`);
      await backend.close();
    }
  });

  it("refuses everything after the disk has failed, and has lost nothing that was synced", async (context) => {
    const directory = temporaryDirectory(context);
    await openLmdbBackend({ directory }).close();
    // The file may not grow beyond 1 MB: to the process that is a disk without room.
    const limited = `ulimit -f 1000; exec "$0" "$@"`;
    const args = ["-c", limited, process.execPath, writerPath, directory];
    const child = spawn("bash", args, { stdio: ["ignore", "pipe", "inherit"] });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) lines.push(line);
    equal(lines.at(-1), "failed, and then failed");
    const synced = Number(lines.at(-2));
    const backend = openLmdbBackend({ directory });
    const last = Number(Buffer.from(backend.get("meta", b("last")) ?? b("0")).toString());
    ok(synced > 0 && last >= synced, `${last} is less than ${synced}, which was synced`);
    equal(backend.count("t", b(""), undefined), last * 3);
    await backend.close();
  });

  it("may end without closing", async (context) => {
    const directory = temporaryDirectory(context);
    const child = spawn(process.execPath, [writerPath, directory, "3"], { stdio: "ignore" });
    const [code] = await once(child, "exit");
    equal(code, 0);
    const backend = openLmdbBackend({ directory });
    equal(backend.count("t", b(""), undefined) % 3, 0);
    await backend.close();
  });
});

const writerPath = fileURLToPath(new URL("./lmdb-writer.js", import.meta.url));

/** Runs the writer and kills it after so many lines; gives the last write that it said is synced. */
async function writeUntilKilled(directory: string, lines: number): Promise<number> {
  const child = spawn(process.execPath, [writerPath, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let synced = 0;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    synced = Number(line);
    if (++seen === lines) child.kill("SIGKILL");
  }
  const [, signal] = await exited;
  equal(signal, "SIGKILL");
  return synced;
}

/** Many small commits that rewrite most of the tree. */
async function churn(
  backend: DurableBackend,
  prng: Prng,
  commits: number,
  how = "",
): Promise<void> {
  for (let commit = 0; commit < commits; commit++) {
    backend.write((writer) => {
      for (let count = 0; count < 200; count++) {
        const key = b(`key-${prng.below(400)}`);
        if (prng.chance(0.2)) writer.delete("t", key);
        else writer.put("t", key, b(`${commit}-${count}-${"x".repeat(prng.below(60))}`));
      }
    });
    if (how === "") await backend.sync();
    else for await (const _ of backend.snapshot()) break; // A snapshot commits and does not sync.
  }
}

/**
 * Writes, and syncs now and then, perhaps still at the end. Gives the file as it was after each commit
 * since the last sync, all of whose pages may be on the disk, and the states of which the synced one
 * is one; none when nothing was synced. `before`: what may be on the disk from before this run.
 */
async function runUntilPowerLoss(
  backend: DurableBackend,
  directory: string,
  prng: Prng,
  before: readonly Buffer[],
): Promise<{ readonly files: readonly Buffer[]; readonly states: string[] | undefined }> {
  const checkpoint = () => readFileSync(join(directory, "generation-1", "checkpoint"));
  let files = [...before, readFileSync(dataOf(directory))];
  let seen = [dump(backend, "t")];
  let states: string[] | undefined;
  let last = checkpoint();
  for (let step = prng.below(12); step > 0; step--) {
    if (prng.chance(0.3)) {
      const syncing = backend.sync();
      if (prng.chance(0.5)) await syncing;
    } else await churn(backend, prng, 1, "without a sync");
    seen.push(dump(backend, "t"));
    if (!checkpoint().equals(last)) {
      last = checkpoint();
      files = [];
      states = seen;
      seen = [dump(backend, "t")];
    }
    files.push(readFileSync(dataOf(directory)));
  }
  return { files, states };
}

/** Each page as it was in one of the files, at random; they may differ in length. */
function mixPages(files: readonly Buffer[], prng: Prng): Buffer {
  const mixed = Buffer.alloc(Math.max(...files.map(({ length }) => length)));
  for (let at = 0; at < mixed.length; at += pageBytes) {
    const source = prng.pick(files);
    if (at < source.length) source.copy(mixed, at, at, Math.min(at + pageBytes, source.length));
  }
  return mixed;
}

function dataOf(directory: string): string {
  return join(directory, "generation-1", "data.mdb");
}

function generations(directory: string): string {
  return readdirSync(directory)
    .filter((name) => name.startsWith("generation-"))
    .join(" ");
}
