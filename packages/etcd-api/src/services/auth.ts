/**
 * `etcdserverpb.Auth`: users, roles and permissions, and tokens for passwords.
 *
 * Source: etcd server/etcdserver/v3_server.go and apply/auth.go. Passwords are hashed and compared here,
 * before and beside the log, which never sees one; what must not have changed meanwhile is the revision
 * of users and roles.
 */
import { utf8Size } from "@flotilla/base";
import { type Call, GrpcError, statusCode } from "@flotilla/grpc";
import type { AuthCommand, AuthReader, ReadAccess, User } from "@flotilla/store";
import { PasswordHasher } from "../auth/password-hasher.ts";
import {
  type AuthenticateRequest,
  type ChangePasswordRequest,
  decodeAuthenticateRequest,
  decodeChangePasswordRequest,
  decodeGrantPermission,
  decodeName,
  decodeRevokePermission,
  decodeUserAddRequest,
  decodeUserRole,
  type GrantPermissionRequest,
  type UserAddRequest,
  writeAuthStatus,
  writeNames,
  writePermissions,
  writeToken,
} from "../codec/auth.ts";
import { type Methods, noFields, type ServiceContext } from "../context.ts";
import { RpcError, rpcErrorOf, wrongResult } from "../errors.ts";
import {
  authenticationsMax,
  bcryptCostDefault,
  bcryptCostMax,
  bcryptCostMin,
  passwordBytesMax,
} from "../limits.ts";

const admin: ReadAccess = { kind: "admin" };

/** The methods of the Auth service. */
export function authMethods(context: ServiceContext): Methods {
  const service = new AuthService(context);
  const method = <T>(
    name: string,
    decode: (bytes: Uint8Array) => T,
    serve: (request: T, call: Call) => Promise<Uint8Array>,
  ): Methods[number] => [
    `/etcdserverpb.Auth/${name}`,
    context.unaryForClients(decode, (request, _, call) => serve(request, call)),
  ];
  /** A change that needs no more than its fields. */
  const change = <T>(
    name: string,
    decode: (bytes: Uint8Array) => T,
    commandOf: (request: T) => AuthCommand,
  ): Methods[number] => method(name, decode, (r, call) => service.change(call, commandOf(r)));
  return [
    change("AuthEnable", noFields, () => ({ kind: "authEnable" })),
    change("AuthDisable", noFields, () => ({ kind: "authDisable" })),
    method("AuthStatus", noFields, () => service.status()),
    method("Authenticate", decodeAuthenticateRequest, (r, call) => service.authenticate(r, call)),
    method("UserAdd", decodeUserAddRequest, (request, call) => service.addUser(request, call)),
    method("UserGet", decodeName, (name, call) => service.getUser(name, call)),
    method("UserList", noFields, (_, call) => service.list(call, (auth) => auth.users())),
    change("UserDelete", decodeName, (name) => ({ kind: "userDelete", name })),
    method("UserChangePassword", decodeChangePasswordRequest, (request, call) =>
      service.changePassword(request, call),
    ),
    change("UserGrantRole", decodeUserRole, ({ user, role }) => ({
      kind: "userGrantRole",
      name: user,
      role,
    })),
    change("UserRevokeRole", decodeUserRole, ({ user, role }) => ({
      kind: "userRevokeRole",
      name: user,
      role,
    })),
    change("RoleAdd", decodeName, (name) => ({ kind: "roleAdd", name })),
    method("RoleGet", decodeName, (name, call) => service.getRole(name, call)),
    method("RoleList", noFields, (_, call) => service.list(call, (auth) => auth.roles())),
    change("RoleDelete", decodeName, (name) => ({ kind: "roleDelete", name })),
    method("RoleGrantPermission", decodeGrantPermission, (r, call) => service.grant(r, call)),
    change("RoleRevokePermission", decodeRevokePermission, ({ role, range }) => ({
      kind: "roleRevokePermission",
      name: role,
      range,
    })),
  ];
}

class AuthService {
  readonly #context: ServiceContext;
  readonly #passwords: PasswordHasher;

  constructor(context: ServiceContext) {
    this.#context = context;
    this.#passwords = new PasswordHasher(checkedCost(context));
    context.onClose(() => this.#passwords.close());
  }

  get #auth(): AuthReader {
    return this.#context.member.store.auth;
  }

  async change(call: Call, command: AuthCommand): Promise<Uint8Array> {
    const result = await this.#context.propose(call, command);
    if (result.kind !== "auth") throw wrongResult(command.kind, result.kind);
    return this.#context.answer(result.revision);
  }

  status(): Promise<Uint8Array> {
    return this.#context.afterLog(() => this.#answer((w) => writeAuthStatus(w, this.#auth)));
  }

  async authenticate(request: AuthenticateRequest, call: Call): Promise<Uint8Array> {
    await this.#context.afterBarrier(() => {});
    for (let attempt = 0; attempt < authenticationsMax; attempt++) {
      const token = await this.#tryAuthenticate(request, call);
      if (token !== undefined) return this.#answer((writer) => writeToken(writer, token));
    }
    throw new RpcError("authOldRevision");
  }

