// `npm run bench [-- NAME...]`: build, then measure.
import { join } from "node:path";
import { build, root, run } from "./setup.mjs";

build();
run(process.execPath, [join(root, "bench", "dist", "main.js"), ...process.argv.slice(2)]);
