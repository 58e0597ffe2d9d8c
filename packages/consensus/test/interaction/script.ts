/**
 * The form of a script: commands, and after each block of them the output that is expected.
 *
 * ```
 * # A comment, up to the end of its line.
 * cluster m1 m2 m3
 * propose m2 a
 * > m2 proposes "a": dropped noLeader
 * ```
 *
 * Lines that follow each other without a blank line, a comment or output between them are one block.
 * Everything but the output is kept as it stands when a script is written anew. Pure.
 */

export interface Block {
  /** Number of its first line in the file, from 1. */
  readonly line: number;
  readonly commands: readonly string[];
  readonly output: readonly string[];
}

/** Blank lines and comments as they stand, and blocks. */
export type Part =
  | { readonly kind: "prose"; readonly text: string }
  | ({ readonly kind: "block" } & Block);

const outputPrefix = ">";

/** The parts of a script. Throws on output that follows no command. */
export function parseScript(text: string): Part[] {
  const parts: Part[] = [];
  let block: { line: number; commands: string[]; output: string[] } | undefined;
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  lines.forEach((line, offset) => {
    if (line.startsWith(outputPrefix)) {
      if (block === undefined) throw new Error(`line ${offset + 1}: output without a command`);
      block.output.push(line.slice(outputPrefix.length).replace(/^ /, ""));
      return;
    }
    if (line.trim() === "" || line.startsWith("#")) {
      block = undefined;
      parts.push({ kind: "prose", text: line });
      return;
    }
    if (block === undefined || block.output.length > 0) {
      block = { line: offset + 1, commands: [], output: [] };
      parts.push({ kind: "block", ...block });
    }
    block.commands.push(line.trim());
  });
  return parts;
}

/** The text of a script; the inverse of {@link parseScript}. */
export function renderScript(parts: readonly Part[]): string {
  return parts.map((part) => `${part.kind === "prose" ? part.text : renderBlock(part)}\n`).join("");
}

function renderBlock(block: Block): string {
  return [...block.commands, ...block.output.map((line) => `${outputPrefix} ${line}`)].join("\n");
}
