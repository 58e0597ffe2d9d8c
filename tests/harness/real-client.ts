/** Real clients that a machine may not have: skipped with a reason, but never where CI demands them. */
import { run, which } from "./run.ts";

/** Options for `describe`: skipped when the program is missing, unless REQUIRE_REAL_CLIENTS is set. */
export function needs(program: string): { readonly skip: string | false } {
  if (which(program) !== undefined) return { skip: false };
  if (process.env["REQUIRE_REAL_CLIENTS"] !== undefined) {
    throw new Error(`${program} is not on PATH, and REQUIRE_REAL_CLIENTS is set`);
  }
  return { skip: `${program} is not on PATH` };
}

/** Runs a real client to its end; throws with what it printed unless it exits with 0. */
export async function output(
  program: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<string> {
  const done = await run(program, args, options);
  if (done.code === 0) return done.stdout;
  throw new Error(
    `${program} ${args.join(" ")} ended with ${done.code}: ${done.stdout}${done.stderr}`,
  );
}
