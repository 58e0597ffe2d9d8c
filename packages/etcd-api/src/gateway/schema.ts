/**
 * The messages of etcd's API, as far as its JSON gateway needs them: one table for both directions.
 * Source: etcd api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto, api/authpb/auth.proto,
 * server/etcdserver/api/v3lock, v3election. Pure.
 *
 * | text           | meaning                                                              |
 * |----------------|----------------------------------------------------------------------|
 * | `key=1:bytes`  | field `key` with number 1; the name is the one in the proto file     |
 * | `kvs=2:*KeyValue` | repeated; a type that begins with a capital is a message or an enum |
 * | `version=4:i64\|target_union` | belongs to this oneof                                 |
 *
 * JSON spells the names as they are here, and takes them in camel case, too.
 */
import { assert } from "@flotilla/base";

/** A type that is no message and no enum. */
export type Scalar = "i64" | "u64" | "u32" | "bool" | "string" | "bytes";

/** One field of a message. */
export interface Field {
  readonly number: number;
  /** As in the proto file. */
  readonly name: string;
  /** In camel case, by which protobuf's own JSON calls it. */
  readonly camelName: string;
  readonly type:
    | { readonly kind: "scalar"; readonly scalar: Scalar }
    | { readonly kind: "enum"; readonly values: readonly string[] }
    | { readonly kind: "message"; readonly message: MessageType };
  readonly isRepeated: boolean;
  /** Of which at most one is set, full name; undefined for an ordinary field. */
  readonly oneof: string | undefined;
}

/** A message: its fields in the order of their declaration. */
export interface MessageType {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly byNumber: ReadonlyMap<number, Field>;
  /** By either name. */
  readonly byName: ReadonlyMap<string, Field>;
}

/** Value by position. */
const enums: Readonly<Record<string, readonly string[]>> = {
  SortOrder: ["NONE", "ASCEND", "DESCEND"],
  SortTarget: ["KEY", "VERSION", "CREATE", "MOD", "VALUE"],
  CompareResult: ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"],
  CompareTarget: ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"],
  EventType: ["PUT", "DELETE"],
  FilterType: ["NOPUT", "NODELETE"],
  AlarmAction: ["GET", "ACTIVATE", "DEACTIVATE"],
  AlarmType: ["NONE", "NOSPACE", "CORRUPT"],
  DowngradeAction: ["VALIDATE", "ENABLE", "CANCEL"],
  PermissionType: ["READ", "WRITE", "READWRITE"],
};

