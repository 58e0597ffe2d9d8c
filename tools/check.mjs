// `npm run check`: the read-only gate. Types, formatting and lint, floors.

import { join } from "node:path";
import { bin, build, root, run } from "./setup.mjs";

build();
run(bin("biome"), ["ci", "--error-on-warnings", "."]);
run(process.execPath, [join(root, "tools", "layers.mjs")]);
