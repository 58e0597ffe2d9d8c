/**
 * Free ports on the node's address, for containers and for the proxy's own listeners.
 *
 * Taken at random from a range below the kernel's ephemeral ports and Kubernetes' node ports, so that
 * neither outgoing connections nor another agent on the same machine are likely to have it. Whether a
 * port is free is known only by binding it; between that and its use it can be lost, so whoever
 * starts something on it again asks again.
 */
import { createServer } from "node:net";
import type { Random } from "@flotilla/base";
import { AgentError } from "./errors.ts";

/** First port that is given out. */
export const portFirst = 20_000;
/** How many ports there are to choose from: 20000-29999. */
export const portCount = 10_000;
/** Ports that are tried before giving up. */
const attemptsMax = 100;

/** Ports of one address. */
export class Ports {
  readonly #address: string;
  readonly #random: Random;
  readonly #reserved = new Set<number>();

  constructor(address: string, random: Random) {
    this.#address = address;
    this.#random = random;
  }

  /** A free port that nobody else in this agent has. Throws `noFreePort`. */
  async allocate(): Promise<number> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const port = portFirst + this.#random.below(portCount);
      if (this.#reserved.has(port)) continue;
      this.#reserved.add(port);
      if (await this.isFree(port)) return port;
      this.#reserved.delete(port);
    }
    throw new AgentError(
      "noFreePort",
      `Cannot find a free port on ${this.#address}: tried ${attemptsMax} of ` +
        `${portFirst}-${portFirst + portCount - 1}`,
    );
  }

  /** Marks a port as in use by something that runs already. */
  reserve(port: number): void {
    this.#reserved.add(port);
  }

  release(port: number): void {
    this.#reserved.delete(port);
  }

  /** True when it could be bound at this moment. */
  isFree(port: number): Promise<boolean> {
    return new Promise((resolve) => {
      // Whoever connects in this moment is looking for somebody else, and must not hold this up.
      const server = createServer((socket) => socket.destroy());
      server.once("error", () => resolve(false));
      server.listen({ host: this.#address, port, exclusive: true }, () => {
        server.close(() => resolve(true));
      });
    });
  }
}
