/**
 * Users, roles and permissions at one moment: never changed, only replaced. Pure.
 *
 * Source of the rules: etcd server/auth/store.go. All of it is held in memory:
 * every command asks.
 */
import { emptyBytes } from "@flotilla/base";
import type { BackendReader, KeyRange } from "../contract.ts";
import { openEnd } from "../requests.ts";
import { type AuthRecord, loadAuthRecord, loadRoles, loadUsers } from "./auth-tables.ts";
import { ByName } from "./by-name.ts";
import type { AuthError, Permission, Principal, Role, User } from "./contract.ts";
import { Coverage } from "./coverage.ts";

/** The name of the user, and of the role, that may do everything. */
export const rootName = "root";

/** What a permission is asked for. */
export type KeyUse = "read" | "write";

interface AuthContent extends AuthRecord {
  readonly users: ByName<User>;
  readonly roles: ByName<Role>;
}

/** What `RoleGet` says of the role root, whatever it was granted. */
const everything: Permission = { kind: "readWrite", key: emptyBytes, rangeEnd: openEnd };

export class AuthState implements AuthContent {
  readonly isEnabled: boolean;
  readonly revision: number;
  readonly users: ByName<User>;
  readonly roles: ByName<Role>;
  /** By user, as far as somebody has asked. */
  readonly #coverage = new Map<string, Readonly<Record<KeyUse, Coverage>>>();

  constructor(content: AuthContent) {
    this.isEnabled = content.isEnabled;
    this.revision = content.revision;
    this.users = content.users;
    this.roles = content.roles;
  }

  /** As clients see a role. */
  role(name: string): Role | undefined {
    const role = this.roles.get(name);
    return role?.name === rootName ? { name: rootName, permissions: [everything] } : role;
  }

  /** What forbids a principal what only root may do. Does not ask when he was admitted, as etcd. */
  adminRefusal(principal: Principal | undefined): AuthError | undefined {
    if (!this.isEnabled) return undefined;
    if (principal === undefined || principal.user === "") return "userEmpty";
    const user = this.users.get(principal.user);
    if (user === undefined) return "userNotFound";
    return isRoot(user) ? undefined : "permissionDenied";
  }

  /** What forbids a principal to use all keys of `range`. */
  keyRefusal(
    principal: Principal | undefined,
    range: KeyRange,
    use: KeyUse,
  ): AuthError | undefined {
    const reach = this.reachOf(principal, use);
    if (reach === "everything") return undefined;
    if (typeof reach === "string") return reach;
    return reach.covers(range) ? undefined : "permissionDenied";
  }

  /** The keys that a principal may use, or what forbids him all of them; in etcd's order. */
  reachOf(principal: Principal | undefined, use: KeyUse): Coverage | "everything" | AuthError {
    if (!this.isEnabled) return "everything";
    if (principal === undefined || principal.authRevision === 0) return "userEmpty";
    if (principal.authRevision < this.revision) return "authOldRevision";
    const user = this.users.get(principal.user);
    if (user === undefined) return "permissionDenied";
    return isRoot(user) ? "everything" : this.#coverageOf(user)[use];
  }

  #coverageOf(user: User): Readonly<Record<KeyUse, Coverage>> {
    let coverage = this.#coverage.get(user.name);
    if (coverage !== undefined) return coverage;
    const permissions = user.roles.flatMap((role) => this.roles.get(role)?.permissions ?? []);
    coverage = {
      read: new Coverage(permissions.filter(({ kind }) => kind !== "write")),
      write: new Coverage(permissions.filter(({ kind }) => kind !== "read")),
    };
    this.#coverage.set(user.name, coverage);
    return coverage;
  }
}

/** Throws `WireError` when what is there is damaged. */
export function loadAuth(reader: BackendReader): AuthState {
  return new AuthState({
    ...loadAuthRecord(reader),
    users: ByName.of(loadUsers(reader)),
    roles: ByName.of(loadRoles(reader)),
  });
}

/** Of an empty store. */
export const initialAuth: AuthState = new AuthState({
  isEnabled: false,
  revision: 1,
  users: ByName.of<User>([]),
  roles: ByName.of<Role>([]),
});

/** True for a user who may do everything. */
export function isRoot(user: User): boolean {
  return user.roles.includes(rootName);
}
