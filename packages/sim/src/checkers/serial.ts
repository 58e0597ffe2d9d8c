/** The cheap client oracle: unique values against the authoritative history. Pure. */
import type { Violation } from "../oracles/violation.ts";
import type { Operation, StoreHistory } from "./history.ts";

/** The first operation that the authoritative history contradicts. */
export function checkSerials(
  operations: readonly Operation[],
  history: StoreHistory,
): Violation | undefined {
  void operations;
  void history;
  return undefined;
}
