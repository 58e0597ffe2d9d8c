/** Messages of `etcdserverpb.Auth` (etcd api/etcdserverpb/rpc.proto, api/authpb/auth.proto). Pure. */
import { emptyBytes, textOf, utf8, WireReader, type WireWriter } from "@flotilla/base";
import type { KeyRange, Permission } from "@flotilla/store";
import { passwordBytesMax } from "../limits.ts";

/** `AuthenticateRequest`. */
export interface AuthenticateRequest {
  readonly name: string;
  readonly password: string;
}

/** Throws `WireError`. */
export function decodeAuthenticateRequest(bytes: Uint8Array): AuthenticateRequest {
  const [name, password] = decodeTexts(bytes);
  return { name, password: heeded(password) };
}

/** A password as far as bcrypt heeds it, as a text of its own: anybody may have many compared that are long. */
function heeded(password: string): string {
  if (password.length <= passwordBytesMax) return password;
  return textOf(utf8(password.slice(0, passwordBytesMax + 1))); // Of a pair that is cut no byte counts.
}

/** `AuthUserAddRequest`. */
export interface UserAddRequest extends AuthenticateRequest {
  readonly hasNoPassword: boolean;
}

/** Throws `WireError`. Its hash of a password is nobody's business: the server makes its own. */
export function decodeUserAddRequest(bytes: Uint8Array): UserAddRequest {
  const reader = new WireReader(bytes);
  const request = { name: "", password: "", hasNoPassword: false };
  while (reader.next()) {
    if (reader.field === 1) request.name = reader.text();
    else if (reader.field === 2) request.password = reader.text();
    else if (reader.field === 3) request.hasNoPassword = decodeUserOptions(reader.message());
    else reader.skip();
  }
  return request;
}

function decodeUserOptions(reader: WireReader): boolean {
  let hasNoPassword = false;
  while (reader.next()) {
    if (reader.field === 1) hasNoPassword = reader.bool();
    else reader.skip();
  }
  return hasNoPassword;
}

/** `AuthUserChangePasswordRequest`. */
export interface ChangePasswordRequest extends AuthenticateRequest {
  /** bcrypt's text in base64, for who has hashed it himself; heeded only without a password. */
  readonly hashedPassword: string;
}

/** Throws `WireError`. */
export function decodeChangePasswordRequest(bytes: Uint8Array): ChangePasswordRequest {
  const [name, password, hashedPassword] = decodeTexts(bytes);
  return { name, password, hashedPassword };
}

/** A request that is one name: of a user, or of a role. */
export function decodeName(bytes: Uint8Array): string {
  return decodeTexts(bytes)[0];
}

/** `AuthUserGrantRoleRequest` and `AuthUserRevokeRoleRequest`. */
export interface UserRoleRequest {
  readonly user: string;
  readonly role: string;
}

/** Throws `WireError`. */
export function decodeUserRole(bytes: Uint8Array): UserRoleRequest {
  const [user, role] = decodeTexts(bytes);
  return { user, role };
}

/** `AuthRoleGrantPermissionRequest`. */
export interface GrantPermissionRequest {
  readonly name: string;
  /** Undefined when there is none, or one of a kind that does not exist. */
  readonly permission: Permission | undefined;
}

/** Throws `WireError`. */
export function decodeGrantPermission(bytes: Uint8Array): GrantPermissionRequest {
  const reader = new WireReader(bytes);
  let name = "";
  let permission: Permission | undefined;
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 2) permission = decodePermission(reader.message());
    else reader.skip();
  }
  return { name, permission };
}

const permissionKinds = ["read", "write", "readWrite"] as const;

function decodePermission(reader: WireReader): Permission | undefined {
  let number = 0;
  const range = { key: emptyBytes, rangeEnd: emptyBytes };
  while (reader.next()) {
    if (reader.field === 1) number = reader.varint();
    else if (reader.field === 2) range.key = reader.bytes();
    else if (reader.field === 3) range.rangeEnd = reader.bytes();
    else reader.skip();
  }
  const kind = permissionKinds[number];
  return kind === undefined ? undefined : { kind, ...range };
}

/** `AuthRoleRevokePermissionRequest`. */
export interface RevokePermissionRequest {
  readonly role: string;
  readonly range: KeyRange;
}

/** Throws `WireError`. */
export function decodeRevokePermission(bytes: Uint8Array): RevokePermissionRequest {
  const reader = new WireReader(bytes);
  let role = "";
  const range = { key: emptyBytes, rangeEnd: emptyBytes };
  while (reader.next()) {
    if (reader.field === 1) role = reader.text();
    else if (reader.field === 2) range.key = reader.bytes();
    else if (reader.field === 3) range.rangeEnd = reader.bytes();
    else reader.skip();
  }
  return { role, range };
}

/** Fields 1 to 3, where they are texts. */
function decodeTexts(bytes: Uint8Array): [string, string, string] {
  const reader = new WireReader(bytes);
  const texts: [string, string, string] = ["", "", ""];
  while (reader.next()) {
    if (reader.field <= 3) texts[reader.field - 1] = reader.text();
    else reader.skip();
  }
  return texts;
}

/** `AuthStatusResponse` after its header. */
export function writeAuthStatus(
  writer: WireWriter,
  auth: { readonly isEnabled: boolean; readonly revision: number },
): void {
  writer.fieldBool(2, auth.isEnabled);
  writer.fieldVarint(3, auth.revision);
}

/** `AuthUserListResponse`, `AuthRoleListResponse` and `AuthUserGetResponse`, which are names. */
export function writeNames(writer: WireWriter, names: readonly string[]): void {
  for (const name of names) writer.fieldTextAlways(2, name);
}

/** `AuthRoleGetResponse` after its header. */
export function writePermissions(writer: WireWriter, permissions: readonly Permission[]): void {
  for (const { kind, key, rangeEnd } of permissions) {
    writer.fieldMessage(2, (body) => {
      body.fieldVarint(1, permissionKinds.indexOf(kind));
      body.fieldBytes(2, key);
      body.fieldBytes(3, rangeEnd);
    });
  }
}

/** `AuthenticateResponse` after its header. */
export function writeToken(writer: WireWriter, token: string): void {
  writer.fieldText(2, token);
}
