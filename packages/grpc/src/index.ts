export type { Call, Method, ReaderCall, WriterCall } from "./call.ts";
export { defaultLimits, type GrpcLimits } from "./limits.ts";
export { Metadata } from "./metadata.ts";
export { createGrpcServer, type GrpcServer, type GrpcServerDeps } from "./server.ts";
export { GrpcError, okStatus, type Status, type StatusCode, statusCode } from "./status.ts";
export { systemTimers, type Timers } from "./timers.ts";
