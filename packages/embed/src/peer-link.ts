/**
 * The address of a test member to its peers: it stays when the member comes and goes, is known
 * before the member listens, and can be cut.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

export class PeerLink {
  readonly url: string;
  readonly #sockets = new Set<Socket>();
  /** Where the member listens; 0 while it does not. */
  #port = 0;
  #isCut = false;

  constructor(server: Server, url: string) {
    this.url = url;
    server.on("connection", (socket) => this.#forward(socket));
  }

  static async open(): Promise<PeerLink> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return new PeerLink(server, `http://127.0.0.1:${port}`);
  }

  /** The member listens here now; 0: nowhere. */
  leadTo(port: number): void {
    this.#port = port;
  }

  /** Lets nothing through, and breaks what there is. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  #forward(socket: Socket): void {
    this.#keep(socket);
    if (this.#isCut || this.#port === 0) {
      socket.destroy();
      return;
    }
    const onward = connect(this.#port, "127.0.0.1");
    this.#keep(onward);
    socket.pipe(onward).pipe(socket);
    socket.on("close", () => onward.destroy());
    onward.on("close", () => socket.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {}); // It closes next, and with it its other half.
    socket.on("close", () => this.#sockets.delete(socket));
  }
}
