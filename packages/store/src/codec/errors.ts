/** What a well-formed message can still be refused for. Pure. */

/**
 * `invalidSortOption`: a sort order or target that does not exist.
 * `emptyRequestOp`: an operation of a transaction that names no request.
 * `tooManyOperations`: transactions nested deeper than {@link txnDepthMax}.
 */
export type CodecErrorCode = "invalidSortOption" | "emptyRequestOp" | "tooManyOperations";

/** The bytes are protobuf, and what they ask for has no meaning; malformed bytes are a `WireError`. */
export class CodecError extends Error {
  override readonly name = "CodecError";
  readonly code: CodecErrorCode;

  constructor(code: CodecErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Nesting of transactions that the decoder follows. Each level takes one operation of its parent, and
 * etcd allows 128 of them along a path (--max-txn-ops): the innermost of 129 does nothing. Without a
 * bound a small message could exhaust the stack; it stays where a member is told to take more operations.
 */
export const txnDepthMax = 129;
