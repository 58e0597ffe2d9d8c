export { appliedConfiguration } from "./applied-configuration.ts";
export type * from "./contract.ts";
export { createReplica } from "./replica.ts";
