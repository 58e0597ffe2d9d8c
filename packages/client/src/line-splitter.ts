/** Cuts a byte stream into lines: the framing of a Kubernetes watch. No I/O. */
import { ClientError } from "./errors.ts";

/** A watch line carries one object, which is at most 3 MiB, in its envelope. */
export const watchLineBytesMax: number = 4 * 1024 * 1024;

/** Collects chunks and gives out whole lines; a line over the limit is a {@link ClientError}. */
export class LineSplitter {
  readonly #parts: Uint8Array[] = [];
  #size = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number = watchLineBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** The lines that `chunk` completes, without their newline; blank ones are left out. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, end));
      const line = this.#take();
      if (line.trim() !== "") lines.push(line);
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
    return lines;
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#size += part.length;
    if (this.#size > this.#bytesMax) {
      throw new ClientError("badResponse", `watch line is longer than ${this.#bytesMax} bytes`);
    }
    this.#parts.push(part);
  }

  #take(): string {
    const line = Buffer.concat(this.#parts).toString("utf8");
    this.#parts.length = 0;
    this.#size = 0;
    return line;
  }
}
