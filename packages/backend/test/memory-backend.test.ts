import { createMemoryBackend } from "../src/index.ts";
import { runBackendSuite } from "./backend-suite.ts";

runBackendSuite("memory", () => createMemoryBackend());
