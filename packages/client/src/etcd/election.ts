/** An election: of those who campaign one leads, and says something that all can follow. */
import type { Compare, KeyValue } from "@flotilla/store";
import { Claim, type ClaimOptions } from "./claim.ts";
import type { EtcdClient } from "./client.ts";
import { isEtcdError } from "./errors.ts";
import type { Bytes } from "./keys.ts";
import type { CallOptions } from "./options.ts";

export class Election {
  readonly #client: EtcdClient;
  readonly #prefix: string;

  constructor(client: EtcdClient, name: string) {
    this.#client = client;
    this.#prefix = `${name}/`;
  }

  /** Waits until this candidate leads. Rejects with `leaseLost`, or the signal's reason. */
  async campaign(value: Bytes, options: ClaimOptions = {}): Promise<Leadership> {
    return new Leadership(await Claim.first(this.#client, this.#prefix, { ...options, value }));
  }

  /** Who leads, and what it says; undefined while nobody does. */
  async leader(options: CallOptions = {}): Promise<KeyValue | undefined> {
    const { kvs } = await this.#first(options);
    return kvs[0];
  }

  /** Who leads, now and at each change of it or of what it says; undefined when nobody does. */
  async *observe(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<KeyValue | undefined, void, undefined> {
    let told: number | undefined;
    for (;;) {
      const { kvs, revision } = await this.#first(options);
      const [leader] = kvs;
      const version = leader?.modRevision ?? 0;
      if (version !== told) yield leader;
      told = version;
      await this.#change(revision + 1, options);
    }
  }

  #first(options: CallOptions) {
    return this.#client.range(
      { prefix: this.#prefix },
      { ...options, sortTarget: "create", sortOrder: "ascend", limit: 1 },
    );
  }

  /** Resolves after a change of any candidate. */
  async #change(startRevision: number, options: { readonly signal?: AbortSignal }): Promise<void> {
    const watch = this.#client.watch({ prefix: this.#prefix }, { ...options, startRevision });
    try {
      for await (const { events } of watch) if (events.length > 0) return;
    } catch (error) {
      if (!isEtcdError(error, "compacted")) throw error;
    } finally {
      watch.close();
    }
  }
}

/** The place of whoever leads. */
export class Leadership {
  readonly #claim: Claim;

  constructor(claim: Claim) {
    this.#claim = claim;
  }

  /** Greater than that of every earlier leader: a fencing token. */
  get token(): number {
    return this.#claim.token;
  }

  get key(): string {
    return this.#claim.key;
  }

  /** Aborts when leadership is lost without having been resigned. */
  get lost(): AbortSignal {
    return this.#claim.lost;
  }

  /** A comparison that holds exactly as long as this one leads. */
  isHeld(): Compare {
    return this.#claim.isHeld();
  }

  /** Says something else. Rejects with `notOwner` when another one leads. */
  async proclaim(value: Bytes, options: CallOptions = {}): Promise<void> {
    await this.#claim.write(value, options);
  }

  /** Lets the next one lead. */
  resign(options: CallOptions = {}): Promise<void> {
    return this.#claim.release(options);
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.resign();
  }
}
