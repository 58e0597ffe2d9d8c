/** The language: its commands by name, and how a block of them is run. */
import { inputCommands } from "./inputs.ts";
import { questionCommands } from "./questions.ts";
import { serverCommands } from "./servers.ts";
import { trafficCommands } from "./traffic.ts";
import { type Command, headOf } from "./words.ts";
import type { World } from "./world.ts";

const commands: ReadonlyMap<string, Command> = new Map(
  Object.entries({ ...serverCommands, ...inputCommands, ...trafficCommands, ...questionCommands }),
);

/** Before a command: its output is left out. */
const quietly = "quietly";

/** Runs commands in order and returns what they have shown; `place` is said when one fails. */
export function runBlock(world: World, lines: readonly string[], place: string): string[] {
  for (const line of lines) {
    try {
      runCommand(world, line.split(/\s+/));
      world.check();
    } catch (error) {
      const said = world.trace.take().join("\n");
      throw new Error(`${place}: ${line}: ${String(error)}\n${said}`, { cause: error });
    }
  }
  return world.trace.take();
}

function runCommand(world: World, words: readonly string[]): void {
  const [name, rest] = headOf(words);
  if (name === quietly) {
    world.trace.quietly(() => runCommand(world, rest));
    return;
  }
  const command = commands.get(name);
  if (command === undefined) throw new Error("no such command");
  command(world, rest);
}