  /** Undefined when users or roles have changed since the password was compared. */
  async #tryAuthenticate(
    { name, password }: AuthenticateRequest,
    call: Call,
  ): Promise<string | undefined> {
    const { member, authority } = this.#context;
    if (!this.#auth.isEnabled) throw new RpcError("authNotEnabled");
    const authRevision = this.#auth.revision;
    await this.#checkPassword(this.#auth.user(name), { name, password }, call);
    authority.tokens.checkCanAdmit();
    const tokenPrefix = authority.tokens.newPrefix();
    const outcome = await member.propose({
      kind: "authenticate",
      user: name,
      authRevision,
      tokenPrefix,
    });
    // etcd reads linearizably before it compares the password.
    if (outcome.kind !== "applied") throw rpcErrorOf(outcome, "timeout");
    const { result } = outcome;
    if (result.kind === "refused" && result.error === "authOldRevision") return undefined;
    if (result.kind === "refused") throw rpcErrorOf(result);
    if (result.kind !== "authenticate") throw wrongResult("authenticate", result.kind);
    return authority.tokens.sign({ user: name, authRevision }) ?? result.token;
  }

  async #checkPassword(
    user: User | undefined,
    { name, password }: AuthenticateRequest,
    call: Call,
  ): Promise<void> {
    if (user?.hasNoPassword === true) throw noPasswordUser();
    const hash = user?.passwordHash || undefined; // Empty is what no password gives.
    if (await this.#passwords.matches(password, hash, call)) return;
    this.#context.logger.warn("invalid authentication was requested", { user: name });
    throw new RpcError("authFailed");
  }

  async addUser(request: UserAddRequest, call: Call): Promise<Uint8Array> {
    const { name, password, hasNoPassword } = request;
    await this.#context.authority.admin(call); // Before a thread is busy for him.
    const passwordHash = hasNoPassword ? "" : await this.#hash(password, call);
    return this.change(call, { kind: "userAdd", name, passwordHash, hasNoPassword });
  }

  async changePassword(request: ChangePasswordRequest, call: Call): Promise<Uint8Array> {
    const { name, password, hashedPassword } = request;
    await this.#context.authority.admin(call);
    if (password === "" && this.#auth.user(name) === undefined) throw new RpcError("userNotFound");
    const passwordHash =
      password === "" ? decodedHash(hashedPassword) : await this.#hash(password, call);
    return this.change(call, { kind: "userChangePassword", name, passwordHash });
  }

  #hash(password: string, call: Call): Promise<string> {
    if (utf8Size(password) > passwordBytesMax) {
      throw new GrpcError(statusCode.unknown, "bcrypt: password length exceeds 72 bytes");
    }
    return this.#passwords.hash(password, call);
  }

  async grant({ name, permission }: GrantPermissionRequest, call: Call): Promise<Uint8Array> {
    await this.#context.authority.admin(call); // Who may not is told that, whatever else is wrong.
    if (permission === undefined) throw new RpcError("permissionNotGiven");
    return this.change(call, { kind: "roleGrantPermission", name, permission });
  }

  /** Everybody may look at himself. */
  async getUser(name: string, call: Call): Promise<Uint8Array> {
    await this.#context.afterLog(() => {});
    const principal = await this.#context.authority.principal(call);
    if (name !== (principal?.user ?? "")) this.#context.authority.check(principal, admin);
    const user = this.#auth.user(name);
    if (user === undefined) throw new RpcError("userNotFound");
    return this.#answer((writer) => writeNames(writer, user.roles));
  }

  /** Everybody may look at his own roles. */
  async getRole(name: string, call: Call): Promise<Uint8Array> {
    await this.#context.afterLog(() => {});
    const principal = await this.#context.authority.principal(call);
    const own = principal && this.#auth.user(principal.user)?.roles;
    if (own?.includes(name) !== true) this.#context.authority.check(principal, admin);
    const role = this.#auth.role(name);
    if (role === undefined) throw new RpcError("roleNotFound");
    return this.#answer((writer) => writePermissions(writer, role.permissions));
  }

  async list(call: Call, namesOf: (auth: AuthReader) => readonly string[]): Promise<Uint8Array> {
    await this.#context.afterLog(() => {});
    return this.#context.authority.read(call, admin, () =>
      this.#answer((writer) => writeNames(writer, namesOf(this.#auth))),
    );
  }

  #answer(body: Parameters<ServiceContext["answer"]>[1]): Uint8Array {
    return this.#context.answer(this.#context.member.store.revision, body);
  }
}

/** As etcd takes it: what bcrypt does not know is warned of, and not used. */
function checkedCost({ options, logger }: ServiceContext): number {
  const { bcryptCost } = options;
  if (bcryptCost >= bcryptCostMin && bcryptCost <= bcryptCostMax) return bcryptCost;
  logger.warn("use default bcrypt cost instead of the invalid given cost", {
    "min-cost": bcryptCostMin,
    "max-cost": bcryptCostMax,
    "default-cost": bcryptCostDefault,
    "given-cost": bcryptCost,
  });
  return bcryptCostDefault;
}

/** A hash that the client has made himself, in base64. */
function decodedHash(text: string): string {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) throw noPasswordUser();
  return bytes.toString("latin1");
}

/** etcd has no row for it, so that its own text reaches the client; also of a hash that is none. */
function noPasswordUser(): GrpcError {
  return new GrpcError(
    statusCode.unknown,
    "auth: authentication failed, password was given for no password user",
  );
}
