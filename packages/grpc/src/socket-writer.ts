/** From the output of a turn to the socket: one system call, and the memory back when it is written. */
import type { Duplex } from "node:stream";
import type { ArenaPool, Output } from "./output.ts";

/** Writes for one connection. */
export class SocketWriter {
  readonly #socket: Duplex;
  readonly #output: Output;
  readonly #arenas: ArenaPool;
  readonly #backlogBytesMax: number;

  constructor(
    socket: Duplex,
    buffers: { readonly output: Output; readonly arenas: ArenaPool },
    options: { readonly backlogBytesMax: number },
  ) {
    this.#socket = socket;
    this.#output = buffers.output;
    this.#arenas = buffers.arenas;
    this.#backlogBytesMax = options.backlogBytesMax;
  }

  /** False while the kernel has not taken what it was given; the socket's "drain" ends that. */
  get hasRoom(): boolean {
    return this.#output.size + this.#socket.writableLength < this.#backlogBytesMax;
  }

  flush(): void {
    const filled = this.#output.takeAll();
    if (filled.length > 1) this.#socket.cork();
    for (const { arena, bytes } of filled) {
      if (this.#socket.destroyed) this.#arenas.giveBack(arena);
      else this.#socket.write(bytes, () => this.#arenas.giveBack(arena));
    }
    if (filled.length > 1) this.#socket.uncork();
  }
}
