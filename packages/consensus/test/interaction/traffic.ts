/** Commands about messages: which arrive, which are lost, which come late or twice. */
import type { Parcel } from "./network.ts";
import { type Command, headOf, idsOf, oneWord, selectionOf } from "./words.ts";
import type { World } from "./world.ts";

/** What a command selects; it must be something, or the script does not say what it seems to say. */
function taken(world: World, words: readonly string[]): Parcel[] {
  const parcels = world.network.take(selectionOf(world, words));
  if (parcels.length === 0) throw new Error("nothing of that is on its way");
  return parcels;
}

const deliver: Command = (world, words) => world.deliver(taken(world, words));

const drop: Command = (world, words) => world.lose(taken(world, words));

/** They arrive now, and are still on their way. */
const duplicate: Command = (world, words) => {
  const parcels = taken(world, words);
  world.network.parcels.unshift(...parcels);
  world.deliver(parcels);
};

/** `hold late m1 -> m2`: aside, under the name "late". */
const hold: Command = (world, words) => {
  const [name, rest] = headOf(words);
  world.network.hold(name, taken(world, rest));
};

const release: Command = (world, words) => world.network.release(oneWord(words));

/** `cut m1`: from everybody. `cut m1 - m2`: both ways. `cut m1 -> m2`: one way. */
const cut: Command = (world, words) => {
  const [left, link, right] = words;
  if (left === undefined) throw new Error("who is cut off?");
  const from = world.host(left).id;
  if (link === undefined) {
    for (const to of world.hosts.keys()) cutBothWays(world, from, to);
    return;
  }
  if (right === undefined) throw new Error("cut off from whom?");
  const to = world.host(right).id;
  if (link === "-") cutBothWays(world, from, to);
  else if (link === "->") world.network.cut(from, to);
  else throw new Error(`no link: "${link}"`);
};

function cutBothWays(world: World, left: string, right: string): void {
  world.network.cut(left, right);
  world.network.cut(right, left);
}

const heal: Command = (world) => world.network.heal();

const stabilize: Command = (world, words) => {
  world.stabilize(words.length === 0 ? [] : idsOf(world, words));
};

export const trafficCommands: Readonly<Record<string, Command>> = {
  deliver,
  drop,
  duplicate,
  hold,
  release,
  cut,
  heal,
  stabilize,
};
