/**
 * A snapshot as a file: what `Maintenance.Snapshot` has sent, its SHA-256 at the end. One without
 * (its length is a multiple of 512) was copied by other means.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { BackendError } from "@flotilla/backend";
import { snapshotUnitBytes } from "@flotilla/etcd-api";
import { CommandError } from "../exit.ts";

const hashBytes = 32;
/** What bbolt's first page has at this place, little endian: etcd's own snapshots begin so. */
const bboltMagic = { at: 16, bytes: [0xed, 0xda, 0x0c, 0xed] } as const;

export interface SnapshotFile {
  readonly path: string;
  /** Without the hash. */
  readonly dataBytes: number;
  /** As it stands in the file. */
  readonly hash: Uint8Array | undefined;
}

/** Looks at a file; `doing` is Go's word for what could not be done to it. Throws `CommandError`. */
export async function openSnapshotFile(
  path: string,
  doing: "open" | "stat",
): Promise<SnapshotFile> {
  const size = await sizeOf(path, doing);
  if (size % snapshotUnitBytes !== hashBytes) return { path, dataBytes: size, hash: undefined };
  const dataBytes = size - hashBytes;
  return { path, dataBytes, hash: await bytesAt(path, dataBytes, hashBytes) };
}

/** The data, without the hash. */
export async function* readSnapshotFile({
  path,
  dataBytes,
}: SnapshotFile): AsyncGenerator<Uint8Array> {
  if (dataBytes > 0) yield* createReadStream(path, { end: dataBytes - 1 });
}

/** Ends the command when the file is longer or shorter than one that was saved or copied. */
export function checkLength({ path, dataBytes, hash }: SnapshotFile): void {
  if (hash !== undefined || (dataBytes > 0 && dataBytes % snapshotUnitBytes === 0)) return;
  throw new CommandError(
    "refused",
    `${path}: ${dataBytes} bytes are the length of no snapshot`,
    `It is cut short, or something was added to it: a multiple of ${snapshotUnitBytes}, and ${hashBytes} bytes of hash, are expected.`,
  );
}

/** Ends the command when the file is not what was saved, with etcdutl's text. */
export async function checkHash(file: SnapshotFile): Promise<void> {
  if (file.hash === undefined) return;
  const hash = createHash("sha256");
  for await (const chunk of readSnapshotFile(file)) hash.update(chunk);
  const found = hash.digest();
  if (found.equals(file.hash)) return;
  throw new CommandError(
    "refused",
    `expected sha256 [${[...file.hash].join(" ")}], got [${[...found].join(" ")}]`,
    `${file.path} is damaged: it is not what was saved.`,
  );
}

/** Runs what decodes the file; ends the command, naming the file, when it cannot be decoded. */
export async function decoding<T>(file: SnapshotFile, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (error) {
    if (!(error instanceof BackendError) || error.code !== "badSnapshot") throw error;
    const hint = (await isFromEtcd(file))
      ? "It is a snapshot of etcd's own: start etcd on it and copy the keys, with `etcdctl make-mirror` for example."
      : "It is damaged, or no snapshot of this program.";
    throw new CommandError("refused", `${file.path}: ${error.message}`, hint, error);
  }
}

async function isFromEtcd({ path }: SnapshotFile): Promise<boolean> {
  const { at, bytes } = bboltMagic;
  return Buffer.from(bytes).equals(await bytesAt(path, at, bytes.length));
}

async function bytesAt(path: string, at: number, length: number): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string, doing: string): Promise<number> {
  const refused = (reason: string, cause?: unknown): CommandError =>
    new CommandError("refused", `${doing} ${path}: ${reason}`, undefined, cause);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw refused(error.code === "ENOENT" ? "no such file or directory" : `${error.code}`, error);
  });
  if (found.isDirectory()) throw refused("is a directory");
  return found.size;
}
