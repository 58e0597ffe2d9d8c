/** Connecting to one backend, within a limit of time. */
import { connect, type Socket } from "node:net";
import type { Backend } from "./frontends.ts";

/** A backend that does not accept within this time counts as unreachable. */
export const connectTimeoutMs = 1_000;

/** A connected socket with no listeners on it; undefined when the backend cannot be reached. */
export function dial({ address, port }: Backend): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    const finish = (connected: Socket | undefined) => {
      socket.removeAllListeners("connect");
      socket.removeAllListeners("timeout");
      socket.setTimeout(0);
      if (connected === undefined) socket.destroy();
      else socket.removeAllListeners("error");
      resolve(connected);
    };
    socket.setTimeout(connectTimeoutMs);
    socket.once("timeout", () => finish(undefined));
    socket.once("connect", () => finish(socket));
    // Stays after a failure: a destroyed socket may still report why.
    socket.on("error", () => finish(undefined));
  });
}

/** True when the backend accepts connections now. */
export async function canConnect(backend: Backend): Promise<boolean> {
  const socket = await dial(backend);
  socket?.on("error", () => {}); // Whatever happens to it now, it was accepted.
  socket?.destroy();
  return socket !== undefined;
}
