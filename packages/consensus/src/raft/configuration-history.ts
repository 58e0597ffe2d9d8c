/**
 * The configurations that the log holds, so that the one in force can follow the log.
 *
 * A configuration is in force from the moment its entry is appended, committed or not (Raft thesis
 * section 4.1); when the entry is truncated, the one before it is in force again, even if that one
 * came with the snapshot.
 */
import { present } from "@flotilla/base";
import { decodeConfiguration } from "../configuration-codec.ts";
import type { Configuration, Entry, LogIndex } from "../contract.ts";
import { Roster } from "./roster.ts";

interface Change {
  readonly index: LogIndex;
  readonly roster: Roster;
}

/** The base configuration and every change after it, by index. Never empty. */
export class ConfigurationHistory {
  #changes: Change[];
  #current: Roster;

  /** `configuration` is in force at `index`: that of the snapshot, or of the bootstrap at 0. */
  constructor(index: LogIndex, configuration: Configuration) {
    this.#current = new Roster(configuration);
    this.#changes = [{ index, roster: this.#current }];
  }

  /** The configuration in force. */
  get current(): Roster {
    return this.#current;
  }

  /** Where the configuration in force stands in the log; the base may stand before it. */
  get index(): LogIndex {
    return present(this.#changes.at(-1), "configuration").index;
  }

  /** The configuration in force at `index`, which must not be before the base. */
  at(index: LogIndex): Configuration {
    const change = this.#changes.findLast((each) => each.index <= index);
    return present(change, "configuration at an index").roster.configuration;
  }

  /** The configurations in force at `index` and anywhere after it; the last one is the current one. */
  since(index: LogIndex): readonly Configuration[] {
    const first = this.#changes.findLastIndex((each) => each.index <= index);
    return this.#changes.slice(Math.max(first, 0)).map((each) => each.roster.configuration);
  }

  /** Entries were appended. One that does not decode changes nothing, on every server alike. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.kind !== "config") continue;
      const configuration = decodeConfiguration(entry.data);
      if (configuration === undefined) continue;
      this.#current = new Roster(configuration);
      this.#changes.push({ index: entry.index, roster: this.#current });
    }
  }

  /** The entry at `index` and all after it were removed. */
  truncateFrom(index: LogIndex): void {
    while (this.index >= index) this.#changes.pop();
    this.#current = present(this.#changes.at(-1), "configuration").roster;
  }

  /** Entries up to `index` were compacted: only what was in force there is kept of them. */
  compactTo(index: LogIndex): void {
    const base = this.#changes.findLastIndex((each) => each.index <= index);
    this.#changes = this.#changes.slice(base);
  }

  /** The log starts anew after a snapshot. */
  restart(index: LogIndex, configuration: Configuration): void {
    this.#current = new Roster(configuration);
    this.#changes = [{ index, roster: this.#current }];
  }
}
