/** Commands that are inputs of one engine: time, proposals, changes, reads. */
import { utf8 } from "@flotilla/base";
import type { ChangeOutcome, ConfigurationChange, ProposeOutcome } from "../../src/contract.ts";
import { serverOf } from "./notation.ts";
import { type Command, headOf, idsOf, isNumber, oneWord, wholeNumber } from "./words.ts";
import type { World } from "./world.ts";

/** `tick m1 m2 3`, `tick all election`, `tick m1`. */
const tick: Command = (world, words) => {
  const last = words.at(-1);
  const hasCount = isNumber(last) || last === "election";
  const ids = idsOf(world, hasCount ? words.slice(0, -1) : words);
  for (const id of ids) if (!world.host(id).isUp) throw new Error(`${id} is down`);
  let count = 1;
  if (isNumber(last)) count = Number(last);
  else if (last === "election") count = electionTicks(world, ids[0] ?? "");
  for (let done = 0; done < count; done++) for (const id of ids) world.host(id).tick();
};

function electionTicks(world: World, id: string): number {
  return world.host(id).raft.server.limits.electionTicks;
}

/** Ticks until the election timeout of one server is over. */
const campaign: Command = (world, words) => {
  const host = world.host(oneWord(words));
  const { server } = host.raft;
  if (server.role === "leader") throw new Error(`${host.id} leads already`);
  // One that could not campaign when it was due does at its next tick.
  const count = Math.max(1, server.electionTimeoutTicks - server.electionElapsed);
  for (let done = 0; done < count; done++) host.tick();
};

/** Nobody hears a leader any more, and this server campaigns and wins; nothing is left on its way. */
const elect: Command = (world, words) => {
  const host = world.host(oneWord(words));
  for (const other of world.up.filter((each) => each !== host)) {
    const { server } = other.raft;
    if (server.role === "leader") continue;
    while (server.electionElapsed < server.limits.electionTicks) other.tick();
  }
  campaign(world, [host.id]);
  world.stabilize([]);
  if (host.raft.role !== "leader") throw new Error(`${host.id} was not elected`);
};

/** Time passes at a server whose process stands still: no tick, but its clock goes on. */
const pause: Command = (world, words) => {
  const [id, rest] = headOf(words);
  world.host(id).nowMs += wholeNumber(oneWord(rest));
};

/** `propose m1 a b`: one proposal with two entries; `x*100` is 100 bytes of x. */
const propose: Command = (world, words) => {
  const [id, rest] = headOf(words);
  if (rest.length === 0) throw new Error("nothing is proposed");
  const data = rest.map((word) => utf8(dataOf(word)));
  const said = rest.map((word) => `"${word}"`).join(" ");
  inputWithOutcome(world, id, (raft) => `proposes ${said}: ${outcomeText(raft.propose(data))}`);
};

function dataOf(word: string): string {
  const match = /^(.)\*(\d+)$/.exec(word);
  return match === null ? word : (match[1] ?? "").repeat(Number(match[2]));
}

function outcomeText(outcome: ProposeOutcome): string {
  switch (outcome.kind) {
    case "appended":
      return `appended ${outcome.firstIndex}/${outcome.term}`;
    case "forwarded":
      return `forwarded to ${outcome.leader}`;
    case "dropped":
      return `dropped, ${outcome.reason}`;
  }
}

/** The outcome is said first, and below it what the input has caused. */
function inputWithOutcome(
  world: World,
  id: string,
  act: (raft: ReturnType<World["host"]>["raft"]) => string,
): void {
  const host = world.host(id);
  if (!host.isUp) throw new Error(`${id} is down`);
  const text = act(host.raft);
  world.trace.below(`${id} ${text}`, () => host.input(() => undefined));
}

/** `change m1 add m4*2, remove m2`: see README.md for the steps. */
const change: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const steps = rest.join(" ").split(/,\s*/);
  const changes = steps.map(changeOf);
  inputWithOutcome(world, id, (raft) => {
    const said = steps.join(", ");
    return `change ${said}: ${changeText(raft.change(changes))}`;
  });
};

function changeText(outcome: ChangeOutcome): string {
  return outcome.kind === "appended"
    ? `appended ${outcome.index}/${outcome.term}`
    : `refused, ${outcome.reason}`;
}

function changeOf(step: string): ConfigurationChange {
  const [verb, rest] = headOf(step.trim().split(/\s+/));
  switch (verb) {
    case "add": {
      const [word, urls] = headOf(rest);
      const { id, votes, role } = serverOf(word);
      return {
        kind: "add",
        id,
        votes: role === "learner" ? 0 : votes,
        ...(role === "witness" ? { witness: true } : {}),
        ...(urls.length === 0 ? {} : { urls }),
      };
    }
    case "remove":
    case "demote":
      return { kind: verb, id: oneWord(rest) };
    case "promote":
    case "votes": {
      const { id, votes } = serverOf(oneWord(rest));
      return { kind: verb, id, votes };
    }
    case "prefer":
      return { kind: "prefer", ids: rest };
    case "static":
      return { kind: "staticLeader", id: rest.length === 0 ? undefined : oneWord(rest) };
    case "urls": {
      const [id, urls] = headOf(rest);
      return { kind: "urls", id, urls };
    }
    default:
      throw new Error(`no change: "${verb}"`);
  }
}

/** `transfer m1 m2`: m1 is asked to hand over to m2. */
const transfer: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const target = oneWord(rest);
  world.host(id).input((raft) => raft.transferLeadership(target));
};

/** `read m1 7 8`: reads 7 and 8 in one turn. */
const read: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const requestIds = rest.map(wholeNumber);
  if (requestIds.length === 0) throw new Error("nothing is read");
  world.host(id).input((raft) => {
    for (const requestId of requestIds) raft.read(requestId);
  });
};

/** `unreachable m1 m2`: m1's sends to m2 fail. */
const unreachable: Command = (world, words) => {
  const [id, rest] = headOf(words);
  const to = oneWord(rest);
  world.host(id).input((raft) => raft.unreachable(to));
};

export const inputCommands: Readonly<Record<string, Command>> = {
  tick,
  campaign,
  elect,
  pause,
  propose,
  change,
  transfer,
  read,
  unreachable,
};
