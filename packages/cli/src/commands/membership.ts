/** `flotilla member add|remove|promote|...`: who takes part in a running cluster, and with what weight. */
import { delimiter } from "node:path";
import { type ConfigurationChange, votesMax } from "@flotilla/consensus";
import type { MembershipDescription } from "@flotilla/etcd-api";
import { nodeIdOf } from "@flotilla/member";
import { PeerError, parsePeerUrl } from "@flotilla/peer";
import { localPace } from "../cluster/plan.ts";
import { confirm } from "../confirm.ts";
import { atEndpoint, type EndpointOptions } from "../endpoints.ts";
import { CommandError } from "../exit.ts";
import { type Consequences, consequencesOf } from "../membership/consequences.ts";
import { callOf, memberCalled } from "../membership/description.ts";
import { type ListFormat, listing } from "../membership/listing.ts";
import { forgetLocalMember } from "../membership/local-member.ts";
import { describe, lookAt, noLeader, type Seen } from "../membership/look.ts";
import { refusalText } from "../membership/refusals.ts";
import { programCalled, startInstructions } from "../membership/start-command.ts";
import { stepOf } from "../membership/steps.ts";

export interface VerbOptions extends EndpointOptions {
  readonly yes: boolean;
  /** Make it even if members that run could not go on by themselves. */
  readonly force: boolean;
}

export interface AddOptions extends VerbOptions {
  /** By commas. */
  readonly peerUrls: string;
  readonly learner: boolean;
  readonly witness: boolean;
  readonly votes: number | undefined;
}

export interface PreferOptions extends VerbOptions {
  readonly none: boolean;
  /** False for `--no-static`. */
  readonly static: string | false | undefined;
}

const print = (text: string) => process.stdout.write(`${text}\n`);

export async function add(name: string, options: AddOptions): Promise<void> {
  if (options.learner && (options.witness || options.votes !== undefined)) {
    throw new CommandError(
      "wrongArguments",
      "A learner has no votes: --learner goes with neither --witness nor --votes",
      "A witness votes from the start, since it has nothing to learn.",
    );
  }
  const urls = peerUrlsOf(options.peerUrls);
  const seen = await lookAt(options);
  if (seen.description.members.some((member) => member.name === name)) {
    throw new CommandError(
      "badInput",
      `Cannot add ${name}: there is a member of that name already`,
      "`flotilla member list` shows them. One that lost its disk has to be removed before it is added again.",
    );
  }
  const votes = options.learner ? 0 : (options.votes ?? 1);
  const change = { kind: "add", id: name, votes, witness: options.witness, urls } as const;
  const after = await carryOut(`add ${name}`, [change], seen, options);
  const id = after.added[0] ?? 0n;
  print(`Member ${nodeIdOf(id)} added.\n`);
  const pace = options.endpoints === undefined ? localPace : [];
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  const program = programCalled(process.argv[1] ?? "flotilla", directories);
  print(startInstructions(after, { id, name, peerUrls: urls }, { program, pace }));
}

export async function remove(who: string, options: VerbOptions): Promise<void> {
  const seen = await lookAt(options);
  const member = memberCalled(seen.description, who);
  const id = nodeIdOf(member.id);
  const name = callOf(seen.description, id);
  await carryOut(`remove ${name}`, [{ kind: "remove", id }], seen, options);
  print(`Member ${name} removed.`);
  if (options.endpoints === undefined) await forgetLocalMember(options.dataDir, member);
}

export async function promote(
  who: string,
  options: VerbOptions & { readonly votes: number },
): Promise<void> {
  const seen = await lookAt(options);
  const id = nodeIdOf(memberCalled(seen.description, who).id);
  const name = callOf(seen.description, id);
  const { votes } = options;
  await carryOut(`promote ${name}`, [{ kind: "promote", id, votes }], seen, options);
  print(`Member ${name} votes now.`);
}

