export { AscendingMap } from "./ascending-map.ts";
export { assert, assertNever, InvariantError, present } from "./assert.ts";
export {
  compareBytes,
  concatBytes,
  emptyBytes,
  equalBytes,
  prefixEnd,
  successorOf,
  textOf,
  utf8,
  utf8Size,
  writeUtf8,
} from "./bytes.ts";
export { crc32c } from "./crc32c.ts";
export type { FailpointValue } from "./failpoint-terms.ts";
export {
  armFailpoints,
  clearFailpoint,
  type FailpointActions,
  type FailpointError,
  type FailpointName,
  failpoint,
  failpointNames,
  failpointStatus,
  setFailpoint,
} from "./failpoints.ts";
export {
  type Counter,
  exponentialBounds,
  type Gauge,
  type Histogram,
  type Labels,
  MetricRegistry,
  type Metrics,
  seriesMax,
  silentMetrics,
} from "./metrics.ts";
export { mutateBytes } from "./mutation.ts";
export {
  type Clock,
  type LogFields,
  type Logger,
  type Random,
  silentLogger,
  type Timers,
} from "./ports.ts";
export { Prng } from "./prng.ts";
export { slabCopy } from "./slab.ts";
export { type TimerHost, timersOf } from "./timers.ts";
export {
  encodeMessage,
  varintSize,
  WireError,
  WireReader,
  WireTextError,
  WireWriter,
  wireType,
} from "./wire.ts";
