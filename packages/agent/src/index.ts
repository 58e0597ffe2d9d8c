export { type Agent, type AgentOptions, startAgent } from "./agent.ts";
export { AgentError, type AgentErrorCode } from "./errors.ts";
export { portsAnnotation } from "./pods/pod-status.ts";
export { markerVariable } from "./runtimes/process.ts";
export { workloadProcesses } from "./runtimes/workload-processes.ts";
