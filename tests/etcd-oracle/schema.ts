/**
 * etcd's messages, written down by hand for this test alone, so that a mistake in the server's own
 * codecs cannot hide in a mistake of the judge's. Pure data.
 *
 * One line per message: `name=number:type`, `*` for repeated. Source: etcd api/etcdserverpb/rpc.proto,
 * api/mvccpb/kv.proto, api/authpb/auth.proto, server/etcdserver/api/v3lock and v3election.
 */

const messageLines = `
ResponseHeader: cluster_id=1:uint64 member_id=2:uint64 revision=3:int64 raft_term=4:uint64
KeyValue: key=1:bytes create_revision=2:int64 mod_revision=3:int64 version=4:int64 value=5:bytes lease=6:int64
Event: type=1:enum kv=2:KeyValue prev_kv=3:KeyValue
RangeRequest: key=1:bytes range_end=2:bytes limit=3:int64 revision=4:int64 sort_order=5:enum sort_target=6:enum serializable=7:bool keys_only=8:bool count_only=9:bool min_mod_revision=10:int64 max_mod_revision=11:int64 min_create_revision=12:int64 max_create_revision=13:int64
RangeResponse: header=1:ResponseHeader kvs=2:KeyValue* more=3:bool count=4:int64
RangeStreamResponse: range_response=1:RangeResponse
PutRequest: key=1:bytes value=2:bytes lease=3:int64 prev_kv=4:bool ignore_value=5:bool ignore_lease=6:bool
PutResponse: header=1:ResponseHeader prev_kv=2:KeyValue
DeleteRangeRequest: key=1:bytes range_end=2:bytes prev_kv=3:bool
DeleteRangeResponse: header=1:ResponseHeader deleted=2:int64 prev_kvs=3:KeyValue*
RequestOp: request_range=1:RangeRequest request_put=2:PutRequest request_delete_range=3:DeleteRangeRequest request_txn=4:TxnRequest
ResponseOp: response_range=1:RangeResponse response_put=2:PutResponse response_delete_range=3:DeleteRangeResponse response_txn=4:TxnResponse
Compare: result=1:enum target=2:enum key=3:bytes version=4:int64! create_revision=5:int64! mod_revision=6:int64! value=7:bytes! lease=8:int64! range_end=64:bytes
TxnRequest: compare=1:Compare* success=2:RequestOp* failure=3:RequestOp*
TxnResponse: header=1:ResponseHeader succeeded=2:bool responses=3:ResponseOp*
CompactionRequest: revision=1:int64 physical=2:bool
CompactionResponse: header=1:ResponseHeader
WatchRequest: create_request=1:WatchCreateRequest cancel_request=2:WatchCancelRequest progress_request=3:Empty
WatchCreateRequest: key=1:bytes range_end=2:bytes start_revision=3:int64 progress_notify=4:bool filters=5:enum* prev_kv=6:bool watch_id=7:int64 fragment=8:bool
WatchCancelRequest: watch_id=1:int64
WatchResponse: header=1:ResponseHeader watch_id=2:int64 created=3:bool canceled=4:bool compact_revision=5:int64 cancel_reason=6:string fragment=7:bool events=11:Event*
Empty:
HeaderResponse: header=1:ResponseHeader
LeaseGrantRequest: TTL=1:int64 ID=2:int64
LeaseGrantResponse: header=1:ResponseHeader ID=2:int64 TTL=3:int64 error=4:string
LeaseRequest: ID=1:int64 keys=2:bool
LeaseKeepAliveResponse: header=1:ResponseHeader ID=2:int64 TTL=3:int64
LeaseTimeToLiveResponse: header=1:ResponseHeader ID=2:int64 TTL=3:int64 grantedTTL=4:int64 keys=5:bytes*
LeaseLeasesResponse: header=1:ResponseHeader leases=2:LeaseStatus*
LeaseStatus: ID=1:int64
Member: ID=1:uint64 name=2:string peerURLs=3:string* clientURLs=4:string* isLearner=5:bool
MemberAddRequest: peerURLs=1:string* isLearner=2:bool
MemberAddResponse: header=1:ResponseHeader member=2:Member members=3:Member*
MemberUpdateRequest: ID=1:uint64 peerURLs=2:string*
MemberIdRequest: ID=1:uint64
MemberListRequest: linearizable=1:bool
MembersResponse: header=1:ResponseHeader members=2:Member*
StatusResponse: header=1:ResponseHeader version=2:string dbSize=3:int64 leader=4:uint64 raftIndex=5:uint64 raftTerm=6:uint64 raftAppliedIndex=7:uint64 errors=8:string* dbSizeInUse=9:int64 isLearner=10:bool storageVersion=11:string dbSizeQuota=12:int64 downgradeInfo=13:DowngradeInfo
DowngradeInfo: enabled=1:bool targetVersion=2:string
SnapshotResponse: header=1:ResponseHeader remaining_bytes=2:uint64 blob=3:bytes version=4:string
HashResponse: header=1:ResponseHeader hash=2:uint32
HashKVRequest: revision=1:int64
HashKVResponse: header=1:ResponseHeader hash=2:uint32 compact_revision=3:int64 hash_revision=4:int64
AlarmRequest: action=1:enum memberID=2:uint64 alarm=3:enum
AlarmMember: memberID=1:uint64 alarm=2:enum
AlarmResponse: header=1:ResponseHeader alarms=2:AlarmMember*
MoveLeaderRequest: targetID=1:uint64
DowngradeRequest: action=1:enum version=2:string
DowngradeResponse: header=1:ResponseHeader version=2:string
HealthRequest: service=1:string
HealthResponse: status=1:enum
HealthEntry: key=1:string value=2:HealthResponse
HealthListResponse: statuses=1:HealthEntry*
AuthStatusResponse: header=1:ResponseHeader enabled=2:bool authRevision=3:uint64
AuthenticateRequest: name=1:string password=2:string
AuthenticateResponse: header=1:ResponseHeader token=2:string
UserAddOptions: no_password=1:bool
AuthUserAddRequest: name=1:string password=2:string options=3:UserAddOptions hashedPassword=4:string
NameRequest: name=1:string
RoleRequest: role=1:string
AuthUserGetResponse: header=1:ResponseHeader roles=2:string*
AuthUserChangePasswordRequest: name=1:string password=2:string hashedPassword=3:string
AuthUserGrantRoleRequest: user=1:string role=2:string
AuthUserRevokeRoleRequest: name=1:string role=2:string
Permission: permType=1:enum key=2:bytes range_end=3:bytes
AuthRoleGetResponse: header=1:ResponseHeader perm=2:Permission*
AuthUserListResponse: header=1:ResponseHeader users=2:string*
AuthRoleListResponse: header=1:ResponseHeader roles=2:string*
AuthRoleGrantPermissionRequest: name=1:string perm=2:Permission
AuthRoleRevokePermissionRequest: role=1:string key=2:bytes range_end=3:bytes
LockRequest: name=1:bytes lease=2:int64
LockResponse: header=1:ResponseHeader key=2:bytes
UnlockRequest: key=1:bytes
LeaderKey: name=1:bytes key=2:bytes rev=3:int64 lease=4:int64
CampaignRequest: name=1:bytes lease=2:int64 value=3:bytes
CampaignResponse: header=1:ResponseHeader leader=2:LeaderKey
LeaderRequest: name=1:bytes
LeaderResponse: header=1:ResponseHeader kv=2:KeyValue
ProclaimRequest: leader=1:LeaderKey value=2:bytes
ResignRequest: leader=1:LeaderKey
`;

