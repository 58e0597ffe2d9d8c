/**
 * Where the other members are reached, as the configuration in force says. Pure.
 *
 * A member that has left the configuration stays in the book for a while: it is still to be told so.
 */
import { type Configuration, configurationServers, type NodeId } from "@flotilla/consensus";
import { type PeerAddress, PeerError, parsePeerUrl } from "@flotilla/peer";

export type Peers = ReadonlyMap<NodeId, PeerAddress>;

interface Page {
  readonly address: PeerAddress;
  /** Undefined while it belongs to the configuration. */
  forgetAtMs: number | undefined;
}

export class PeerBook {
  readonly #self: NodeId;
  readonly #lingerMs: number;
  readonly #pages = new Map<NodeId, Page>();
  #configuration: Configuration | undefined;
  #nextForgetMs = Number.POSITIVE_INFINITY;

  /** `lingerMs`: how long one that has left is kept. */
  constructor(options: { readonly self: NodeId; readonly lingerMs: number }) {
    this.#self = options.self;
    this.#lingerMs = options.lingerMs;
  }

  /** All peers now; undefined when they are those of the last call. */
  update(configuration: Configuration, nowMs: number): Peers | undefined {
    if (configuration === this.#configuration && nowMs < this.#nextForgetMs) return undefined;
    const before = this.#shown();
    if (configuration !== this.#configuration) this.#read(configuration, nowMs);
    this.#configuration = configuration;
    this.#forget(nowMs);
    if (this.#shown() === before) return undefined;
    return new Map([...this.#pages].map(([id, { address }]) => [id, address]));
  }

  #read(configuration: Configuration, nowMs: number): void {
    const present = configurationServers(configuration);
    for (const { id, urls } of configuration.servers ?? []) {
      const address = addressOf(urls);
      if (id === this.#self || !present.has(id) || address === undefined) continue;
      this.#pages.set(id, { address, forgetAtMs: undefined });
    }
    for (const [id, page] of this.#pages) {
      if (present.has(id)) page.forgetAtMs = undefined;
      else page.forgetAtMs ??= nowMs + this.#lingerMs;
    }
  }

  #forget(nowMs: number): void {
    this.#nextForgetMs = Number.POSITIVE_INFINITY;
    for (const [id, { forgetAtMs }] of this.#pages) {
      if (forgetAtMs === undefined) continue;
      if (forgetAtMs <= nowMs) this.#pages.delete(id);
      else this.#nextForgetMs = Math.min(this.#nextForgetMs, forgetAtMs);
    }
  }

  #shown(): string {
    const lines = [...this.#pages].map(
      ([id, { address }]) => `${id}@${address.host}:${address.port}`,
    );
    return lines.sort().join(" ");
  }
}

/** The first URL that is one: they come from the log, where anything may stand. */
function addressOf(urls: readonly string[]): PeerAddress | undefined {
  for (const url of urls) {
    try {
      return parsePeerUrl(url);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
    }
  }
  return undefined;
}
