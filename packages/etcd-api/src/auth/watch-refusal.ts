/** Why somebody may not watch, in the words of etcd: those of its errors within the server. */
import type { Call } from "@flotilla/grpc";
import type { KeyRange } from "@flotilla/store";
import { RpcError, type RpcErrorKey, rpcErrors } from "../errors.ts";
import type { Authority } from "./authority.ts";

/** Codes as Go's gRPC prints them. */
const codeNames: Partial<Record<RpcErrorKey, string>> = {
  invalidAuthToken: "Unauthenticated",
  authOldRevision: "InvalidArgument",
  userEmpty: "InvalidArgument",
  permissionDenied: "PermissionDenied",
};

/** The reason by which the watch is cancelled; undefined: he may. */
export async function watchRefusal(
  authority: Authority,
  call: Call,
  range: KeyRange,
): Promise<string | undefined> {
  try {
    await authority.permit(call, { kind: "read", range });
    return undefined;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const key = codeNames[error.key] === undefined ? "permissionDenied" : error.key;
    return `rpc error: code = ${codeNames[key]} desc = ${rpcErrors[key][1]}`;
  }
}
