/**
 * Assertions: always on, for what only a bug can break.
 *
 * Never assert on bytes from a disk, a peer or a client: parse those and return a typed error.
 */

/** A broken invariant: a bug or corrupted memory. Not caught below the process boundary. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Throws {@link InvariantError} unless `condition` holds.
 *
 * Pass a thunk where the message costs something to build; it runs only on failure.
 */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantError(typeof message === "string" ? message : message());
}

/** Ends an exhaustive `switch`: does not compile while a case is missing. */
export function assertNever(value: never): never {
  const text = JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part));
  throw new InvariantError(`unexpected value: ${text}`);
}

/** Returns `value`, which an invariant says is there. Throws {@link InvariantError} otherwise. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new InvariantError(`missing: ${what}`);
  return value;
}
