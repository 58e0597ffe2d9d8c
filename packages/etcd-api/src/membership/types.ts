/** The engine's words for who takes part, as far as the member's port speaks them. */
import type { ChangeMembersOutcome, Member } from "@flotilla/member";

/** One step of a change. */
export type ConfigurationChange = Parameters<Member["changeMembers"]>[0][number];
/** The leader's own view. */
export type EngineStatus = NonNullable<Awaited<ReturnType<Member["clusterStatus"]>>>;
/** Who takes part. */
export type Configuration = EngineStatus["configuration"];
/** Why a change is not made. */
export type ChangeRefusal = Extract<ChangeMembersOutcome, { readonly kind: "refused" }>["reason"];
/** A member as the engine names it. */
export type NodeId = Configuration["learners"][number];
