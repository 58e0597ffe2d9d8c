export { type NodeView, viewNodes } from "./node-view.ts";
export {
  type Filtered,
  filterNodes,
  type Placement,
  pickNode,
  type Scored,
  scoreNodes,
  unschedulableMessage,
} from "./place.ts";
export type { SchedulerDeps } from "./ports.ts";
export { type RunningScheduler, startScheduler } from "./start-scheduler.ts";
