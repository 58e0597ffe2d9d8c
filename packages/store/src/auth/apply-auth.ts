/**
 * Changes of users, roles and permissions. Pure apart from the writer that it is given.
 *
 * Source: etcd server/auth/store.go, which also gives the order in which refusals are found.
 */
import { assertNever, compareBytes, equalBytes } from "@flotilla/base";
import type { BackendWriter, KeyRange } from "../contract.ts";
import { boundsOf, isEmptyBounds } from "../key-range.ts";
import { AuthState, isRoot, rootName } from "./auth-state.ts";
import { removeRole, removeUser, saveAuthRecord, saveRole, saveUser } from "./auth-tables.ts";
import { compareNames } from "./by-name.ts";
import type { AuthCommand, AuthError, AuthEvent, Permission, Role, User } from "./contract.ts";

/** What became of a command. `token`: of `authenticate`. */
export interface AuthOutcome {
  readonly state: AuthState;
  readonly token?: string;
  readonly event?: AuthEvent;
}

type Content = ConstructorParameters<typeof AuthState>[0];
type Of<Kind extends AuthCommand["kind"]> = Extract<AuthCommand, { readonly kind: Kind }>;

/** Applies the command of the entry at `index`; a refusal has changed nothing. */
export function applyAuth(
  writer: BackendWriter,
  state: AuthState,
  command: AuthCommand,
  index: number,
): AuthOutcome | AuthError {
  switch (command.kind) {
    case "authEnable":
      return enable(writer, state);
    case "authDisable":
      return disable(writer, state);
    case "authenticate":
      return authenticate(state, command, index);
    case "userAdd":
      return addUser(writer, state, command);
    case "userDelete":
      return deleteUser(writer, state, command.name);
    case "userChangePassword":
      return changePassword(writer, state, command);
    case "userGrantRole":
      return grantRole(writer, state, command);
    case "userRevokeRole":
      return revokeRole(writer, state, command);
    case "roleAdd":
      return addRole(writer, state, command.name);
    case "roleDelete":
      return deleteRole(writer, state, command.name);
    case "roleGrantPermission":
      return grantPermission(writer, state, command);
    case "roleRevokePermission":
      return revokePermission(writer, state, command);
    default:
      return assertNever(command);
  }
}

/** Does not move the revision: whoever was admitted before stays so. */
function enable(writer: BackendWriter, state: AuthState): AuthOutcome | AuthError {
  if (state.isEnabled) return { state };
  const root = state.users.get(rootName);
  if (root === undefined) return "rootUserNotExist";
  if (!isRoot(root)) return "rootRoleNotExist";
  const { revision, users, roles } = state;
  saveAuthRecord(writer, { isEnabled: true, revision });
  return { state: new AuthState({ isEnabled: true, revision, users, roles }) };
}

function disable(writer: BackendWriter, state: AuthState): AuthOutcome {
  if (!state.isEnabled) return { state };
  return { ...changed(writer, state, { isEnabled: false }), event: { kind: "reset" } };
}

/** The password was compared by whoever proposed this, at the revision that the command names. */
function authenticate(
  state: AuthState,
  { user: name, authRevision, tokenPrefix }: Of<"authenticate">,
  index: number,
): AuthOutcome | AuthError {
  if (!state.isEnabled) return "authNotEnabled";
  const user = state.users.get(name);
  if (user === undefined || user.hasNoPassword) return "authFailed";
  if (authRevision !== state.revision) return "authOldRevision";
  if (tokenPrefix === "") return { state, token: "" };
  const token = `${tokenPrefix}.${index}`;
  return { state, token, event: { kind: "token", user: name, token } };
}

function addUser(
  writer: BackendWriter,
  state: AuthState,
  { name, passwordHash, hasNoPassword }: Of<"userAdd">,
): AuthOutcome | AuthError {
  if (name === "") return "userEmpty";
  if (state.users.has(name)) return "userAlreadyExists";
  const password = hasNoPassword ? "" : passwordHash;
  return putUser(writer, state, { name, passwordHash: password, hasNoPassword, roles: [] });
}

function deleteUser(
  writer: BackendWriter,
  state: AuthState,
  name: string,
): AuthOutcome | AuthError {
  if (state.isEnabled && name === rootName) return "invalidAuthManagement";
  if (!state.users.has(name)) return "userNotFound";
  removeUser(writer, name);
  const users = state.users.without(name);
  return { ...changed(writer, state, { users }), event: { kind: "userChanged", user: name } };
}

function changePassword(
  writer: BackendWriter,
  state: AuthState,
  { name, passwordHash }: Of<"userChangePassword">,
): AuthOutcome | AuthError {
  const user = state.users.get(name);
  if (user === undefined) return "userNotFound";
  const next = user.hasNoPassword ? user : { ...user, passwordHash };
  return { ...putUser(writer, state, next), event: { kind: "userChanged", user: name } };
}

