/** What is on its way between the servers of a script: a plain list, from which a script picks. */
import type { Message, NodeId } from "../../src/contract.ts";
import { textOfMessage } from "./notation.ts";

/** A message, or the word that a driver gets about the bytes of a snapshot that it has sent. */
export interface Parcel {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The kind of the message, or `snapshotSent`. */
  readonly name: string;
  readonly content:
    | { readonly kind: "message"; readonly message: Message; readonly machine: readonly string[] }
    | { readonly kind: "snapshotSent"; readonly delivered: boolean };
}

/** What is left to say of a parcel besides its sender and receiver. */
export function textOfParcel(parcel: Parcel): string {
  const { content } = parcel;
  if (content.kind === "message") return textOfMessage(content.message);
  return `snapshotSent ${content.delivered ? "delivered" : "failed"}`;
}

/** Which parcels a command is about. Empty lists: any. */
export interface Selection {
  readonly from: readonly NodeId[];
  readonly to: readonly NodeId[];
  readonly names: readonly string[];
  /** At most so many, oldest first. */
  readonly countMax: number;
}

/** Parcels in the order of their sending. */
export class Network {
  parcels: Parcel[] = [];
  /** Taken aside, by the name that the script gave. */
  readonly #held = new Map<string, Parcel[]>();
  /** Links that lose everything, as `from>to`. */
  readonly #cut = new Set<string>();

  /** Removes and returns what is selected. */
  take(selection: Selection): Parcel[] {
    const taken: Parcel[] = [];
    const left: Parcel[] = [];
    for (const parcel of this.parcels) {
      const isTaken = taken.length < selection.countMax && matches(parcel, selection);
      (isTaken ? taken : left).push(parcel);
    }
    this.parcels = left;
    return taken;
  }

  hold(name: string, parcels: readonly Parcel[]): void {
    this.#held.set(name, [...(this.#held.get(name) ?? []), ...parcels]);
  }

  /** What was held under `name` is on its way again, behind everything else. */
  release(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) throw new Error(`nothing is held as "${name}"`);
    this.#held.delete(name);
    this.parcels.push(...held);
  }

  cut(from: NodeId, to: NodeId): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  isCut(parcel: Parcel): boolean {
    return this.#cut.has(`${parcel.from}>${parcel.to}`);
  }
}

function matches(parcel: Parcel, { from, to, names }: Selection): boolean {
  return (
    (from.length === 0 || from.includes(parcel.from)) &&
    (to.length === 0 || to.includes(parcel.to)) &&
    (names.length === 0 || names.includes(parcel.name))
  );
}