/** How a call is made: one request and answer, one request and many answers, or both sides many. */
export type CallKind = "unary" | "serverStream" | "bidi";

const methodLines = `
KV/Range RangeRequest RangeResponse
KV/RangeStream RangeRequest RangeStreamResponse serverStream
KV/Put PutRequest PutResponse
KV/DeleteRange DeleteRangeRequest DeleteRangeResponse
KV/Txn TxnRequest TxnResponse
KV/Compact CompactionRequest CompactionResponse
Watch/Watch WatchRequest WatchResponse bidi
Lease/LeaseGrant LeaseGrantRequest LeaseGrantResponse
Lease/LeaseRevoke LeaseRequest HeaderResponse
Lease/LeaseKeepAlive LeaseRequest LeaseKeepAliveResponse bidi
Lease/LeaseTimeToLive LeaseRequest LeaseTimeToLiveResponse
Lease/LeaseLeases Empty LeaseLeasesResponse
Cluster/MemberAdd MemberAddRequest MemberAddResponse
Cluster/MemberRemove MemberIdRequest MembersResponse
Cluster/MemberUpdate MemberUpdateRequest MembersResponse
Cluster/MemberList MemberListRequest MembersResponse
Cluster/MemberPromote MemberIdRequest MembersResponse
Maintenance/Alarm AlarmRequest AlarmResponse
Maintenance/Status Empty StatusResponse
Maintenance/Defragment Empty HeaderResponse
Maintenance/Snapshot Empty SnapshotResponse serverStream
Maintenance/Hash Empty HashResponse
Maintenance/HashKV HashKVRequest HashKVResponse
Maintenance/MoveLeader MoveLeaderRequest HeaderResponse
Maintenance/Downgrade DowngradeRequest DowngradeResponse
Auth/AuthEnable Empty HeaderResponse
Auth/AuthDisable Empty HeaderResponse
Auth/AuthStatus Empty AuthStatusResponse
Auth/Authenticate AuthenticateRequest AuthenticateResponse
Auth/UserAdd AuthUserAddRequest HeaderResponse
Auth/UserGet NameRequest AuthUserGetResponse
Auth/UserList Empty AuthUserListResponse
Auth/UserDelete NameRequest HeaderResponse
Auth/UserChangePassword AuthUserChangePasswordRequest HeaderResponse
Auth/UserGrantRole AuthUserGrantRoleRequest HeaderResponse
Auth/UserRevokeRole AuthUserRevokeRoleRequest HeaderResponse
Auth/RoleAdd NameRequest HeaderResponse
Auth/RoleGet RoleRequest AuthRoleGetResponse
Auth/RoleList Empty AuthRoleListResponse
Auth/RoleDelete RoleRequest HeaderResponse
Auth/RoleGrantPermission AuthRoleGrantPermissionRequest HeaderResponse
Auth/RoleRevokePermission AuthRoleRevokePermissionRequest HeaderResponse
Lock/Lock LockRequest LockResponse
Lock/Unlock UnlockRequest HeaderResponse
Election/Campaign CampaignRequest CampaignResponse
Election/Proclaim ProclaimRequest HeaderResponse
Election/Leader LeaderRequest LeaderResponse
Election/Observe LeaderRequest LeaderResponse bidi
Election/Resign ResignRequest HeaderResponse
Health/Check HealthRequest HealthResponse
Health/List Empty HealthListResponse
Health/Watch HealthRequest HealthResponse bidi
`;

