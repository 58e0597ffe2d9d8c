/** An authority for tests, its certificates in files: `@flotilla/pki/testing`, for those of other packages. */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const validMs = 24 * 3_600_000;

/** As which a server on this machine is known. */
export const loopback = ["127.0.0.1", "localhost"] as const;

/** A certificate and its key. */
export interface Issued {
  readonly certFile: string;
  readonly keyFile: string;
  readonly serialNumber: string;
}

/** What a certificate says; its files are named `file`. */
export interface Wanted {
  readonly name: string;
  readonly hosts?: readonly string[];
  readonly uses?: readonly ("server" | "client")[];
  readonly file?: string;
}

/** A directory with `ca.crt`, removed at the end. */
export class Authority {
  readonly directory: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;
  /** Shown with each certificate: those between it and a root. */
  readonly #above: string;

  private constructor(
    keys: webcrypto.CryptoKeyPair,
    certificate: x509.X509Certificate,
    above = "",
  ) {
    this.#keys = keys;
    this.#certificate = certificate;
    this.#above = above;
    this.directory = mkdtempSync(join(tmpdir(), "flotilla-pki-"));
    writeFileSync(this.caFile, `${certificate.toString("pem")}\n`);
  }

  static async make(): Promise<Authority> {
    const keys = await generate();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: "CN=test-ca",
      ...validity(),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    });
    return new Authority(keys, certificate);
  }

  /** One below this one. */
  async delegate(): Promise<Authority> {
    const keys = await generate();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: "CN=test-sub-ca",
      issuer: this.#certificate.subject,
      ...validity(),
      signingKey: this.#keys.privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: algorithm,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    });
    return new Authority(keys, certificate, `${certificate.toString("pem")}\n`);
  }

  get serialNumber(): string {
    return this.#certificate.serialNumber;
  }

  get caFile(): string {
    return join(this.directory, "ca.crt");
  }

  async issue({
    name,
    hosts = [],
    uses = ["server", "client"],
    file = name,
  }: Wanted): Promise<Issued> {
    const keys = await generate();
    const usages = {
      server: x509.ExtendedKeyUsage.serverAuth,
      client: x509.ExtendedKeyUsage.clientAuth,
    };
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: this.#certificate.subject,
      ...validity(),
      signingKey: this.#keys.privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.ExtendedKeyUsageExtension(uses.map((use) => usages[use])),
        ...(hosts.length === 0
          ? []
          : [
              new x509.SubjectAlternativeNameExtension(
                hosts.map((value) => ({ type: /^[\d.]+$/.test(value) ? "ip" : "dns", value })),
              ),
            ]),
      ],
    });
    const paths = {
      certFile: join(this.directory, `${file}.crt`),
      keyFile: join(this.directory, `${file}.key`),
    };
    const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
    writeFileSync(paths.certFile, `${certificate.toString("pem")}\n${this.#above}`);
    writeFileSync(paths.keyFile, `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`);
    return { ...paths, serialNumber: certificate.serialNumber };
  }

  /** Writes `list.crl`. */
  async revoke(serialNumbers: readonly string[], form: "pem" | "der" = "pem"): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: new Date(Date.now() - 60_000),
      signingAlgorithm: algorithm,
      signingKey: this.#keys.privateKey,
      entries: serialNumbers.map((serialNumber) => ({ serialNumber, revocationDate: new Date() })),
    });
    const path = join(this.directory, "list.crl");
    writeFileSync(path, form === "pem" ? list.toString("pem") : Buffer.from(list.rawData));
    return path;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function generate(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 60_000), notAfter: new Date(now + validMs) };
}
