/** Commands that only show something. */
import { textOfParcel } from "./network.ts";
import { textOfConfiguration, textOfEntry, textOfHardState } from "./notation.ts";
import { progressLines, statusText } from "./view.ts";
import { type Command, idsOf } from "./words.ts";

const status: Command = (world, words) => {
  for (const id of idsOf(world, words)) world.trace.say(statusText(world.host(id).raft));
};

const progress: Command = (world, words) => {
  for (const id of words) {
    for (const line of progressLines(world.host(id).raft)) world.trace.say(line);
  }
};

/** The log in memory; what is committed stands before the bar. */
const log: Command = (world, words) => {
  for (const id of idsOf(world, words)) {
    const { log: entries, commitIndex } = world.host(id).raft.server;
    const { firstIndex, lastIndex } = entries;
    const committed = entries.slice(firstIndex, commitIndex).map(textOfEntry);
    const open = entries.slice(Math.max(firstIndex, commitIndex + 1), lastIndex).map(textOfEntry);
    const compacted = firstIndex > 1 ? [`..${firstIndex - 1}`] : [];
    const words = [id, ...compacted, committed.join(", "), "|", open.join(", ")];
    world.trace.say(words.filter((word) => word !== "").join(" "));
  }
};

const disk: Command = (world, words) => {
  for (const id of words) {
    const { hardState, snapshot, entries } = world.host(id).disk;
    const { index, term, configuration } = snapshot;
    world.trace.say(`${id} has on disk: ${textOfHardState(hardState)}`);
    if (index > 0) {
      world.trace.say(`    snapshot to ${index}/${term} ${textOfConfiguration(configuration)}`);
    }
    for (const entry of entries) world.trace.say(`    ${textOfEntry(entry)}`);
  }
};

const machine: Command = (world, words) => {
  for (const id of idsOf(world, words)) {
    world.trace.say(`${id} has applied ${world.host(id).machine.join(", ")}`);
  }
};

const network: Command = (world) => {
  for (const parcel of world.network.parcels) {
    world.trace.say(`${parcel.from} .. ${parcel.to} ${textOfParcel(parcel)}`);
  }
};

export const questionCommands: Readonly<Record<string, Command>> = {
  status,
  progress,
  log,
  disk,
  machine,
  network,
};
