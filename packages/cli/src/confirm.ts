/** "Proceed?": no change that a person should think about is made without a yes. */
import { createInterface } from "node:readline/promises";
import { CommandError } from "./exit.ts";

export interface ConfirmOptions {
  /** `--yes`: asked and answered. */
  readonly yes: boolean;
}

/** Returns after a yes; anything else ends the command. `what` says what would be done. */
export async function confirm(what: string, { yes }: ConfirmOptions): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) {
    throw new CommandError(
      "wrongArguments",
      `Will not ${what} without a yes, and there is no terminal to ask at`,
      "Nothing was changed. Add --yes to go on.",
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const stop = new AbortController();
  terminal.once("close", () => stop.abort());
  const answer = await terminal
    .question("Proceed? [y/N] ", { signal: stop.signal })
    .catch(() => "")
    .finally(() => terminal.close());
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new CommandError("interrupted", "Nothing was changed");
}
