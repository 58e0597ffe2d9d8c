/**
 * A stream of text into the JSON objects in it, each as soon as it is complete. Looks at every
 * character once, however small the pieces. Pure.
 */
import { GrpcError, statusCode } from "@flotilla/grpc";

/** Cuts objects; whatever else stands there is given out as it is, for the parser to complain about. */
export class JsonSplitter {
  readonly #charactersMax: number;
  /** Begins with the object that is not complete. */
  #text = "";
  /** Up to where {@link #text} was looked at. */
  #at = 0;
  #depth = 0;
  #isInString = false;

  /** `charactersMax`: of one object. */
  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax;
  }

  /** The objects that are complete now. Throws `GrpcError` when one is too long. */
  push(text: string): readonly string[] {
    this.#text += text;
    const complete: string[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) complete.push(next);
    if (this.#text.length > this.#charactersMax) {
      throw new GrpcError(statusCode.resourceExhausted, "grpc: received message larger than max");
    }
    return complete;
  }

  /** The text has ended: what is left over of it, if anything. */
  end(): string | undefined {
    const rest = this.#text.trim();
    return rest === "" ? undefined : rest;
  }

  #next(): string | undefined {
    if (this.#at === 0) this.#text = this.#text.trimStart();
    if (this.#text !== "" && !this.#text.startsWith("{")) return this.#take(this.#text.length);
    while (this.#at < this.#text.length) {
      const mark = this.#text.charAt(this.#at++);
      if (this.#isInString) {
        if (mark === '"') this.#isInString = false;
        else if (mark === "\\") this.#at++; // It may be what comes with the next piece.
      } else if (mark === '"') this.#isInString = true;
      else if (mark === "{" || mark === "[") this.#depth++;
      else if ((mark === "}" || mark === "]") && --this.#depth === 0) return this.#take(this.#at);
    }
    return undefined;
  }

  #take(length: number): string {
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    this.#at = 0;
    this.#depth = 0;
    return taken;
  }
}
