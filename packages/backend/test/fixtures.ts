/** Temporary directories, bytes and streams for the tests of this package. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { concatBytes, textOf, utf8 } from "@flotilla/base";
import type { BackendReader, DurableBackend } from "@flotilla/store";

/** A directory that is removed when the test is over. */
export function temporaryDirectory(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-backend-"));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Opens a backend in a directory. */
export type MakeBackend = (directory: string) => DurableBackend;

/** A backend that is closed, and whose directory is removed after that, when the test is over. */
export function openIn(context: TestContext, make: MakeBackend): DurableBackend {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-backend-"));
  const backend = make(directory);
  // One hook: several run in the order in which they were made.
  context.after(async () => {
    await backend.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return backend;
}

/** All entries of a table as "key=value" with a blank between. */
export function dump(reader: BackendReader, table: string): string {
  const entries: string[] = [];
  for (const [key, value] of reader.range(table, new Uint8Array(0), undefined)) {
    entries.push(`${textOf(key)}=${textOf(value)}`);
  }
  return entries.join(" ");
}

/** The whole of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return concatBytes(chunks);
}

/** `bytes` as a stream in pieces of `size`. */
export async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Shorthand for keys and values. */
export const b = utf8;
