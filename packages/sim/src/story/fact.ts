/**
 * What happens in a run, as data: what a story is told from. Pure.
 */
import type { Configuration, Entry, Message, NodeId, Role } from "@flotilla/consensus";
import type { ClientOperation, Fault } from "../scenario/scenario.ts";

/** A log's end, and what else its server promised. */
export interface LogState {
  /** One after the last entry that a snapshot covers. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly term: number;
  readonly vote: NodeId;
}

/** A server as it stands after an event. */
export interface ServerState {
  readonly isUp: boolean;
  /** Counts its disks. */
  readonly disk: number;
  readonly role: Role;
  readonly leader: NodeId;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly configuration: Configuration;
  /** What it works with. */
  readonly log: LogState;
  /** What its disk has finished. */
  readonly durable: LogState;
}

/** How a log has changed. */
export interface LogChange {
  /** The positions that were written anew or cut off, with the terms they had. */
  readonly dropped: readonly { readonly index: number; readonly term: number }[];
  readonly appended: readonly Entry[];
}

/** What has happened. */
export type Happening =
  | { readonly kind: "sent"; readonly message: Message }
  | { readonly kind: "received"; readonly message: Message }
  | {
      readonly kind: "state";
      readonly before: ServerState;
      readonly after: ServerState;
      readonly log: LogChange;
    }
  /** `isDone`: false when the world could not bear it, or there was nobody to do it to. */
  | { readonly kind: "fault"; readonly fault: Fault; readonly isDone: boolean }
  | { readonly kind: "asked"; readonly client: number; readonly operation: ClientOperation }
  /** In words already. */
  | { readonly kind: "note"; readonly what: string };

/** When and to whom. */
export type Fact = Happening & {
  readonly atMs: number;
  /** The number of the event. */
  readonly event: number;
  /** Empty for what happens to the world. */
  readonly server: NodeId;
};
