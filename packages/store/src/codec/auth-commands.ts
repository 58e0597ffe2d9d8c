/**
 * Changes of users, roles and permissions as they lie in the log, in etcd's own messages and numbers
 * (api/etcdserverpb/raft_internal.proto, rpc.proto). Pure.
 *
 * Passwords come hashed: the field for plain ones stays empty.
 */
import {
  assertNever,
  emptyBytes,
  WireError,
  type WireReader,
  type WireWriter,
} from "@flotilla/base";
import type { AuthCommand, Permission } from "../auth/contract.ts";
import { boolField, bytesField, integerField, messageField, textField } from "./fields.ts";

/** In `InternalRaftRequest`. */
const field = {
  authEnable: 1000,
  authDisable: 1011,
  authenticate: 1012,
  userAdd: 1100,
  userDelete: 1101,
  userChangePassword: 1103,
  userGrantRole: 1104,
  userRevokeRole: 1105,
  roleAdd: 1200,
  roleDelete: 1201,
  roleGrantPermission: 1203,
  roleRevokePermission: 1204,
} as const satisfies Record<AuthCommand["kind"], number>;
/** Beside name, password and token in `InternalAuthenticateRequest`. */
const authRevisionField = 20_001;

const permissionKinds: readonly Permission["kind"][] = ["read", "write", "readWrite"];

/** Writes the command as a field of a log entry. */
export function writeAuthCommand(writer: WireWriter, command: AuthCommand): void {
  writer.fieldMessage(field[command.kind], (body) => writeBody(body, command));
}

function writeBody(writer: WireWriter, command: AuthCommand): void {
  switch (command.kind) {
    case "authEnable":
    case "authDisable":
      break;
    case "authenticate":
      writer.fieldText(1, command.user);
      writer.fieldText(3, command.tokenPrefix);
      writer.fieldVarint(authRevisionField, command.authRevision);
      break;
    case "userAdd":
      writer.fieldText(1, command.name);
      if (command.hasNoPassword) writer.fieldMessage(3, (options) => options.fieldBool(1, true));
      writer.fieldText(4, command.passwordHash);
      break;
    case "userChangePassword":
      writer.fieldText(1, command.name);
      writer.fieldText(3, command.passwordHash);
      break;
    case "userGrantRole":
    case "userRevokeRole":
      writer.fieldText(1, command.name);
      writer.fieldText(2, command.role);
      break;
    case "userDelete":
    case "roleAdd":
    case "roleDelete":
      writer.fieldText(1, command.name);
      break;
    case "roleGrantPermission":
      writer.fieldText(1, command.name);
      writer.fieldMessage(2, (body) => writePermission(body, command.permission));
      break;
    case "roleRevokePermission":
      writer.fieldText(1, command.name);
      writer.fieldBytes(2, command.range.key);
      writer.fieldBytes(3, command.range.rangeEnd);
      break;
    default:
      assertNever(command);
  }
}

/** Reads the field that `reader` is at; one that is none of these is skipped. Throws `WireError`. */
export function readAuthCommand(reader: WireReader): AuthCommand | undefined {
  switch (reader.field) {
    case field.authEnable:
      messageField(reader);
      return { kind: "authEnable" };
    case field.authDisable:
      messageField(reader);
      return { kind: "authDisable" };
    case field.authenticate:
      return readAuthenticate(messageField(reader));
    case field.userAdd:
      return readUserAdd(messageField(reader));
    case field.userDelete:
      return { kind: "userDelete", name: readTexts(reader).first };
    case field.userChangePassword: {
      const { first, third } = readTexts(reader);
      return { kind: "userChangePassword", name: first, passwordHash: third };
    }
    case field.userGrantRole: {
      const { first, second } = readTexts(reader);
      return { kind: "userGrantRole", name: first, role: second };
    }
    case field.userRevokeRole: {
      const { first, second } = readTexts(reader);
      return { kind: "userRevokeRole", name: first, role: second };
    }
    case field.roleAdd:
      return { kind: "roleAdd", name: readTexts(reader).first };
    case field.roleDelete:
      return { kind: "roleDelete", name: readTexts(reader).first };
    case field.roleGrantPermission:
      return readGrant(messageField(reader));
    case field.roleRevokePermission:
      return readRevoke(messageField(reader));
    default:
      reader.skip();
      return undefined;
  }
}

