/** What applying a patch ends in; the same for the three kinds of patches. */
import type { Json } from "../types.ts";

export type PatchOutcome =
  /** A new value; the original is untouched. Decode it again: a patch can put anything anywhere. */
  | { readonly kind: "ok"; readonly object: Json }
  /** The patch itself is malformed: answer 400 BadRequest. */
  | { readonly kind: "badRequest"; readonly message: string }
  /** The patch does not fit this object: answer 422 Invalid. */
  | { readonly kind: "invalid"; readonly message: string };

/** The patch nests deeper than anything here does. */
export const tooDeep: PatchOutcome = { kind: "badRequest", message: "exceeded max depth" };
