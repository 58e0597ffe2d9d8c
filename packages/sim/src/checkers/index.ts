export type {
  Comparison,
  Input,
  KeyEvent,
  Moment,
  Operation,
  Output,
  Revision,
  StoreHistory,
} from "./history.ts";
export {
  checkLeases,
  type LeaseBounds,
  type LeaseCall,
  type LeasedKeyEvent,
  type LeaseHistory,
  leaseDueMs,
} from "./lease.ts";
export {
  checkLinearizable,
  type Linearizability,
  linearizabilityStepsMax,
  type Model,
} from "./linearizability.ts";
export { checkSerials } from "./serial.ts";
export { type KeyState, storeModel } from "./store-model.ts";
export {
  checkWatches,
  type WatchBatch,
  type WatchedEvent,
  type WatchHistory,
  type WatchStream,
} from "./watch.ts";
