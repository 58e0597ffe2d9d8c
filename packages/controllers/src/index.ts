export type { RunningControllers } from "./loop.ts";
export type { NodeOptions } from "./nodes/controller.ts";
export type { ControllerDeps } from "./ports.ts";
export { defaultNodeOptions, startControllers } from "./start-controllers.ts";
