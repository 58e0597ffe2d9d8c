/** Every bound and every pace of this package. Times in milliseconds. */

/** Until a member serves, and until a cluster has a leader. */
export const startMs = 20_000;
/** Between two looks for a leader. */
export const lookMs = 20;
/** Members of a test cluster. */
export const membersMax = 9;
/** What is kept of a member's log. */
export const logCharsMax: number = 64 * 1024;
/** Calls may go on for so long while a member stops. */
export const stopGraceMs = 200;
/** A member that does not stop by itself is killed after this. */
export const stopMs = 5_000;
/** Heartbeats and elections of members on one machine: a leader's death costs a second at most. */
export const heartbeatMsDefault = 50;
export const electionMsDefault = 500;
/** A member that is alone has nobody whom it could disturb. */
export const soloHeartbeatMs = 20;
export const soloElectionMs = 100;
/** How often it is tried to remove what several processes remove at once. */
export const removalTriesMax = 1_000;
/** For the port of a member that starts again. */
export const portTriesMax = 30;
export const portPauseMs = 100;
