/** Reading a command's words. Throws on what makes no sense: a script must never pass by mistake. */
import type { NodeId } from "../../src/contract.ts";
import type { Selection } from "./network.ts";
import type { World } from "./world.ts";

/** One command of the language; the words are those after its name. */
export type Command = (world: World, words: readonly string[]) => void;

export function wholeNumber(word: string | undefined): number {
  if (word === undefined || !/^\d+$/.test(word)) throw new Error(`not a number: "${word ?? ""}"`);
  return Number(word);
}

export function isNumber(word: string | undefined): word is string {
  return word !== undefined && /^\d+$/.test(word);
}

/** The only word. */
export function oneWord(words: readonly string[]): string {
  const [word, ...rest] = words;
  if (word === undefined || rest.length > 0) throw new Error("takes one word");
  return word;
}

/** The first word, which must be there, and the others. */
export function headOf(words: readonly string[]): [string, string[]] {
  const [head, ...rest] = words;
  if (head === undefined) throw new Error("something is missing after the command");
  return [head, rest];
}

/** Servers by name; `all` and nothing are all that are up. */
export function idsOf(world: World, words: readonly string[]): NodeId[] {
  if (words.length === 0 || words[0] === "all") return world.up.map((host) => host.id);
  return words.map((word) => world.host(word).id);
}

/** Pairs of `name value`; names other than `known` are refused. */
export function pairsOf<Name extends string>(
  words: readonly string[],
  known: readonly Name[],
): Partial<Record<Name, string>> {
  const pairs: Partial<Record<Name, string>> = {};
  for (let at = 0; at < words.length; at += 2) {
    const name = known.find((each) => each === words[at]);
    const value = words[at + 1];
    if (name === undefined || value === undefined) throw new Error(`not known: "${words[at]}"`);
    pairs[name] = value;
  }
  return pairs;
}

/** `m1,m2 -> m3 heartbeat timeoutNow 2`: senders, receivers, kinds, how many; each may be missing. */
export function selectionOf(world: World, words: readonly string[]): Selection {
  const rest = [...words];
  const last = rest.at(-1);
  const countMax = isNumber(last) ? Number(rest.pop()) : Number.POSITIVE_INFINITY;
  const arrow = rest.indexOf("->");
  const from = arrow === -1 ? [] : serversIn(world, rest.slice(0, arrow));
  const behind = arrow === -1 ? rest : rest.slice(arrow + 1);
  const [target] = behind;
  const isTarget = arrow !== -1 && target !== undefined && world.hosts.has(firstOf(target));
  const to = isTarget ? serversIn(world, [target]) : [];
  return { from, to, names: isTarget ? behind.slice(1) : behind, countMax };
}

function serversIn(world: World, words: readonly string[]): NodeId[] {
  return words.flatMap((word) => word.split(",")).map((id) => world.host(id).id);
}

function firstOf(list: string): string {
  return list.split(",")[0] ?? "";
}
