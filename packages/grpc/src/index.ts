export {
  type Call,
  collectMessage,
  type HttpCall,
  type HttpHandler,
  type HttpRequestHead,
  type Message,
  type MessageInParts,
  type Method,
  type MethodObserver,
  type ReaderCall,
  type WriterCall,
} from "./call.ts";
export type { HeaderField } from "./hpack-static-table.ts";
export { defaultLimits, type GrpcLimits } from "./limits.ts";
export { Metadata } from "./metadata.ts";
export {
  type AcceptOptions,
  createGrpcServer,
  type GrpcServer,
  type GrpcServerDeps,
} from "./server.ts";
export { GrpcError, okStatus, type Status, type StatusCode, statusCode } from "./status.ts";
export { systemTimers, type Timers } from "./timers.ts";
