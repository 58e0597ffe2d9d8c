/** Tells HTTP/2 from anything else by a connection's first bytes (RFC 9113 section 3.4). */
import type { Duplex } from "node:stream";

/** What every HTTP/2 client sends first. */
export const clientPreface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Who takes the socket once it is known what it speaks; no listener of the sniffer is left on it. */
export interface SniffHandlers {
  /** `rest` came after the preface. */
  onHttp2(rest: Buffer): void;
  /** `firstBytes` is all that has come so far. */
  onOther(firstBytes: Buffer): void;
  onClosed(): void;
}

/** Reads until the preface is complete, or differs. Holds at most 23 bytes more than one chunk. */
export function sniff(socket: Duplex, handlers: SniffHandlers): void {
  let seen: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, clientPreface.length);
    const same = seen.compare(clientPreface, 0, length, 0, length) === 0;
    if (same && seen.length < clientPreface.length) return;
    stop();
    if (same) handlers.onHttp2(seen.subarray(clientPreface.length));
    else handlers.onOther(seen);
  };
  const onError = (): void => {
    socket.destroy(); // "close" follows.
  };
  const onClose = (): void => {
    stop();
    handlers.onClosed();
  };
  const stop = (): void => {
    socket.off("data", onData).off("error", onError).off("close", onClose);
  };
  socket.on("data", onData).on("error", onError).on("close", onClose);
}