function grantRole(
  writer: BackendWriter,
  state: AuthState,
  { name, role }: Of<"userGrantRole">,
): AuthOutcome | AuthError {
  const user = state.users.get(name);
  if (user === undefined) return "userNotFound";
  // Root means the same whether it was added or not.
  if (role !== rootName && !state.roles.has(role)) return "roleNotFound";
  if (user.roles.includes(role)) return { state };
  const roles = [...user.roles, role].sort(compareNames);
  return putUser(writer, state, { ...user, roles });
}

function revokeRole(
  writer: BackendWriter,
  state: AuthState,
  { name, role }: Of<"userRevokeRole">,
): AuthOutcome | AuthError {
  const isLast = name === rootName && role === rootName;
  if (state.isEnabled && isLast) return "invalidAuthManagement";
  const user = state.users.get(name);
  if (user === undefined) return "userNotFound";
  if (!user.roles.includes(role)) return "roleNotGranted";
  return putUser(writer, state, withoutRole(user, role));
}

function addRole(writer: BackendWriter, state: AuthState, name: string): AuthOutcome | AuthError {
  if (name === "") return "roleEmpty";
  if (state.roles.has(name)) return "roleAlreadyExists";
  return putRole(writer, state, { name, permissions: [] });
}

/** Takes it from all who have it, too. */
function deleteRole(
  writer: BackendWriter,
  state: AuthState,
  name: string,
): AuthOutcome | AuthError {
  if (state.isEnabled && name === rootName) return "invalidAuthManagement";
  if (!state.roles.has(name)) return "roleNotFound";
  removeRole(writer, name);
  let { users } = state;
  for (const user of state.users.values()) {
    if (!user.roles.includes(name)) continue;
    const next = withoutRole(user, name);
    saveUser(writer, next);
    users = users.with(next);
  }
  return changed(writer, state, { roles: state.roles.without(name), users });
}

function grantPermission(
  writer: BackendWriter,
  state: AuthState,
  { name, permission }: Of<"roleGrantPermission">,
): AuthOutcome | AuthError {
  if (permission.key.length === 0 || isEmptyBounds(boundsOf(permission))) {
    return "invalidAuthManagement";
  }
  const role = state.roles.get(name);
  if (role === undefined) return "roleNotFound";
  // As etcd: of several with the same key only the first can be replaced; another one of the same range
  // comes beside what it was to replace, and both hold.
  const at = role.permissions.findIndex(({ key }) => equalBytes(key, permission.key));
  const first = role.permissions[at];
  const permissions =
    first !== undefined && isSameRange(first, permission)
      ? role.permissions.with(at, permission)
      : [...role.permissions, permission].sort(byKey);
  return putRole(writer, state, { name, permissions });
}

function revokePermission(
  writer: BackendWriter,
  state: AuthState,
  { name, range }: Of<"roleRevokePermission">,
): AuthOutcome | AuthError {
  const role = state.roles.get(name);
  if (role === undefined) return "roleNotFound";
  const permissions = role.permissions.filter((held) => !isSameRange(held, range));
  if (permissions.length === role.permissions.length) return "permissionNotGranted";
  return putRole(writer, state, { name, permissions });
}

function putUser(writer: BackendWriter, state: AuthState, user: User): AuthOutcome {
  saveUser(writer, user);
  return changed(writer, state, { users: state.users.with(user) });
}

function putRole(writer: BackendWriter, state: AuthState, role: Role): AuthOutcome {
  saveRole(writer, role);
  return changed(writer, state, { roles: state.roles.with(role) });
}

/** The state with `change`, one revision further. */
function changed(writer: BackendWriter, state: AuthState, change: Partial<Content>): AuthOutcome {
  const { isEnabled, users, roles } = { ...contentOf(state), ...change };
  const revision = state.revision + 1;
  saveAuthRecord(writer, { isEnabled, revision });
  return { state: new AuthState({ isEnabled, revision, users, roles }) };
}

function contentOf({ isEnabled, revision, users, roles }: AuthState): Content {
  return { isEnabled, revision, users, roles };
}

function withoutRole(user: User, role: string): User {
  return { ...user, roles: user.roles.filter((held) => held !== role) };
}

function isSameRange(left: KeyRange, right: KeyRange): boolean {
  return equalBytes(left.key, right.key) && equalBytes(left.rangeEnd, right.rangeEnd);
}

/** Those with the same key stay in the order in which they were granted. */
function byKey(left: Permission, right: Permission): number {
  return compareBytes(left.key, right.key);
}
