/**
 * What the JSON gateway serves: path -> method, and the messages that go in and come out. Source:
 * the http annotations of etcd's proto files. Every path takes POST.
 */
import { type MessageName, type MessageType, messageType } from "./schema.ts";

/** One path of the gateway. */
export interface Route {
  /** Of the gRPC method. */
  readonly method: string;
  readonly request: MessageType;
  readonly response: MessageType;
}

type Row = readonly [path: string, method: string, request: MessageName, response: MessageName];

// biome-ignore format: a table
const rows: readonly Row[] = [
  ["kv/range", "KV/Range", "RangeRequest", "RangeResponse"],
  ["kv/put", "KV/Put", "PutRequest", "PutResponse"],
  ["kv/deleterange", "KV/DeleteRange", "DeleteRangeRequest", "DeleteRangeResponse"],
  ["kv/txn", "KV/Txn", "TxnRequest", "TxnResponse"],
  ["kv/compaction", "KV/Compact", "CompactionRequest", "HeaderResponse"],
  ["watch", "Watch/Watch", "WatchRequest", "WatchResponse"],
  ["lease/grant", "Lease/LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse"],
  ["lease/revoke", "Lease/LeaseRevoke", "LeaseIdRequest", "HeaderResponse"],
  ["kv/lease/revoke", "Lease/LeaseRevoke", "LeaseIdRequest", "HeaderResponse"],
  ["lease/keepalive", "Lease/LeaseKeepAlive", "LeaseIdRequest", "LeaseKeepAliveResponse"],
  ["lease/timetolive", "Lease/LeaseTimeToLive", "LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse"],
  ["kv/lease/timetolive", "Lease/LeaseTimeToLive", "LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse"],
  ["lease/leases", "Lease/LeaseLeases", "Empty", "LeaseLeasesResponse"],
  ["kv/lease/leases", "Lease/LeaseLeases", "Empty", "LeaseLeasesResponse"],
  ["cluster/member/add", "Cluster/MemberAdd", "MemberAddRequest", "MemberAddResponse"],
  ["cluster/member/remove", "Cluster/MemberRemove", "MemberIdRequest", "MembersResponse"],
  ["cluster/member/update", "Cluster/MemberUpdate", "MemberUpdateRequest", "MembersResponse"],
  ["cluster/member/list", "Cluster/MemberList", "MemberListRequest", "MembersResponse"],
  ["cluster/member/promote", "Cluster/MemberPromote", "MemberIdRequest", "MembersResponse"],
  ["maintenance/alarm", "Maintenance/Alarm", "AlarmRequest", "AlarmResponse"],
  ["maintenance/status", "Maintenance/Status", "Empty", "StatusResponse"],
  ["maintenance/defragment", "Maintenance/Defragment", "Empty", "HeaderResponse"],
  ["maintenance/hash", "Maintenance/Hash", "Empty", "HashResponse"],
  ["maintenance/hashkv", "Maintenance/HashKV", "HashKVRequest", "HashKVResponse"],
  ["maintenance/snapshot", "Maintenance/Snapshot", "Empty", "SnapshotResponse"],
  ["maintenance/transfer-leadership", "Maintenance/MoveLeader", "MoveLeaderRequest", "HeaderResponse"],
  ["maintenance/downgrade", "Maintenance/Downgrade", "DowngradeRequest", "DowngradeResponse"],
  ["auth/enable", "Auth/AuthEnable", "Empty", "HeaderResponse"],
  ["auth/disable", "Auth/AuthDisable", "Empty", "HeaderResponse"],
  ["auth/status", "Auth/AuthStatus", "Empty", "AuthStatusResponse"],
  ["auth/authenticate", "Auth/Authenticate", "AuthenticateRequest", "AuthenticateResponse"],
  ["auth/user/add", "Auth/UserAdd", "AuthUserAddRequest", "HeaderResponse"],
  ["auth/user/get", "Auth/UserGet", "AuthNameRequest", "AuthUserGetResponse"],
  ["auth/user/list", "Auth/UserList", "Empty", "AuthUserListResponse"],
  ["auth/user/delete", "Auth/UserDelete", "AuthNameRequest", "HeaderResponse"],
  ["auth/user/changepw", "Auth/UserChangePassword", "AuthUserChangePasswordRequest", "HeaderResponse"],
  ["auth/user/grant", "Auth/UserGrantRole", "AuthUserGrantRoleRequest", "HeaderResponse"],
  ["auth/user/revoke", "Auth/UserRevokeRole", "AuthUserRevokeRoleRequest", "HeaderResponse"],
  ["auth/role/add", "Auth/RoleAdd", "AuthNameRequest", "HeaderResponse"],
  ["auth/role/get", "Auth/RoleGet", "AuthRoleNameRequest", "AuthRoleGetResponse"],
  ["auth/role/list", "Auth/RoleList", "Empty", "AuthRoleListResponse"],
  ["auth/role/delete", "Auth/RoleDelete", "AuthRoleNameRequest", "HeaderResponse"],
  ["auth/role/grant", "Auth/RoleGrantPermission", "AuthRoleGrantPermissionRequest", "HeaderResponse"],
  ["auth/role/revoke", "Auth/RoleRevokePermission", "AuthRoleRevokePermissionRequest", "HeaderResponse"],
  ["lock/lock", "/v3lockpb.Lock/Lock", "LockRequest", "LockResponse"],
  ["lock/unlock", "/v3lockpb.Lock/Unlock", "UnlockRequest", "HeaderResponse"],
  ["election/campaign", "/v3electionpb.Election/Campaign", "CampaignRequest", "CampaignResponse"],
  ["election/proclaim", "/v3electionpb.Election/Proclaim", "ProclaimRequest", "HeaderResponse"],
  ["election/leader", "/v3electionpb.Election/Leader", "LeaderRequest", "LeaderResponse"],
  ["election/observe", "/v3electionpb.Election/Observe", "LeaderRequest", "LeaderResponse"],
  ["election/resign", "/v3electionpb.Election/Resign", "ResignRequest", "HeaderResponse"],
];

/** By the path that follows `/v3/`. */
export const gatewayRoutes: ReadonlyMap<string, Route> = new Map(
  rows.map(([path, method, request, response]) => [
    path,
    {
      method: method.startsWith("/") ? method : `/etcdserverpb.${method}`,
      request: messageType(request),
      response: messageType(response),
    },
  ]),
);