// biome-ignore format: a table
const texts = {
  Empty: "",
  /** The answer of most changes. */
  HeaderResponse: "header=1:ResponseHeader",
  ResponseHeader: "cluster_id=1:u64 member_id=2:u64 revision=3:i64 raft_term=4:u64",
  KeyValue:
    "key=1:bytes create_revision=2:i64 mod_revision=3:i64 version=4:i64 value=5:bytes lease=6:i64",
  Event: "type=1:EventType kv=2:KeyValue prev_kv=3:KeyValue",

  RangeRequest: "key=1:bytes range_end=2:bytes limit=3:i64 revision=4:i64 sort_order=5:SortOrder sort_target=6:SortTarget serializable=7:bool keys_only=8:bool count_only=9:bool min_mod_revision=10:i64 max_mod_revision=11:i64 min_create_revision=12:i64 max_create_revision=13:i64",
  RangeResponse: "header=1:ResponseHeader kvs=2:*KeyValue more=3:bool count=4:i64",
  PutRequest: "key=1:bytes value=2:bytes lease=3:i64 prev_kv=4:bool ignore_value=5:bool ignore_lease=6:bool",
  PutResponse: "header=1:ResponseHeader prev_kv=2:KeyValue",
  DeleteRangeRequest: "key=1:bytes range_end=2:bytes prev_kv=3:bool",
  DeleteRangeResponse: "header=1:ResponseHeader deleted=2:i64 prev_kvs=3:*KeyValue",
  RequestOp: "request_range=1:RangeRequest|request request_put=2:PutRequest|request request_delete_range=3:DeleteRangeRequest|request request_txn=4:TxnRequest|request",
  ResponseOp: "response_range=1:RangeResponse|response response_put=2:PutResponse|response response_delete_range=3:DeleteRangeResponse|response response_txn=4:TxnResponse|response",
  Compare: "result=1:CompareResult target=2:CompareTarget key=3:bytes version=4:i64|target_union create_revision=5:i64|target_union mod_revision=6:i64|target_union value=7:bytes|target_union lease=8:i64|target_union range_end=64:bytes",
  TxnRequest: "compare=1:*Compare success=2:*RequestOp failure=3:*RequestOp",
  TxnResponse: "header=1:ResponseHeader succeeded=2:bool responses=3:*ResponseOp",
  CompactionRequest: "revision=1:i64 physical=2:bool",

  WatchRequest: "create_request=1:WatchCreateRequest|request_union cancel_request=2:WatchCancelRequest|request_union progress_request=3:Empty|request_union",
  WatchCreateRequest: "key=1:bytes range_end=2:bytes start_revision=3:i64 progress_notify=4:bool filters=5:*FilterType prev_kv=6:bool watch_id=7:i64 fragment=8:bool",
  WatchCancelRequest: "watch_id=1:i64",
  WatchResponse: "header=1:ResponseHeader watch_id=2:i64 created=3:bool canceled=4:bool compact_revision=5:i64 cancel_reason=6:string fragment=7:bool events=11:*Event",

  LeaseGrantRequest: "TTL=1:i64 ID=2:i64",
  LeaseGrantResponse: "header=1:ResponseHeader ID=2:i64 TTL=3:i64 error=4:string",
  LeaseIdRequest: "ID=1:i64",
  LeaseKeepAliveResponse: "header=1:ResponseHeader ID=2:i64 TTL=3:i64",
  LeaseTimeToLiveRequest: "ID=1:i64 keys=2:bool",
  LeaseTimeToLiveResponse: "header=1:ResponseHeader ID=2:i64 TTL=3:i64 grantedTTL=4:i64 keys=5:*bytes",
  LeaseStatus: "ID=1:i64",
  LeaseLeasesResponse: "header=1:ResponseHeader leases=2:*LeaseStatus",

  Member: "ID=1:u64 name=2:string peerURLs=3:*string clientURLs=4:*string isLearner=5:bool",
  MemberAddRequest: "peerURLs=1:*string isLearner=2:bool",
  MemberAddResponse: "header=1:ResponseHeader member=2:Member members=3:*Member",
  MemberIdRequest: "ID=1:u64",
  MemberUpdateRequest: "ID=1:u64 peerURLs=2:*string",
  MemberListRequest: "linearizable=1:bool",
  MembersResponse: "header=1:ResponseHeader members=2:*Member",

  AlarmRequest: "action=1:AlarmAction memberID=2:u64 alarm=3:AlarmType",
  AlarmMember: "memberID=1:u64 alarm=2:AlarmType",
  AlarmResponse: "header=1:ResponseHeader alarms=2:*AlarmMember",
  DowngradeInfo: "enabled=1:bool targetVersion=2:string",
  StatusResponse: "header=1:ResponseHeader version=2:string dbSize=3:i64 leader=4:u64 raftIndex=5:u64 raftTerm=6:u64 raftAppliedIndex=7:u64 errors=8:*string dbSizeInUse=9:i64 isLearner=10:bool storageVersion=11:string dbSizeQuota=12:i64 downgradeInfo=13:DowngradeInfo",
  HashResponse: "header=1:ResponseHeader hash=2:u32",
  HashKVRequest: "revision=1:i64",
  HashKVResponse: "header=1:ResponseHeader hash=2:u32 compact_revision=3:i64 hash_revision=4:i64",
  SnapshotResponse: "header=1:ResponseHeader remaining_bytes=2:u64 blob=3:bytes version=4:string",
  MoveLeaderRequest: "targetID=1:u64",
  DowngradeRequest: "action=1:DowngradeAction version=2:string",
  DowngradeResponse: "header=1:ResponseHeader version=2:string",

  Permission: "permType=1:PermissionType key=2:bytes range_end=3:bytes",
  UserAddOptions: "no_password=1:bool",
  AuthStatusResponse: "header=1:ResponseHeader enabled=2:bool authRevision=3:u64",
  AuthenticateRequest: "name=1:string password=2:string",
  AuthenticateResponse: "header=1:ResponseHeader token=2:string",
  AuthUserAddRequest:
    "name=1:string password=2:string options=3:UserAddOptions hashedPassword=4:string",
  AuthNameRequest: "name=1:string",
  AuthRoleNameRequest: "role=1:string",
  AuthUserGetResponse: "header=1:ResponseHeader roles=2:*string",
  AuthUserListResponse: "header=1:ResponseHeader users=2:*string",
  AuthRoleListResponse: "header=1:ResponseHeader roles=2:*string",
  AuthRoleGetResponse: "header=1:ResponseHeader perm=2:*Permission",
  AuthUserChangePasswordRequest: "name=1:string password=2:string hashedPassword=3:string",
  AuthUserGrantRoleRequest: "user=1:string role=2:string",
  AuthUserRevokeRoleRequest: "name=1:string role=2:string",
  AuthRoleGrantPermissionRequest: "name=1:string perm=2:Permission",
  AuthRoleRevokePermissionRequest: "role=1:string key=2:bytes range_end=3:bytes",

  LockRequest: "name=1:bytes lease=2:i64",
  LockResponse: "header=1:ResponseHeader key=2:bytes",
  UnlockRequest: "key=1:bytes",
  LeaderKey: "name=1:bytes key=2:bytes rev=3:i64 lease=4:i64",
  CampaignRequest: "name=1:bytes lease=2:i64 value=3:bytes",
  CampaignResponse: "header=1:ResponseHeader leader=2:LeaderKey",
  ProclaimRequest: "leader=1:LeaderKey value=2:bytes",
  LeaderRequest: "name=1:bytes",
  LeaderResponse: "header=1:ResponseHeader kv=2:KeyValue",
  ResignRequest: "leader=1:LeaderKey",
} as const;

