/** A certificate that signs itself, for servers that have none (etcd's auto-tls). */
import { webcrypto } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const yearMs = 365 * 24 * 3600 * 1000;
/** A machine whose clock runs a little behind must accept it too. */
const backdatedMs = 3600 * 1000;

export interface SelfSignedOptions {
  /** Gets `cert.pem` and `key.pem`; those that are there stay. */
  readonly directory: string;
  /** Names and addresses that it is for. */
  readonly hosts: readonly string[];
  readonly validityYears: number;
}

/** Paths of the pair, which is made when it is not there. */
export async function selfSignedPair(
  options: SelfSignedOptions,
): Promise<{ readonly certFile: string; readonly keyFile: string }> {
  const { directory } = options;
  const paths = { certFile: join(directory, "cert.pem"), keyFile: join(directory, "key.pem") };
  if (existsSync(paths.certFile) && existsSync(paths.keyFile)) return paths;
  const { cert, key } = await makePair(options);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeWhole(paths.keyFile, key, 0o600);
  writeWhole(paths.certFile, cert, 0o644);
  return paths;
}

/** There as a whole or not at all, and with its mode even where an older one lies: half a pair is made anew. */
function writeWhole(path: string, text: string, mode: number): void {
  const unfinished = `${path}.part`;
  rmSync(unfinished, { force: true });
  writeFileSync(unfinished, text, { mode });
  renameSync(unfinished, path);
}

async function makePair({
  hosts,
  validityYears,
}: SelfSignedOptions): Promise<{ readonly cert: string; readonly key: string }> {
  await import("reflect-metadata"); // The X.509 library wants it loaded before.
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const nowMs = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: ["flotilla"] }],
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + validityYears * yearMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(
        [...new Set(hosts)].map((host) => ({ type: isIP(host) === 0 ? "dns" : "ip", value: host })),
      ),
    ],
  });
  const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: `${certificate.toString("pem")}\n`,
    key: `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`,
  };
}
