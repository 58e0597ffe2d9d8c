/** Exit codes and the one error type that ends a command. Source of the table: docs/cli.md. */

/** What a command's exit status says; etcdctl's where the two meet. */
export const exitCode = {
  ok: 0,
  refused: 1,
  cannotConnect: 2,
  badInput: 3,
  unsupported: 4,
  interrupted: 5,
  localIo: 6,
  timeout: 7,
  placementFailed: 8,
  wrongArguments: 128,
} as const;

/** Ends the command: `message` says what was tried and where, `hint` what to do next. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: keyof typeof exitCode;
  readonly hint: string | undefined;

  constructor(code: keyof typeof exitCode, message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** A message for a person out of whatever was thrown. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  return error.message === "" && code !== undefined ? code : error.message;
}
