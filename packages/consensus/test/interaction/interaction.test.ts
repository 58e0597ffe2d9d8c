/**
 * Golden scripts: what servers say to each other, command by command.
 *
 * `UPDATE=1 node --test packages/consensus/dist/test/interaction/interaction.test.js` writes the
 * present output into the scripts. Read the difference before it is committed: it is the protocol.
 */
import { strict as assert } from "node:assert";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runBlock } from "./commands.ts";
import { parseScript, renderScript } from "./script.ts";
import { World } from "./world.ts";

/** From `dist/test/interaction` to the scripts, which are not compiled. */
const scripts = fileURLToPath(new URL("../../../test/interaction/scripts/", import.meta.url));
const isUpdate = process.env["UPDATE"] === "1";

/** Lines of output in one block; more is a script that nobody reads, or one that does not end. */
const blockLinesMax = 400;

describe("interaction scripts", () => {
  const names = readdirSync(scripts).filter((name) => name.endsWith(".txt"));
  assert.ok(names.length > 0, "no scripts");
  for (const name of names.sort()) {
    it(name.replace(/\.txt$/, ""), () => runScript(name));
  }
});

function runScript(name: string): void {
  const path = scripts + name;
  const parts = parseScript(readFileSync(path, "utf8"));
  const world = new World();
  const outcome = parts.map((part) => {
    if (part.kind === "prose") return part;
    const place = `${name}:${part.line}`;
    const output = runBlock(world, part.commands, place);
    assert.ok(output.length <= blockLinesMax, `${place}: ${output.length} lines of output`);
    // As text with its place in it, so that a difference is shown line by line.
    const textOf = (lines: readonly string[]): string => [place, ...lines].join("\n");
    if (!isUpdate) assert.equal(textOf(output), textOf(part.output));
    return { ...part, output };
  });
  if (isUpdate) writeFileSync(path, renderScript(outcome));
}
