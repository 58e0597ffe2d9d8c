/**
 * Who asks, and whether he may: the one place through which every method is served.
 *
 * Source: etcd server/auth/store.go (AuthInfoFromCtx, AuthInfoFromTLS) and etcdserver/v3_server.go
 * (doSerialize). While authentication is off all of this is one comparison.
 *
 * | request                | judged                                                              |
 * |------------------------|---------------------------------------------------------------------|
 * | read                   | by the state that it reads, and again when that took several turns |
 * | write                  | before it is proposed, so that the log is not everybody's; where it is applied, by the state there |
 */
import { InvariantError } from "@flotilla/base";
import type { Call, Method, Timers } from "@flotilla/grpc";
import type { Member } from "@flotilla/member";
import type { AuthReader, Command, Principal, ReadAccess } from "@flotilla/store";
import { RpcError } from "../errors.ts";
import { tokenWaitMs } from "../limits.ts";
import { type Access, type AccessRule, accessRuleOf } from "./access-table.ts";
import { TokenWaits } from "./token-waits.ts";
import type { Tokens } from "./tokens.ts";

/** Collaborators. */
export interface AuthorityDeps {
  readonly member: Member;
  readonly timers: Timers;
  readonly tokens: Tokens;
}

const admin: ReadAccess = { kind: "admin" };

export class Authority {
  readonly #member: Member;
  readonly #timers: Timers;
  readonly #waits: TokenWaits;
  /** How users are known after they gave their password. */
  readonly tokens: Tokens;
  readonly #stopFollowing: () => void;
  /** Calls of which somebody has asked whose they are. */
  readonly #asked = new WeakSet<Call>();

  constructor({ member, timers, tokens }: AuthorityDeps) {
    this.#member = member;
    this.#timers = timers;
    this.#waits = new TokenWaits({ timers, appliedIndex: () => member.status().appliedIndex });
    this.tokens = tokens;
    this.#stopFollowing = member.store.onAuth((event) => tokens.follow(event));
  }

  close(): void {
    this.#stopFollowing();
  }

  get isEnabled(): boolean {
    return this.#auth.isEnabled;
  }

  /** Of the API's methods, those that are served: each asks first. */
  guard(path: string, method: Method): Method {
    const rule = accessRuleOf(path);
    if (rule === "open") return method;
    switch (method.kind) {
      case "unary":
        return {
          kind: method.kind,
          handle: (call, request) =>
            this.isEnabled
              ? this.#admitted(rule, call, request, () => method.handle(call, request))
              : method.handle(call, request),
        };
      case "serverStream":
        return {
          kind: method.kind,
          handle: async (call, request) => {
            if (this.isEnabled) await this.#admit(accessOf(rule, request), call);
            await method.handle(call, request);
          },
        };
      case "clientStream":
      case "bidi":
        // Streams of requests are judged request by request, by their services.
        if (rule !== "service")
          throw new InvariantError(`${path} cannot be judged before it begins`);
        return method;
    }
  }

  /**
   * Whose call it is, at the present revision of users and roles; undefined for nobody's, and for
   * everybody's while authentication is off. Throws {@link RpcError} for a token that is not valid.
   */
  async principal(call: Call): Promise<Principal | undefined> {
    this.#asked.add(call);
    if (!this.isEnabled) return undefined;
    const text = call.metadata.get("token") ?? call.metadata.get("authorization");
    if (text === undefined) return this.#fromCertificate(call);
    const token = text.startsWith("Bearer ") ? text.slice("Bearer ".length) : text;
    const principal = await this.#fromToken(token, call);
    if (principal === undefined) throw new RpcError("invalidAuthToken");
    return principal;
  }

  /** Whoever is known; what he may do beyond that is not asked. */
  async user(call: Call): Promise<Principal | undefined> {
    const principal = await this.principal(call);
    if (principal === undefined && this.isEnabled) throw new RpcError("userEmpty");
    return principal;
  }

  /** Throws {@link RpcError} when local state forbids it. */
  check(principal: Principal | undefined, access: ReadAccess): void {
    const refusal = this.#auth.refusal(principal, access);
    if (refusal !== undefined) throw new RpcError(refusal);
  }

  /**
   * Reads what the caller may read. `access` is judged by the state from which `read` begins, and what was
   * read is given away only when nobody's rights have changed meanwhile.
   */
  read<T>(call: Call, access: ReadAccess, read: () => T | Promise<T>): T | Promise<T> {
    if (this.isEnabled) return this.#readJudged(call, access, read);
    const result = read();
    return result instanceof Promise ? this.#readWhileOff(call, access, result) : result;
  }