/** `pairs`: a member and its votes, in turn; all of them change at once. */
export async function weight(pairs: readonly string[], options: VerbOptions): Promise<void> {
  const wanted = pairsOf(pairs);
  const seen = await lookAt(options);
  const changes = wanted.map(([who, votes]): ConfigurationChange => {
    return { kind: "votes", id: nodeIdOf(memberCalled(seen.description, who).id), votes };
  });
  await carryOut("change the votes", changes, seen, options);
  print("The votes are changed.");
}

export async function prefer(whom: readonly string[], options: PreferOptions): Promise<void> {
  const seen = await lookAt(options);
  const changes = preferencesOf(whom, options, seen.description);
  await carryOut("change who should lead", changes, seen, options);
  print("Who should lead is changed.");
}

export async function list(
  options: EndpointOptions & { readonly output: ListFormat },
): Promise<void> {
  const { description } = await describe(options);
  print(listing(description, options.output));
  if (description.leaderId === 0n) throw noLeader(options);
}

/** Says what it comes to, asks, and does it, at the one endpoint that told of the cluster: never twice. */
async function carryOut(
  what: string,
  changes: readonly ConfigurationChange[],
  { description, url }: Seen,
  options: VerbOptions,
): Promise<MembershipDescription> {
  const consequences = consequencesOf(description, changes);
  if (consequences.kind === "refused") {
    const why = refusalText(consequences.reason, description, changes);
    throw new CommandError("badInput", `Cannot ${what}: ${why}`);
  }
  print(explained(consequences));
  if (consequences.danger !== undefined && !options.force) {
    throw new CommandError(
      "refused",
      `Will not ${what}. ${consequences.danger}`,
      "Nothing was changed. Bring members back first, or add --force if they never come back.",
    );
  }
  await confirm(what, options);
  const change = { steps: changes.map(stepOf), force: options.force };
  return atEndpoint(url, (caller) => caller.changeMembership(change), options);
}

function explained({ lines, warnings, danger }: Consequences): string {
  const all = danger === undefined ? warnings : [...warnings, danger];
  return [...lines, ...all.map((text) => `Warning: ${text}`)].join("\n");
}

/** Looked at before anybody is asked. */
function peerUrlsOf(text: string): readonly string[] {
  const urls = text.split(",");
  try {
    for (const url of urls) parsePeerUrl(url);
    return urls;
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    throw new CommandError("wrongArguments", error.message, undefined, error);
  }
}

const inTurn = "Name members and votes in turn: `flotilla member weight m1 3 m2 1`.";

function pairsOf(words: readonly string[]): readonly (readonly [who: string, votes: number])[] {
  const pairs: [string, number][] = [];
  for (let at = 0; at < words.length; at += 2) {
    const [who = "", votes] = words.slice(at, at + 2);
    if (votes === undefined) {
      throw new CommandError("wrongArguments", `No votes are given for ${who}`, inTurn);
    }
    const count = /^\d{1,9}$/.test(votes) ? Number(votes) : 0;
    if (count < 1 || count > votesMax) {
      throw new CommandError(
        "wrongArguments",
        `Votes must be a whole number from 1 to ${votesMax}, got ${JSON.stringify(votes)} for ${who}`,
        votes === "0" ? `\`flotilla member remove ${who}\` takes its vote, and it.` : inTurn,
      );
    }
    pairs.push([who, count]);
  }
  return pairs;
}

function preferencesOf(
  whom: readonly string[],
  options: PreferOptions,
  description: MembershipDescription,
): readonly ConfigurationChange[] {
  const idOf = (who: string) => nodeIdOf(memberCalled(description, who).id);
  const changes: ConfigurationChange[] = [];
  if (whom.length > 0) changes.push({ kind: "prefer", ids: whom.map(idOf) });
  if (options.none) changes.push({ kind: "prefer", ids: [] });
  if (typeof options.static === "string") {
    changes.push({ kind: "staticLeader", id: idOf(options.static) });
  } else if (options.static === false) changes.push({ kind: "staticLeader", id: undefined });
  if (changes.length > 0 && !(whom.length > 0 && options.none)) return changes;
  throw new CommandError(
    "wrongArguments",
    whom.length > 0 ? "--none goes with no member" : "Nobody is named",
    "Name members, most wanted first, or --none, --static MEMBER or --no-static.",
  );
}
