/** Authoritative histories in a small notation: "2 k=a x=b; 3 k" puts k and x at 2, deletes k at 3. */
import type { KeyEvent, StoreHistory } from "../../src/checkers/history.ts";

export function storeOf(text: string): StoreHistory {
  const revisions = text
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [revision, ...events] = part.split(" ");
      return { revision: Number(revision), events: events.map(eventOf) };
    });
  return { revisions };
}

export function eventOf(text: string): KeyEvent {
  const [key = "", value] = text.split("=");
  return { kind: value === undefined ? "delete" : "put", key, value };
}