  async #readJudged<T>(call: Call, access: ReadAccess, read: () => T | Promise<T>): Promise<T> {
    const principal = await this.principal(call);
    const { revision } = this.#auth;
    this.check(principal, access);
    const result = read();
    const value = result instanceof Promise ? await result : result;
    // Root may ask for leases, too, by a signed token of long ago; for keys nobody may by another one than
    // the present revision's. Who has none has read nothing.
    const isOfLease = access.kind === "leaseKeys" || access.kind === "leaseRenew";
    const since = isOfLease ? revision : principal?.authRevision;
    const isOld = since !== undefined && since !== this.#auth.revision;
    if (isOld && access.kind !== "admin" && this.isEnabled) throw new RpcError("authOldRevision");
    return value;
  }

  /** What was waited for may be of a time when it is no longer everybody's. */
  async #readWhileOff<T>(call: Call, access: ReadAccess, result: Promise<T>): Promise<T> {
    const value = await result;
    if (this.isEnabled) this.check(await this.principal(call), access);
    return value;
  }

  /** Who proposes `command`. Throws as {@link permit} does. */
  author(call: Call, command: Command): Promise<Principal | undefined> {
    return command.kind === "leaseGrant" ? this.user(call) : this.permit(call, accessFor(command));
  }

  /** The same for what only root may do. */
  admin(call: Call): Promise<Principal | undefined> {
    return this.permit(call, admin);
  }

  /**
   * Who asks for what needs `access`; throws {@link RpcError} when he may not have it. This member may
   * be behind: before it refuses, it catches up, so that rights given a moment ago count, wherever
   * they were given.
   */
  async permit(call: Call, access: ReadAccess): Promise<Principal | undefined> {
    const principal = await this.principal(call);
    if (this.#auth.refusal(principal, access) === undefined) return principal;
    await this.#member.readBarrier();
    const again = await this.principal(call);
    this.check(again, access);
    return again;
  }

  get #auth(): AuthReader {
    return this.#member.store.auth;
  }

  async #admitted<T>(
    rule: AccessRule,
    call: Call,
    request: Uint8Array,
    serve: () => T | Promise<T>,
  ): Promise<T> {
    const access = accessOf(rule, request);
    const { revision } = this.#auth;
    await this.#admit(access, call);
    const answer = await serve();
    // The revision tells that it was on all the time.
    const isOn = this.isEnabled && revision === this.#auth.revision;
    if (access === "service" && !this.#asked.has(call) && isOn) {
      throw new InvariantError(`${call.path} answered without asking who it is for`);
    }
    return answer;
  }

  async #admit(access: Access, call: Call): Promise<void> {
    switch (access) {
      case "open":
      case "service":
        return;
      case "anyone":
        await this.principal(call);
        return;
      case "user":
        await this.user(call);
        return;
      case "root":
        this.check(await this.principal(call), admin);
    }
  }

  /** Not through the gateway, whose certificate says nothing about who is behind it. */
  #fromCertificate(call: Call): Principal | undefined {
    const user = call.clientName;
    if (user === undefined || call.metadata.get("grpcgateway-accept") !== undefined) {
      return undefined;
    }
    return { user, authRevision: this.#auth.revision };
  }

  async #fromToken(token: string, call: Call): Promise<Principal | undefined> {
    const endMs = this.#timers.nowMs() + tokenWaitMs;
    for (;;) {
      // Asked first: what is applied between the two questions is found in the next turn.
      const { appliedIndex } = this.#member.status();
      const reading = this.tokens.read(token, this.#auth.revision);
      if (reading.kind === "known") return reading.principal;
      if (reading.kind === "unknown" || reading.index <= appliedIndex) return undefined;
      if (call.ended || this.#timers.nowMs() >= endMs) return undefined;
      await this.#waits.until({ call, index: reading.index, endMs });
    }
  }
}

/** What a command needs. Whatever is not said here is for root alone. */
function accessFor(command: Command): ReadAccess {
  switch (command.kind) {
    case "put":
    case "deleteRange":
      return { kind: "txn", request: { compare: [], success: [command], failure: [] } };
    case "txn":
      return { kind: "txn", request: command.request };
    case "leaseRevoke":
      return { kind: "leaseRenew", id: command.id };
    default:
      return admin;
  }
}

function accessOf(rule: AccessRule, request: Uint8Array): Access {
  return typeof rule === "function" ? rule(request) : rule;
}
