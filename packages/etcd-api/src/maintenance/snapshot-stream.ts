/**
 * A snapshot as `Maintenance.Snapshot` sends it, and as it lies in a file: data that is padded to a
 * multiple of 512 bytes, then the SHA-256 of it. By the length clients tell whether the hash is there
 * (etcd client/v3/snapshot/v3_snapshot.go). The data is the backend's own stream; see `StateSnapshot`.
 */
import { createHash } from "node:crypto";
import { concatBytes } from "@flotilla/base";

/** Data of one message. */
export const blobBytes: number = 32 * 1024;
/** The data is a multiple of this. */
export const snapshotUnitBytes = 512;

/** One message of the stream; the last one is the hash. */
export interface SnapshotPiece {
  readonly blob: Uint8Array;
  /**
   * Falls to 0 at the last data. The length is not known before: until then it is an estimate, and at
   * least 1.
   */
  readonly remainingBytes: number;
}

/** The pieces of a snapshot. Given up early, it gives `content` up too. */
export async function* snapshotPieces(
  content: AsyncIterable<Uint8Array>,
  bytesEstimate: number,
): AsyncGenerator<SnapshotPiece> {
  const hash = createHash("sha256");
  let sentBytes = 0;
  for await (const { blob, isLast } of blobsOf(content)) {
    hash.update(blob);
    sentBytes += blob.length;
    const remainingBytes = isLast ? 0 : Math.max(bytesEstimate - sentBytes, 1);
    yield { blob, remainingBytes };
  }
  yield { blob: hash.digest(), remainingBytes: 0 };
}

/** Cuts to {@link blobBytes}, all but the last; holds one back to know which is. */
async function* blobsOf(
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly blob: Uint8Array; readonly isLast: boolean }> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const chunk of content) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes <= blobBytes) continue;
    const whole = concatBytes(waiting);
    let at = 0;
    for (; whole.length - at > blobBytes; at += blobBytes) {
      yield { blob: whole.subarray(at, at + blobBytes), isLast: false };
    }
    waiting = [whole.subarray(at)];
    waitingBytes = whole.length - at;
  }
  const padding = (snapshotUnitBytes - (waitingBytes % snapshotUnitBytes)) % snapshotUnitBytes;
  yield { blob: concatBytes([...waiting, new Uint8Array(padding)]), isLast: true };
}