export interface Field {
  readonly name: string;
  readonly number: number;
  /** A scalar's, or the name of a message. */
  readonly type: string;
  readonly repeated: boolean;
  /** Member of a oneof of scalars: written also when it is zero. */
  readonly present: boolean;
}

export interface MethodShape {
  readonly path: string;
  readonly request: string;
  readonly response: string;
  readonly kind: CallKind;
}

function parseField(text: string): Field {
  const [, name = "", number = "", type = "", mark = ""] =
    /^(\w+)=(\d+):(\w+)([*!]?)$/.exec(text) ?? [];
  if (name === "") throw new Error(`not a field: ${text}`);
  return { name, number: Number(number), type, repeated: mark === "*", present: mark === "!" };
}

/** Fields of every message, by its name. */
export const messages: ReadonlyMap<string, readonly Field[]> = new Map(
  messageLines
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", fields = ""] = line.split(":", 1).concat(line.slice(line.indexOf(":") + 1));
      return [name, fields.trim().split(" ").filter(Boolean).map(parseField)] as const;
    }),
);

const packages: Readonly<Record<string, string>> = {
  Lock: "v3lockpb",
  Election: "v3electionpb",
  Health: "grpc.health.v1",
};

/** Every method by its short name, such as `KV/Range`. */
export const methods: ReadonlyMap<string, MethodShape> = new Map(
  methodLines
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", request = "", response = "", kind = "unary"] = line.split(" ");
      const service = name.split("/")[0] ?? "";
      const path = `/${packages[service] ?? "etcdserverpb"}.${name}`;
      return [name, { path, request, response, kind: kind as CallKind }] as const;
    }),
);

/** Throws when the table has no such method. */
export function methodOf(name: string): MethodShape {
  const method = methods.get(name);
  if (method === undefined) throw new Error(`no method ${name}`);
  return method;
}
