export { ConductOracle } from "./conduct.ts";
export {
  createInvariantOracle,
  type InvariantOptions,
  type InvariantOracle,
  type IsolationKind,
} from "./invariants.ts";
export {
  type FinalServer,
  type FinalState,
  judgeLiveness,
  type LivenessBounds,
  type Probe,
} from "./liveness.ts";
export { LogMirror, type LogWrite, type RecoveredLog } from "./log-mirror.ts";
export type { DiskLoss } from "./loss.ts";
export type { DurableView, LogView, ServerView } from "./view.ts";
export { type Violation, violation } from "./violation.ts";
