/**
 * JSON web tokens (RFC 7519) in the compact form: signed by whoever has the private key, checked by
 * every member for itself.
 *
 * Source: etcd server/auth/jwt.go. Claims are `username`, `revision` of users and roles, and `exp`. The
 * algorithm is the configured one alone: what a token says about itself is compared, never followed.
 */
import { constants, createHmac, type KeyObject, sign, timingSafeEqual, verify } from "node:crypto";
import type { Principal } from "@flotilla/store";
import { signedTokensMax, tokenBytesMax } from "../limits.ts";
import type { JwtAlgorithm } from "./token-option.ts";

/** Keys as {@link loadJwtKeys} gives them. */
export type JwtKeys =
  | { readonly kind: "secret"; readonly secret: Uint8Array }
  | {
      readonly kind: "pair";
      readonly publicKey: KeyObject;
      /** Undefined: only to check. */
      readonly privateKey: KeyObject | undefined;
    };

/** Three parts in base64 for URLs, without padding; Node's decoder would take anything. */
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Makes and reads tokens by one algorithm and its keys. */
export class Jwt {
  readonly #algorithm: JwtAlgorithm;
  readonly #keys: JwtKeys;
  readonly #header: string;
  /** Tokens whose signature was checked. Time is not: that is compared at each use. */
  readonly #signed = new Map<string, Json>();

  constructor(algorithm: JwtAlgorithm, keys: JwtKeys) {
    this.#algorithm = algorithm;
    this.#keys = keys;
    this.#header = encodeJson({ alg: algorithm, typ: "JWT" });
  }

  /** False where only the public key is. */
  get canSign(): boolean {
    return this.#keys.kind === "secret" || this.#keys.privateKey !== undefined;
  }

  /** A token that ends at `endSeconds` since 1970. */
  make({ user, authRevision }: Principal, endSeconds: number): string {
    const claims = encodeJson({ exp: endSeconds, revision: authRevision, username: user });
    const content = `${this.#header}.${claims}`;
    return `${content}.${this.#sign(Buffer.from(content)).toString("base64url")}`;
  }

  /** Undefined for whatever is not a token of ours that is valid at `nowSeconds`. */
  read(token: string, nowSeconds: number): Principal | undefined {
    if (token.length > tokenBytesMax) return undefined;
    const claims = this.#signed.get(token) ?? this.#check(token);
    return claims && principalOf(claims, nowSeconds);
  }

  /** The claims of a token whose signature is good, which is slow to find out. */
  #check(token: string): Json | undefined {
    if (!compactForm.test(token)) return undefined;
    const [header = "", claims = "", signature = ""] = token.split(".");
    if (decodeJson(header)?.["alg"] !== this.#algorithm) return undefined;
    const content = Buffer.from(`${header}.${claims}`);
    if (!this.#isSigned(content, Buffer.from(signature, "base64url"))) return undefined;
    const decoded = decodeJson(claims);
    if (decoded !== undefined) this.#remember(token, decoded);
    return decoded;
  }

  #remember(token: string, claims: Json): void {
    for (const oldest of this.#signed.keys()) {
      if (this.#signed.size < signedTokensMax) break;
      this.#signed.delete(oldest);
    }
    this.#signed.set(token, claims);
  }

  #sign(content: Buffer): Buffer {
    if (this.#keys.kind === "secret") return this.#mac(content, this.#keys.secret);
    const { privateKey } = this.#keys;
    if (privateKey === undefined) throw new Error("there is no key to sign tokens with");
    const options = this.#signatureOptions(constants.RSA_PSS_SALTLEN_DIGEST);
    return sign(digestOf(this.#algorithm), content, { key: privateKey, ...options });
  }

  #isSigned(content: Buffer, signature: Buffer): boolean {
    if (this.#keys.kind === "secret") {
      const expected = this.#mac(content, this.#keys.secret);
      return expected.length === signature.length && timingSafeEqual(expected, signature);
    }
    // Others may sign with more salt, or with less.
    const options = this.#signatureOptions(constants.RSA_PSS_SALTLEN_AUTO);
    const key = { key: this.#keys.publicKey, ...options };
    return verify(digestOf(this.#algorithm), content, key, signature);
  }

  #mac(content: Buffer, secret: Uint8Array): Buffer {
    return createHmac(`sha${this.#algorithm.slice(2)}`, secret)
      .update(content)
      .digest();
  }

  #signatureOptions(saltLength: number): object {
    if (this.#algorithm.startsWith("PS")) {
      return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
    }
    return this.#algorithm.startsWith("ES") ? { dsaEncoding: "ieee-p1363" } : {};
  }
}

/** EdDSA has its digest within. */
function digestOf(algorithm: JwtAlgorithm): string | null {
  return algorithm === "EdDSA" ? null : `sha${algorithm.slice(2)}`;
}

type Json = Readonly<Record<string, unknown>>;

function encodeJson(value: Json): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decodeJson(part: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined; // Anybody may send anything.
  }
}

/** A token without `exp` does not end, one with something else there is none. */
function principalOf(claims: Json, nowSeconds: number): Principal | undefined {
  const { username, revision, exp, nbf } = claims;
  if (typeof username !== "string" || !isWhole(revision)) return undefined;
  if (exp !== undefined && !(typeof exp === "number" && nowSeconds < exp)) return undefined;
  if (nbf !== undefined && !(typeof nbf === "number" && nowSeconds >= nbf)) return undefined;
  return { user: username, authRevision: revision };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
