/**
 * Who may call what: one row for each method, and a method without a row is not served at all.
 *
 * Source: etcd server/etcdserver/v3_server.go, api/v3rpc/maintenance.go, api/v3rpc/key.go and
 * server.go, which spread it over the services. It matters only while authentication is on.
 */
import { InvariantError, WireError, WireReader } from "@flotilla/base";

/**
 * `open`: anybody, and nobody looks at credentials. `anyone`: whoever has none, or valid ones. `user`: who
 * is known. `root`: who has the role root. `service`: the service decides by what is asked for, and
 * has to ask `Authority` before it answers.
 */
export type Access = "open" | "anyone" | "user" | "root" | "service";

/** An access, or the one that depends on the request. */
export type AccessRule = Access | ((request: Uint8Array) => Access);

// biome-ignore format: a table
const rules: Readonly<Record<string, AccessRule>> = {
  "/etcdserverpb.KV/Range":                        "service",
  "/etcdserverpb.KV/RangeStream":                  "service",
  "/etcdserverpb.KV/Put":                          "service",
  "/etcdserverpb.KV/DeleteRange":                  "service",
  "/etcdserverpb.KV/Txn":                          "service",
  "/etcdserverpb.KV/Compact":                      "root",
  "/etcdserverpb.Watch/Watch":                     "service",
  "/etcdserverpb.Lease/LeaseGrant":                "user",
  "/etcdserverpb.Lease/LeaseRevoke":               "service",
  "/etcdserverpb.Lease/LeaseKeepAlive":            "service",
  "/etcdserverpb.Lease/LeaseTimeToLive":           "service",
  "/etcdserverpb.Lease/LeaseLeases":               "service",
  "/etcdserverpb.Cluster/MemberList":              "user",
  "/etcdserverpb.Cluster/MemberAdd":               "root",
  "/etcdserverpb.Cluster/MemberRemove":            "root",
  "/etcdserverpb.Cluster/MemberUpdate":            "root",
  "/etcdserverpb.Cluster/MemberPromote":           "root",
  "/etcdserverpb.Maintenance/Alarm":               alarmAccess,
  "/etcdserverpb.Maintenance/Status":              "user",
  "/etcdserverpb.Maintenance/Defragment":          "root",
  "/etcdserverpb.Maintenance/Hash":                "root",
  "/etcdserverpb.Maintenance/HashKV":              "root",
  "/etcdserverpb.Maintenance/Snapshot":            "root",
  "/etcdserverpb.Maintenance/MoveLeader":          "root",
  "/etcdserverpb.Maintenance/Downgrade":           "root",
  "/etcdserverpb.Auth/AuthEnable":                 "service",
  "/etcdserverpb.Auth/AuthDisable":                "service",
  "/etcdserverpb.Auth/AuthStatus":                 "anyone",
  "/etcdserverpb.Auth/Authenticate":               "open",
  "/etcdserverpb.Auth/UserAdd":                    "service",
  "/etcdserverpb.Auth/UserGet":                    "service",
  "/etcdserverpb.Auth/UserList":                   "service",
  "/etcdserverpb.Auth/UserDelete":                 "service",
  "/etcdserverpb.Auth/UserChangePassword":         "service",
  "/etcdserverpb.Auth/UserGrantRole":              "service",
  "/etcdserverpb.Auth/UserRevokeRole":             "service",
  "/etcdserverpb.Auth/RoleAdd":                    "service",
  "/etcdserverpb.Auth/RoleGet":                    "service",
  "/etcdserverpb.Auth/RoleList":                   "service",
  "/etcdserverpb.Auth/RoleDelete":                 "service",
  "/etcdserverpb.Auth/RoleGrantPermission":        "service",
  "/etcdserverpb.Auth/RoleRevokePermission":       "service",
  "/v3lockpb.Lock/Lock":                           "service",
  "/v3lockpb.Lock/Unlock":                         "service",
  "/v3electionpb.Election/Campaign":               "service",
  "/v3electionpb.Election/Proclaim":               "service",
  "/v3electionpb.Election/Leader":                 "service",
  "/v3electionpb.Election/Observe":                "service",
  "/v3electionpb.Election/Resign":                 "service",
  "/grpc.health.v1.Health/Check":                  "open",
  "/grpc.health.v1.Health/List":                   "open",
  "/grpc.health.v1.Health/Watch":                  "open",
  "/flotilla.v1.Membership/Describe":              "user",
  "/flotilla.v1.Membership/Change":                "root",
};

/** The rule of a method. Throws for one that has none: it must not be served. */
export function accessRuleOf(path: string): AccessRule {
  const rule = Object.hasOwn(rules, path) ? rules[path] : undefined;
  if (rule === undefined) throw new InvariantError(`nobody has decided who may call ${path}`);
  return rule;
}

/** Looking is for all users. */
function alarmAccess(request: Uint8Array): Access {
  try {
    const reader = new WireReader(request);
    let action = 0;
    while (reader.next()) {
      if (reader.field === 1) action = reader.varint();
      else reader.skip();
    }
    return action === 0 ? "user" : "root";
  } catch (error) {
    if (error instanceof WireError) return "root";
    throw error;
  }
}
