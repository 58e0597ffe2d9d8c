/** Reads the key files of JSON web tokens. Source: etcd server/auth/options.go. */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { AuthOptionError } from "./errors.ts";
import type { JwtKeys } from "./jwt.ts";
import type { JwtAlgorithm, JwtOption } from "./token-option.ts";

/** At start, once: keys that change need a restart, as with etcd. Throws {@link AuthOptionError}. */
export function loadJwtKeys(option: JwtOption): JwtKeys {
  const { algorithm, publicKeyFile, privateKeyFile } = option;
  if (algorithm.startsWith("HS")) return loadSecret(privateKeyFile);
  const privateKey = privateKeyFile && load(privateKeyFile, createPrivateKey);
  const publicKey = publicKeyFile && load(publicKeyFile, createPublicKey);
  const derived = privateKey && createPublicKey(privateKey);
  if (publicKey && derived && !publicKey.equals(derived)) {
    throw new AuthOptionError(
      "keyMismatch",
      `Cannot sign tokens: ${publicKeyFile} and ${privateKeyFile} are not of one pair`,
    );
  }
  const used = derived || publicKey;
  if (!used) {
    throw new AuthOptionError(
      "keyMissing",
      "Cannot check tokens: neither priv-key nor pub-key is given",
    );
  }
  checkKind(algorithm, used);
  return { kind: "pair", publicKey: used, privateKey: privateKey || undefined };
}

function loadSecret(file: string | undefined): JwtKeys {
  if (file === undefined) {
    throw new AuthOptionError(
      "keyMissing",
      "Cannot sign tokens: priv-key, the secret, is not given",
    );
  }
  const secret = read(file);
  if (secret.length === 0) {
    throw new AuthOptionError("keyMissing", `Cannot sign tokens: ${file} is empty`);
  }
  return { kind: "secret", secret };
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new AuthOptionError("keyUnreadable", `Cannot read key file ${file}`, { cause: error });
  }
}

function load(file: string, parse: (pem: Buffer) => KeyObject): KeyObject {
  const pem = read(file);
  try {
    return parse(pem);
  } catch (error) {
    throw new AuthOptionError("keyMalformed", `Cannot use ${file}: it holds no key in PEM`, {
      cause: error,
    });
  }
}

const curves: Readonly<Record<string, string>> = {
  ES256: "prime256v1",
  ES384: "secp384r1",
  ES512: "secp521r1",
};

function checkKind(algorithm: JwtAlgorithm, key: KeyObject): void {
  const has = key.asymmetricKeyType ?? "unknown";
  const needs = algorithm === "EdDSA" ? "ed25519" : algorithm.startsWith("ES") ? "ec" : "rsa";
  const curve = curves[algorithm];
  const hasCurve = key.asymmetricKeyDetails?.namedCurve;
  if (has === needs && (curve === undefined || curve === hasCurve)) return;
  throw new AuthOptionError(
    "keyMalformed",
    `Cannot sign by ${algorithm}: it needs a key of kind ${curve ?? needs}, got ${hasCurve ?? has}`,
  );
}