/** The message that `reader` is at, when its first three fields are texts. */
function readTexts(reader: WireReader): { first: string; second: string; third: string } {
  const texts = ["", "", "", ""];
  const body = messageField(reader);
  while (body.next()) {
    if (body.field <= 3) texts[body.field] = textField(body);
    else body.skip();
  }
  const [, first = "", second = "", third = ""] = texts;
  return { first, second, third };
}

function readAuthenticate(reader: WireReader): AuthCommand {
  let user = "";
  let tokenPrefix = "";
  let authRevision = 0;
  while (reader.next()) {
    if (reader.field === 1) user = textField(reader);
    else if (reader.field === 3) tokenPrefix = textField(reader);
    else if (reader.field === authRevisionField) authRevision = integerField(reader);
    else reader.skip();
  }
  return { kind: "authenticate", user, authRevision, tokenPrefix };
}

function readUserAdd(reader: WireReader): AuthCommand {
  let name = "";
  let passwordHash = "";
  let hasNoPassword = false;
  while (reader.next()) {
    if (reader.field === 1) name = textField(reader);
    else if (reader.field === 3) hasNoPassword = readNoPassword(messageField(reader));
    else if (reader.field === 4) passwordHash = textField(reader);
    else reader.skip();
  }
  return { kind: "userAdd", name, passwordHash, hasNoPassword };
}

function readNoPassword(reader: WireReader): boolean {
  let hasNoPassword = false;
  while (reader.next()) {
    if (reader.field === 1) hasNoPassword = boolField(reader);
    else reader.skip();
  }
  return hasNoPassword;
}

function readGrant(reader: WireReader): AuthCommand {
  let name = "";
  let permission: Permission = { kind: "read", key: emptyBytes, rangeEnd: emptyBytes };
  while (reader.next()) {
    if (reader.field === 1) name = textField(reader);
    else if (reader.field === 2) permission = readPermission(messageField(reader));
    else reader.skip();
  }
  return { kind: "roleGrantPermission", name, permission };
}

function readRevoke(reader: WireReader): AuthCommand {
  let name = "";
  let key = emptyBytes;
  let rangeEnd = emptyBytes;
  while (reader.next()) {
    if (reader.field === 1) name = textField(reader);
    else if (reader.field === 2) key = bytesField(reader);
    else if (reader.field === 3) rangeEnd = bytesField(reader);
    else reader.skip();
  }
  return { kind: "roleRevokePermission", name, range: { key, rangeEnd } };
}

/** Appends the fields of an `authpb.Permission`. */
export function writePermission(writer: WireWriter, permission: Permission): void {
  writer.fieldVarint(1, permissionKinds.indexOf(permission.kind));
  writer.fieldBytes(2, permission.key);
  writer.fieldBytes(3, permission.rangeEnd);
}

/** Reads an `authpb.Permission` to the end of `reader`; its bytes are views. Throws `WireError`. */
export function readPermission(reader: WireReader): Permission {
  let kind: Permission["kind"] = "read";
  let key = emptyBytes;
  let rangeEnd = emptyBytes;
  while (reader.next()) {
    if (reader.field === 1) kind = permissionKindOf(integerField(reader));
    else if (reader.field === 2) key = bytesField(reader);
    else if (reader.field === 3) rangeEnd = bytesField(reader);
    else reader.skip();
  }
  return { kind, key, rangeEnd };
}

function permissionKindOf(number: number): Permission["kind"] {
  const kind = permissionKinds[number];
  if (kind === undefined) throw new WireError(`a permission of kind ${number}`);
  return kind;
}
