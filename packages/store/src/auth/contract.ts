/**
 * Who may do what: etcd's users, roles and permissions (etcd server/auth/store.go, api/authpb/auth.proto).
 *
 * Replicated like everything else: changes are commands of the log, and what a request may touch is
 * decided where it is applied, by the state there. Passwords come hashed: nothing here, and nothing in
 * the log, ever sees one.
 */
import type { KeyRange, RangeRequest, TxnRequest } from "../contract.ts";

/** `rangeEnd` as in {@link KeyRange}; a permission on a single key never covers a range. */
export interface Permission extends KeyRange {
  readonly kind: "read" | "write" | "readWrite";
}

export interface User {
  readonly name: string;
  /** bcrypt, as text; empty when {@link hasNoPassword}, who comes by certificate only. */
  readonly passwordHash: string;
  readonly hasNoPassword: boolean;
  /** Sorted. */
  readonly roles: readonly string[];
}

export interface Role {
  readonly name: string;
  /** Sorted by key; those of one key in the order in which they were granted. Of `root` one that reads and writes everything. */
  readonly permissions: readonly Permission[];
}

/** Who asks, and by which revision of users, roles and permissions he was admitted. */
export interface Principal {
  readonly user: string;
  readonly authRevision: number;
}

/**
 * On whose behalf a command is proposed. "cluster": the members themselves, whom nothing is forbidden:
 * they let leases expire, say where they are reached, and serve other doors that know their users.
 */
export type Requester = Principal | "cluster";

/** Changes of users, roles and permissions; all but `authEnable` and `authenticate` move the auth revision. */
export type AuthCommand =
  | { readonly kind: "authEnable" }
  | { readonly kind: "authDisable" }
  | {
      /** Says under the name of which token the user is known from here on, at every member. */
      readonly kind: "authenticate";
      readonly user: string;
      /** By which the password was compared; the store refuses with `authOldRevision` at another one. */
      readonly authRevision: number;
      /** 16 letters; the token is that, a point, and the entry's index. Empty: only the check. */
      readonly tokenPrefix: string;
    }
  | {
      readonly kind: "userAdd";
      readonly name: string;
      readonly passwordHash: string;
      readonly hasNoPassword: boolean;
    }
  | { readonly kind: "userDelete"; readonly name: string }
  | { readonly kind: "userChangePassword"; readonly name: string; readonly passwordHash: string }
  | { readonly kind: "userGrantRole"; readonly name: string; readonly role: string }
  | { readonly kind: "userRevokeRole"; readonly name: string; readonly role: string }
  | { readonly kind: "roleAdd"; readonly name: string }
  | { readonly kind: "roleDelete"; readonly name: string }
  | {
      readonly kind: "roleGrantPermission";
      readonly name: string;
      readonly permission: Permission;
    }
  | { readonly kind: "roleRevokePermission"; readonly name: string; readonly range: KeyRange };

export type AuthResult =
  | { readonly kind: "authenticate"; readonly revision: number; readonly token: string }
  /** Any other {@link AuthCommand}. */
  | { readonly kind: "auth"; readonly revision: number };

/** Named as etcd's errors are; see the table in etcd-api. */
export type AuthError =
  | "rootUserNotExist"
  | "rootRoleNotExist"
  | "userAlreadyExists"
  | "userEmpty"
  | "userNotFound"
  | "roleAlreadyExists"
  | "roleNotFound"
  | "roleEmpty"
  | "authFailed"
  | "permissionNotGiven"
  | "permissionDenied"
  | "roleNotGranted"
  | "permissionNotGranted"
  | "authNotEnabled"
  | "invalidAuthManagement"
  | "authOldRevision";

/** What a request that changes nothing touches. */
export type ReadAccess =
  | { readonly kind: "range"; readonly request: RangeRequest }
  | { readonly kind: "txn"; readonly request: TxnRequest }
  /** A watch. */
  | { readonly kind: "read"; readonly range: KeyRange }
  /** `LeaseTimeToLive` with keys, `LeaseLeases`: reading every key that is attached; `keys`: as the leader knows them. */
  | { readonly kind: "leaseKeys"; readonly id: bigint; readonly keys?: readonly Uint8Array[] }
  /** A renewal: writing every key that is attached. */
  | { readonly kind: "leaseRenew"; readonly id: bigint }
  /** What only root may ask. */
  | { readonly kind: "admin" };

/** The read side. Local state, as all of `StoreReader`. */
export interface AuthReader {
  readonly isEnabled: boolean;
  /** 1 before anything was changed. */
  readonly revision: number;
  /** Sorted by name. */
  users(): readonly string[];
  roles(): readonly string[];
  user(name: string): User | undefined;
  role(name: string): Role | undefined;
  /**
   * What forbids `access` to `principal`; undefined: nothing does, or auth is off. Commands are judged
   * the same way when they are applied, by `Proposal.principal`.
   */
  refusal(principal: Principal | undefined, access: ReadAccess): AuthError | undefined;
}

/** What members keep beside the log has to follow. Told after the write that did it. */
export type AuthEvent =
  | { readonly kind: "token"; readonly user: string; readonly token: string }
  /** Its tokens are void: deleted, or with another password. */
  | { readonly kind: "userChanged"; readonly user: string }
  /** All tokens are void: auth is off, or the whole state was replaced. */
  | { readonly kind: "reset" };
