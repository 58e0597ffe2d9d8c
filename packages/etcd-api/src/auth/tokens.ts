/** How users are known after they gave their password: by simple tokens, by signed ones, or not at all. */
import type { Clock, Logger } from "@flotilla/base";
import { GrpcError, statusCode } from "@flotilla/grpc";
import type { AuthEvent, Principal } from "@flotilla/store";
import { RpcError } from "../errors.ts";
import { authTokenTtlMs } from "../limits.ts";
import { Jwt } from "./jwt.ts";
import { loadJwtKeys } from "./jwt-keys.ts";
import { newTokenPrefix, SimpleTokens, tokenIndex } from "./simple-tokens.ts";
import { type JwtOption, parseAuthToken } from "./token-option.ts";

/** Whom a token names. */
export type TokenReading =
  | { readonly kind: "known"; readonly principal: Principal }
  /** Not yet: the entry `index` that may have made it has to be applied here first. */
  | { readonly kind: "later"; readonly index: number }
  | { readonly kind: "unknown" };

/** What depends on the kind of tokens. */
export interface Tokens {
  /** What the log is to make a token of; empty when it makes none. */
  newPrefix(): string;
  /** A token that needs no log; undefined when only the log makes them, or nobody can. */
  sign(principal: Principal): string | undefined;
  /** Throws `GrpcError` when this member cannot admit anybody by a password. */
  checkCanAdmit(): void;
  /** `authRevision`: the present one. */
  read(token: string, authRevision: number): TokenReading;
  /** Something has changed at the store. */
  follow(event: AuthEvent): void;
}

/** Collaborators. */
export interface TokenDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The time of day, in whole seconds since 1970. */
  unixSeconds(): number;
}

/** Tokens as `--auth-token` wants them. Throws `AuthOptionError`. */
export function createTokens(
  deps: TokenDeps,
  options: { readonly authToken: string; readonly authTokenTtlMs: number },
): Tokens {
  const option = parseAuthToken(options.authToken);
  if (option.kind === "simple") {
    const ttlMs = options.authTokenTtlMs > 0 ? options.authTokenTtlMs : authTokenTtlMs;
    return new StoredTokens(new SimpleTokens(deps.clock, ttlMs));
  }
  if (option.kind === "none") return noTokens;
  if (option.unknown.length > 0) {
    deps.logger.warn("unknown JWT options", { keys: option.unknown });
  }
  return new SignedTokens(deps, option);
}

class StoredTokens implements Tokens {
  readonly #tokens: SimpleTokens;

  constructor(tokens: SimpleTokens) {
    this.#tokens = tokens;
  }

  checkCanAdmit(): void {}

  newPrefix(): string {
    return newTokenPrefix();
  }

  sign(): undefined {}

  read(token: string, authRevision: number): TokenReading {
    const user = this.#tokens.use(token);
    if (user !== undefined) return { kind: "known", principal: { user, authRevision } };
    const index = tokenIndex(token);
    return index === undefined ? { kind: "unknown" } : { kind: "later", index };
  }

  follow(event: AuthEvent): void {
    if (event.kind === "token") this.#tokens.add(event.token, event.user);
    else if (event.kind === "userChanged") this.#tokens.dropUser(event.user);
    else this.#tokens.clear();
  }
}

class SignedTokens implements Tokens {
  readonly #jwt: Jwt;
  readonly #ttlSeconds: number;
  readonly #unixSeconds: () => number;

  constructor(deps: TokenDeps, option: JwtOption) {
    this.#jwt = new Jwt(option.algorithm, loadJwtKeys(option));
    this.#ttlSeconds = Math.floor(option.ttlMs / 1000);
    this.#unixSeconds = () => deps.unixSeconds();
  }

  checkCanAdmit(): void {
    if (this.#jwt.canSign) return;
    // etcd has no row for it: its own text reaches the client.
    const text = "auth: token signing attempted with verify-only key";
    throw new GrpcError(statusCode.unknown, text);
  }

  newPrefix(): string {
    return "";
  }

  sign(principal: Principal): string {
    return this.#jwt.make(principal, this.#unixSeconds() + this.#ttlSeconds);
  }

  /** What a token says of the revision is heeded: it is the one by which its user was admitted. */
  read(token: string): TokenReading {
    const principal = this.#jwt.read(token, this.#unixSeconds());
    return principal === undefined ? { kind: "unknown" } : { kind: "known", principal };
  }

  follow(): void {}
}

const noTokens: Tokens = {
  checkCanAdmit: () => {
    throw new RpcError("authFailed");
  },
  newPrefix: () => "",
  sign: () => undefined,
  read: () => ({ kind: "unknown" }),
  follow: () => {},
};
