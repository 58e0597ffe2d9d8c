/** What the threads of {@link PasswordHasher} run: bcrypt, one password after the other. */
import { parentPort } from "node:worker_threads";
import { compareSync, genSaltSync, hashSync } from "bcryptjs";

/** To the thread. */
export type BcryptTask =
  | { readonly kind: "hash"; readonly password: string; readonly cost: number }
  | { readonly kind: "compare"; readonly password: string; readonly hash: string };

/** From it: the hash, or whether it is the password's. */
export type BcryptAnswer = string | boolean;

parentPort?.on("message", (task: BcryptTask) => parentPort?.postMessage(answer(task)));

function answer(task: BcryptTask): BcryptAnswer {
  if (task.kind === "hash") return hashSync(task.password, genSaltSync(task.cost));
  try {
    return compareSync(task.password, task.hash);
  } catch {
    return false; // Not a hash of bcrypt: no password fits.
  }
}
