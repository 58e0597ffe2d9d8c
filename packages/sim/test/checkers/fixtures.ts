/**
 * Histories in a small notation, one operation for each line:
 *
 * ```
 * 1-4 put a @7          called at 1, returned at 4, made revision 7
 * 2-? put b             outcome not known
 * 5-6 get b @9 mod 8 v2 the store at revision 9, key put at 8, version 2
 * 5-6 get - @9          absent
 * 5-6 cas mod=7 c @10   compare with mod (or version, or value), then put c: succeeded
 * 5-6 cas mod=7 c !@9   it did not
 * 5-6 delete 1 @11      one key deleted
 * 5-? expire L          the system may let lease L expire
 * 1-4 put a/L @7        attached to lease L
 * ```
 */
import type { Comparison, Input, Moment, Operation, Output } from "../../src/checkers/history.ts";

export function moment(sequence: number): Moment {
  return { atMs: sequence, sequence };
}

export function historyOf(text: string, key = "k"): Operation[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line, at) => operationOf(line, key, at));
}

function operationOf(line: string, key: string, client: number): Operation {
  const [span = "", ...words] = line.split(" ");
  const [from = "", to = ""] = span.split("-");
  const { input, output } = contentOf(words);
  const isOpen = to === "?";
  return {
    client,
    server: "s1",
    key,
    input,
    calledAt: moment(Number(from)),
    returnedAt: isOpen ? undefined : moment(Number(to)),
    output: isOpen ? undefined : output,
  };
}

function contentOf(words: readonly string[]): { input: Input; output: Output } {
  const revision = Number(words.find((word) => word.includes("@"))?.replace(/^!?@/, ""));
  const [kind, first = "", second = ""] = words;
  switch (kind) {
    case "put":
      return { input: { kind, ...contentOfWord(first) }, output: { kind, revision } };
    case "get": {
      const modRevision = Number(words[4] ?? revision);
      const version = Number((words[5] ?? "v1").slice(1));
      const found = first === "-" ? undefined : { value: first, modRevision, version };
      return { input: { kind }, output: { kind, revision, found } };
    }
    case "cas": {
      const succeeded = !words.some((word) => word.startsWith("!"));
      const input = { kind, compare: comparisonOf(first), ...contentOfWord(second) } as const;
      return { input, output: { kind, succeeded, revision } };
    }
    case "delete":
      return { input: { kind }, output: { kind, deleted: Number(first), revision } };
    default:
      return { input: { kind: "expire", lease: first }, output: { kind: "expire" } };
  }
}

function contentOfWord(word: string): { value: string; lease?: string } {
  const [value = "", lease] = word.split("/");
  return lease === undefined ? { value } : { value, lease };
}

function comparisonOf(word: string): Comparison {
  const [target, equals = ""] = word.split("=");
  if (target === "value") return { target, equals: equals === "-" ? undefined : equals };
  return { target: target === "mod" ? "modRevision" : "version", equals: Number(equals) };
}
