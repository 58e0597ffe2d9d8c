import { openLmdbBackend } from "../src/index.ts";
import { runBackendSuite } from "./backend-suite.ts";

runBackendSuite("lmdb", (directory) => openLmdbBackend({ directory }));
