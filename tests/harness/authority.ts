/** Certificates for a test: an authority, one certificate for every server on the loopback, one for each client. */
import "reflect-metadata";
import { webcrypto, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const validMs = 24 * 3_600_000;

/** Paths of a certificate and its key. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A directory with `ca.crt` and what the authority has issued. */
export class Authority {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "flotilla-authority-"));
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
    writeFileSync(this.caFile, `${certificate.toString("pem")}\n`);
  }

  static async make(): Promise<Authority> {
    const keys = await keyPair();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: "CN=authority of a test",
      ...validity(),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    });
    return new Authority(keys, certificate);
  }

  get caFile(): string {
    return join(this.#folder, "ca.crt");
  }

  /** A certificate by which 127.0.0.1 serves, and asks. `name` is its common name, and that of its files. */
  async issue(name: string): Promise<CertificateFiles> {
    const keys = await keyPair();
    const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: this.#certificate.subject,
      ...validity(),
      signingKey: this.#keys.privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
        new x509.SubjectAlternativeNameExtension([
          { type: "ip", value: "127.0.0.1" },
          { type: "dns", value: "localhost" },
        ]),
      ],
    });
    const files = {
      certFile: join(this.#folder, `${name}.crt`),
      keyFile: join(this.#folder, `${name}.key`),
    };
    const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
    writeFileSync(files.certFile, `${certificate.toString("pem")}\n`);
    writeFileSync(files.keyFile, `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`);
    return files;
  }

  /** Writes `list.crl`, by which these are revoked and no others. Returns its path. */
  async revoke(...certificates: readonly CertificateFiles[]): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: new Date(Date.now() - 60_000),
      signingAlgorithm: algorithm,
      signingKey: this.#keys.privateKey,
      entries: certificates.map(({ certFile }) => ({
        serialNumber: new X509Certificate(readFileSync(certFile)).serialNumber,
        revocationDate: new Date(),
      })),
    });
    const path = join(this.#folder, "list.crl");
    writeFileSync(path, list.toString("pem"));
    return path;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function keyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 60_000), notAfter: new Date(now + validMs) };
}