/** Name of a message in the table. */
export type MessageName = keyof typeof texts;

const scalars: ReadonlySet<string> = new Set<Scalar>([
  "i64",
  "u64",
  "u32",
  "bool",
  "string",
  "bytes",
]);

const made = new Map<string, MessageType>();

/** A message of the table. */
export function messageType(name: MessageName): MessageType {
  const known = made.get(name);
  if (known !== undefined) return known;
  const fields: Field[] = [];
  const byNumber = new Map<number, Field>();
  const byName = new Map<string, Field>();
  const message: MessageType = { name, fields, byNumber, byName };
  made.set(name, message); // Before its fields: messages may hold themselves.
  for (const text of texts[name].split(/\s+/)) {
    if (text === "") continue;
    const field = parseField(name, text);
    fields.push(field);
    byNumber.set(field.number, field);
    byName.set(field.name, field);
    byName.set(field.camelName, field);
  }
  return message;
}

function parseField(message: string, text: string): Field {
  const match = /^(\w+)=(\d+):(\*?)(\w+)(?:\|(\w+))?$/.exec(text);
  assert(match !== null, () => `gateway: field "${text}" of ${message}`);
  const [, name = "", number = "", star, type = "", oneof] = match;
  return {
    number: Number(number),
    name,
    camelName: name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    type: typeOf(type),
    isRepeated: star === "*",
    oneof: oneof === undefined ? undefined : `etcdserverpb.${message}.${oneof}`,
  };
}

function typeOf(type: string): Field["type"] {
  if (scalars.has(type)) return { kind: "scalar", scalar: type as Scalar };
  const values = enums[type];
  if (values !== undefined) return { kind: "enum", values };
  assert(type in texts, () => `gateway: there is no type ${type}`);
  return { kind: "message", message: messageType(type as MessageName) };
}
