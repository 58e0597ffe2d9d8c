/**
 * Files that are read anew when they have changed: their time, size and inode are looked at each time,
 * so that a certificate is renewed by replacing its file.
 */
import { readFileSync, statSync } from "node:fs";
import { PkiError } from "./errors.ts";

interface Kept {
  readonly mark: string;
  readonly bytes: Buffer;
}

export class FileCache {
  readonly #kept = new Map<string, Kept>();

  /** What the file holds now; the same buffer while it is unchanged. Throws `PkiError` `noFile`. */
  read(path: string): Buffer {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(path);
      const mark = `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
      const known = this.#kept.get(path);
      if (known?.mark === mark) return known.bytes;
      const bytes = readFileSync(path);
      this.#kept.set(path, { mark, bytes });
      return bytes;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new PkiError("noFile", `Cannot read "${path}": ${reason}`, error);
    }
  }
}
