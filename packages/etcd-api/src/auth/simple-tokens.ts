/**
 * Tokens that mean nothing by themselves: every member keeps which user each stands for.
 *
 * Source: etcd server/auth/simple_token.go. A token lives for a time after its last use. All live equally
 * long, so the order of last use is the order in which they end, and a map that is kept in that order
 * is all there is to look at: no timer.
 */
import { randomInt } from "node:crypto";
import type { Clock } from "@flotilla/base";
import { simpleTokensMax } from "../limits.ts";

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const prefixLength = 16;

/** What a new token begins with. Nobody can guess it: it is the only secret of a token. */
export function newTokenPrefix(): string {
  return Array.from({ length: prefixLength }, () => letters[randomInt(letters.length)]).join("");
}

/** The index of the entry that made the token; undefined when the text is none. */
export function tokenIndex(token: string): number | undefined {
  const parts = token.split(".");
  const [, index = ""] = parts;
  if (parts.length !== 2 || !/^\d{1,15}$/.test(index)) return undefined;
  return Number(index);
}

interface Entry {
  readonly user: string;
  endMs: number;
}

/** The tokens of one member; bounded, the one that was not used for longest goes first. */
export class SimpleTokens {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, ttlMs: number) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(token: string, user: string): void {
    this.#dropEnded();
    if (this.#entries.size >= simpleTokensMax) this.#dropOldest();
    this.#entries.delete(token); // To its new place in the order.
    this.#entries.set(token, { user, endMs: this.#clock.nowMs() + this.#ttlMs });
  }

  /** Whose it is; asking makes it live on. */
  use(token: string): string | undefined {
    this.#dropEnded();
    const entry = this.#entries.get(token);
    if (entry === undefined) return undefined;
    entry.endMs = this.#clock.nowMs() + this.#ttlMs;
    this.#entries.delete(token);
    this.#entries.set(token, entry);
    return entry.user;
  }

  dropUser(user: string): void {
    for (const [token, entry] of this.#entries) {
      if (entry.user === user) this.#entries.delete(token);
    }
  }

  clear(): void {
    this.#entries.clear();
  }

  #dropEnded(): void {
    const nowMs = this.#clock.nowMs();
    for (const [token, { endMs }] of this.#entries) {
      if (endMs >= nowMs) return;
      this.#entries.delete(token);
    }
  }

  #dropOldest(): void {
    for (const token of this.#entries.keys()) {
      this.#entries.delete(token);
      return;
    }
  }
}
