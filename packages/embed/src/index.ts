export { EmbedError, type EmbedErrorCode } from "./errors.ts";
export { type EmbeddedMember, type StartMemberOptions, startMember } from "./start-member.ts";
export { startTestCluster, TestCluster, type TestClusterOptions } from "./test-cluster.ts";
export { TestMember } from "./test-member.ts";
