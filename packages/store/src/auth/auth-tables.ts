/**
 * Users and roles in the backend, in etcd's own messages (api/authpb/auth.proto), and the record that
 * says whether they are in force. Pure apart from the backend that it is given.
 */
import { emptyBytes, encodeMessage, utf8, WireReader } from "@flotilla/base";
import { readPermission, writePermission } from "../codec/auth-commands.ts";
import { boolField, integerField, messageField, textField } from "../codec/fields.ts";
import type { BackendReader, BackendWriter } from "../contract.ts";
import { table } from "../layout.ts";
import type { Permission, Role, User } from "./contract.ts";

/** Beside the record of the store's state. */
const authKey = Uint8Array.of(3);

/** Whether auth is in force, and how often anything about it has changed. */
export interface AuthRecord {
  readonly isEnabled: boolean;
  readonly revision: number;
}

export function saveAuthRecord(writer: BackendWriter, record: AuthRecord): void {
  const bytes = encodeMessage((message) => {
    message.fieldBool(1, record.isEnabled);
    message.fieldVarint(2, record.revision);
  });
  writer.put(table.state, authKey, bytes);
}

export function loadAuthRecord(reader: BackendReader): AuthRecord {
  const bytes = reader.get(table.state, authKey);
  if (bytes === undefined) return { isEnabled: false, revision: 1 };
  const message = new WireReader(bytes);
  let isEnabled = false;
  let revision = 1;
  while (message.next()) {
    if (message.field === 1) isEnabled = boolField(message);
    else if (message.field === 2) revision = integerField(message);
    else message.skip();
  }
  return { isEnabled, revision };
}

export function saveUser(writer: BackendWriter, user: User): void {
  const bytes = encodeMessage((message) => {
    message.fieldText(1, user.name);
    message.fieldText(2, user.passwordHash);
    for (const role of user.roles) message.fieldTextAlways(3, role);
    if (user.hasNoPassword) message.fieldMessage(4, (options) => options.fieldBool(1, true));
  });
  writer.put(table.authUsers, utf8(user.name), bytes);
}

export function removeUser(writer: BackendWriter, name: string): void {
  writer.delete(table.authUsers, utf8(name));
}

/** In the order of their names' bytes. */
export function loadUsers(reader: BackendReader): readonly User[] {
  const users: User[] = [];
  for (const [, value] of reader.range(table.authUsers, emptyBytes, undefined)) {
    users.push(decodeUser(value));
  }
  return users;
}

export function saveRole(writer: BackendWriter, role: Role): void {
  const bytes = encodeMessage((message) => {
    message.fieldText(1, role.name);
    for (const permission of role.permissions) {
      message.fieldMessage(2, (body) => writePermission(body, permission));
    }
  });
  writer.put(table.authRoles, utf8(role.name), bytes);
}

export function removeRole(writer: BackendWriter, name: string): void {
  writer.delete(table.authRoles, utf8(name));
}

/** In the order of their names' bytes. */
export function loadRoles(reader: BackendReader): readonly Role[] {
  const roles: Role[] = [];
  for (const [, value] of reader.range(table.authRoles, emptyBytes, undefined)) {
    roles.push(decodeRole(value));
  }
  return roles;
}

function decodeUser(bytes: Uint8Array): User {
  const reader = new WireReader(bytes);
  let name = "";
  let passwordHash = "";
  let hasNoPassword = false;
  const roles: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) name = textField(reader);
    else if (reader.field === 2) passwordHash = textField(reader);
    else if (reader.field === 3) roles.push(textField(reader));
    else if (reader.field === 4) hasNoPassword = readNoPassword(messageField(reader));
    else reader.skip();
  }
  return { name, passwordHash, hasNoPassword, roles };
}

function readNoPassword(reader: WireReader): boolean {
  let hasNoPassword = false;
  while (reader.next()) {
    if (reader.field === 1) hasNoPassword = boolField(reader);
    else reader.skip();
  }
  return hasNoPassword;
}

function decodeRole(bytes: Uint8Array): Role {
  const reader = new WireReader(bytes);
  let name = "";
  const permissions: Permission[] = [];
  while (reader.next()) {
    if (reader.field === 1) name = textField(reader);
    else if (reader.field === 2) permissions.push(readPermission(messageField(reader)));
    else reader.skip();
  }
  return { name, permissions };
}
