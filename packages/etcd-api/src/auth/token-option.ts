/**
 * The text of `--auth-token`: `simple`, or `jwt,sign-method=...,pub-key=FILE,priv-key=FILE,ttl=5m`.
 *
 * Source: etcd server/auth/store.go (decomposeOpts) and server/auth/options.go. Pure.
 */
import { AuthOptionError } from "./errors.ts";

/** Algorithms of RFC 7518 and RFC 8037 that etcd signs tokens by. */
export const jwtAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "HS256",
  "HS384",
  "HS512",
] as const;

/** One of {@link jwtAlgorithms}. */
export type JwtAlgorithm = (typeof jwtAlgorithms)[number];

/** How users are known after they gave their password. */
export type TokenOption =
  | { readonly kind: "simple" }
  /** Nobody can authenticate: only client certificates say who asks. */
  | { readonly kind: "none" }
  | JwtOption;

/** JSON web tokens. Without a private key a member only checks tokens that others have made. */
export interface JwtOption {
  readonly kind: "jwt";
  readonly algorithm: JwtAlgorithm;
  /** Files in PEM; the private one of HS256 and its like is the secret as it is. */
  readonly publicKeyFile: string | undefined;
  readonly privateKeyFile: string | undefined;
  readonly ttlMs: number;
  /** Options that mean nothing; worth a warning, as in etcd. */
  readonly unknown: readonly string[];
}

const jwtTtlMs = 5 * 60_000;
const jwtOptions = new Set(["sign-method", "pub-key", "priv-key", "ttl"]);

/** Throws {@link AuthOptionError}. */
export function parseAuthToken(text: string): TokenOption {
  const [kind, ...rest] = text.split(",");
  const options = parseOptions(text, rest);
  switch (kind) {
    case "simple":
      return { kind };
    case "":
      return { kind: "none" };
    case "jwt":
      return jwtOption(options);
    default:
      throw new AuthOptionError(
        "type",
        `Cannot use auth token "${text}": its type must be simple or jwt`,
      );
  }
}

function parseOptions(text: string, parts: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const part of parts) {
    const [name = "", value, ...more] = part.split("=");
    if (value === undefined || more.length > 0) {
      throw new AuthOptionError(
        "syntax",
        `Cannot use auth token "${text}": "${part}" must be name=value`,
      );
    }
    if (options.has(name)) {
      throw new AuthOptionError(
        "syntax",
        `Cannot use auth token "${text}": ${name} is given twice`,
      );
    }
    options.set(name, value);
  }
  return options;
}

function jwtOption(options: ReadonlyMap<string, string>): JwtOption {
  const method = options.get("sign-method") ?? "";
  const algorithm = jwtAlgorithms.find((one) => one === method);
  if (algorithm === undefined) {
    throw new AuthOptionError(
      "algorithm",
      `Cannot sign tokens by "${method}": sign-method must be one of ${jwtAlgorithms.join(", ")}`,
    );
  }
  const ttl = options.get("ttl") ?? "";
  return {
    kind: "jwt",
    algorithm,
    publicKeyFile: options.get("pub-key") || undefined,
    privateKeyFile: options.get("priv-key") || undefined,
    ttlMs: ttl === "" ? jwtTtlMs : durationMs(ttl),
    unknown: [...options.keys()].filter((name) => !jwtOptions.has(name)),
  };
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as Go writes it, such as `1h30m` or `0.5s`. */
function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/gu)];
  const whole = parts.map(([part]) => part).join("");
  if (whole === "" || whole !== text) {
    throw new AuthOptionError("ttl", `Cannot use ttl "${text}": must be a duration such as 10m`);
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ""] ?? 0), 0);
}
