/**
 * Tells of messages: each once, when it arrives, or when it is sent if it never does. Pure.
 */
import type { Message } from "@flotilla/consensus";
import type { Fact } from "./fact.ts";
import type { Line } from "./line.ts";
import { messageText } from "./notation.ts";

/** A message that was on its way for longer arrives with a remark. */
const slowMs = 20;
/** A message that was sent so shortly before the end may only not be there yet. */
const freshMs = 20;

const heartbeats = ["heartbeat", "heartbeats"] as const;
const answers = ["answer to a heartbeat", "answers to heartbeats"] as const;
const emptyAppends = ["empty append", "empty appends"] as const;
const acknowledgements = ["acknowledgement as before", "acknowledgements as before"] as const;
const lost = ["lost heartbeat or answer", "lost heartbeats or answers"] as const;
const onItsWay = ["heartbeat or answer on its way", "heartbeats or answers on their way"] as const;

type MessageFact = Extract<Fact, { kind: "sent" | "received" }>;

/** Finds for each message that arrives when it was sent. */
export class MessageTeller {
  /** Sent and not arrived, by link and text: what arrives may be a copy. Of equal ones the last arrives. */
  readonly #onTheirWay: Map<string, MessageFact[]> = new Map<string, MessageFact[]>();
  readonly #sentAtMs: Map<Fact, number> = new Map<Fact, number>();
  readonly #endMs: number;
  /** By link: the furthest that was acknowledged. */
  readonly #acknowledged: Map<string, string> = new Map<string, string>();

  constructor(facts: readonly Fact[]) {
    this.#endMs = facts.at(-1)?.atMs ?? 0;
    for (const fact of facts) {
      if (fact.kind === "sent") this.#sent(fact);
      else if (fact.kind === "received") this.#received(fact);
    }
  }

  /** Undefined for one that is told when it arrives. */
  line(fact: MessageFact): Line | undefined {
    return fact.kind === "sent" ? this.#lost(fact) : this.#arrived(fact);
  }

  #sent(fact: MessageFact): void {
    const name = nameOf(fact.message);
    const waiting = this.#onTheirWay.get(name);
    if (waiting === undefined) this.#onTheirWay.set(name, [fact]);
    else waiting.push(fact);
  }

  #received(fact: MessageFact): void {
    const sent = this.#onTheirWay.get(nameOf(fact.message))?.pop();
    if (sent !== undefined) this.#sentAtMs.set(fact, sent.atMs);
  }

  #arrived(fact: MessageFact): Line {
    const { message, atMs, server } = fact;
    const sentAtMs = this.#sentAtMs.get(fact);
    let remark = "";
    if (sentAtMs === undefined) remark = " (again)";
    else if (atMs - sentAtMs >= slowMs) remark = ` (sent at ${sentAtMs.toFixed(2)})`;
    const text = `<- ${message.from} ${messageText(message)}${remark}`;
    const routine = remark === "" ? this.#routineOf(message) : undefined;
    return routine === undefined
      ? { atMs, who: server, text }
      : { atMs, who: server, text, routine };
  }

  #lost(fact: MessageFact): Line | undefined {
    const { message, atMs, server } = fact;
    if (this.#onTheirWay.get(nameOf(message))?.includes(fact) !== true) return undefined;
    const isFresh = this.#endMs - atMs < freshMs;
    const text = `${isFresh ? "~>" : "-x"} ${message.to} ${messageText(message)}`;
    // What made the server send it is told before it.
    const line: Line = { atMs, who: server, text, place: "last" };
    return isRoutine(message) ? { ...line, routine: isFresh ? onItsWay : lost } : line;
  }

  /** Acknowledgements are when they say nothing new. */
  #routineOf(message: Message): Line["routine"] {
    if (message.kind === "heartbeat") return heartbeats;
    if (message.kind === "heartbeatResponse") return answers;
    if (message.kind === "appendRequest" && message.entries.length === 0) return emptyAppends;
    if (message.kind !== "appendAccepted") return undefined;
    const link = `${message.from} ${message.to}`;
    const text = messageText(message);
    if (this.#acknowledged.get(link) === text) return acknowledgements;
    this.#acknowledged.set(link, text);
    return undefined;
  }
}

function isRoutine({ kind }: Message): boolean {
  return kind === "heartbeat" || kind === "heartbeatResponse";
}

function nameOf(message: Message): string {
  return `${message.from}>${message.to} ${messageText(message)}`;
}
