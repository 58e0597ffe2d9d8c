export type { RunningControllers } from "./loop.ts";
export type { NodeOptions } from "./nodes/controller.ts";
export { type ControllerDeps, systemTimers, type Timers } from "./ports.ts";
export { defaultNodeOptions, startControllers } from "./start-controllers.ts";
