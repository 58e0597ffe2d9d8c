/** A process that locks the directory it is given, says so, and stays. */
import { lockDirectory } from "../src/lock.ts";

process.on("message", () => {}); // Keeps the process alive.
await lockDirectory(process.argv[2] as string);
process.send?.("locked");
