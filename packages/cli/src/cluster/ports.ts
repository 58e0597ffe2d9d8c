/** Finds TCP ports that nobody listens on. */
import { createServer } from "node:net";
import { CommandError } from "../exit.ts";

/** How far above the wanted port the search goes. */
const searchRange = 1000;

/** Takes ports upward from a start, never the same one twice. */
export class PortFinder {
  readonly #host: string;
  readonly #given = new Set<number>();

  constructor(host: string) {
    this.#host = host;
  }

  /** The first free port at or above `wanted`. */
  async next(wanted: number): Promise<number> {
    for (let port = wanted; port < Math.min(wanted + searchRange, 65_536); port++) {
      if (this.#given.has(port) || !(await isFree(this.#host, port))) continue;
      this.#given.add(port);
      return port;
    }
    throw new CommandError(
      "localIo",
      `Cannot find a free port on ${this.#host} from ${wanted} on: ${searchRange} were tried`,
    );
  }
}

/** True when a listener could be opened there now. */
export function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
