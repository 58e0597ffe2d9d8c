/** What `Maintenance/Status` says. Pure. */
import type { Json, Message } from "./protobuf.ts";

/** The id of the member that says it. */
export function idOf(status: Message | undefined): Json | undefined {
  return (status?.["header"] as Message | undefined)?.["member_id"];
}
