/**
 * The cluster's certificate authority and the certificates it signs (ECDSA P-256).
 *
 * Made once per data directory and kept in `<data-dir>/pki`, keys with mode 0600. Only `up` loads
 * this module: it brings in an X.509 library that members and nodes do not need.
 */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { makeDirectories } from "../make-directories.ts";

x509.cryptoProvider.set(webcrypto);

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** Ten years, like the authority of kubeadm: a local cluster has nobody who renews it. */
const lifetimeMs = 3650 * 24 * 3600 * 1000;
/** A machine whose clock runs a little behind must accept it too. */
const backdatedMs = 3600 * 1000;

/** PEM texts. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Whom a certificate names: Kubernetes reads CN as the user and O as the groups. */
export interface Subject {
  readonly commonName: string;
  readonly organization?: string;
}

interface Authority {
  readonly pem: KeyPair;
  readonly certificate: x509.X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

/** Where the files are, and the authority's certificate. */
export class Pki {
  readonly #directory: string;
  readonly #authority: Authority;

  private constructor(directory: string, authority: Authority) {
    this.#directory = directory;
    this.#authority = authority;
  }

  /** Opens `<dataDir>/pki`, and makes the authority when there is none. */
  static async open(dataDir: string): Promise<Pki> {
    const directory = join(dataDir, "pki");
    makeDirectories(directory, 0o700);
    const pem = readPair(directory, "ca");
    if (pem !== undefined) return new Pki(directory, await importAuthority(pem));
    const authority = await createAuthority();
    writePair(directory, "ca", authority.pem);
    return new Pki(directory, authority);
  }

  get caCert(): string {
    return this.#authority.pem.cert;
  }

  /** Paths as flags want them. */
  paths(name: string): { readonly cert: string; readonly key: string; readonly ca: string } {
    const path = (file: string) => join(this.#directory, file);
    return { cert: path(`${name}.crt`), key: path(`${name}.key`), ca: path("ca.crt") };
  }

  /** For a server that is reached by these names and addresses. Made once, then read. */
  async server(name: string, hosts: readonly string[]): Promise<KeyPair> {
    return this.#issue(name, { commonName: name }, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({ type: /^[\d.]+$|:/.test(host) ? "ip" : "dns", value: host })),
      ),
    ]);
  }

  /** For a client that proves who it is. Made once, then read. */
  async client(name: string, subject: Subject): Promise<KeyPair> {
    return this.#issue(name, subject, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ]);
  }

  async #issue(name: string, subject: Subject, extensions: x509.Extension[]): Promise<KeyPair> {
    const found = readPair(this.#directory, name);
    if (found !== undefined) return found;
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: nameOf(subject),
      issuer: this.#authority.certificate.subject,
      ...validity(),
      signingKey: this.#authority.privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        ...extensions,
      ],
    });
    const pair = {
      cert: `${certificate.toString("pem")}\n`,
      key: await exportKey(keys.privateKey),
    };
    writePair(this.#directory, name, pair);
    return pair;
  }
}

function nameOf({ commonName, organization }: Subject): x509.JsonName {
  const name: x509.JsonName = [{ CN: [commonName] }];
  if (organization !== undefined) name.unshift({ O: [organization] });
  return name;
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - backdatedMs), notAfter: new Date(now + lifetimeMs) };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`;
}

async function createAuthority(): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: nameOf({ commonName: "flotilla-ca" }),
    ...validity(),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = { cert: `${certificate.toString("pem")}\n`, key: await exportKey(keys.privateKey) };
  return { pem, certificate, privateKey: keys.privateKey };
}

async function importAuthority(pem: KeyPair): Promise<Authority> {
  const der = x509.PemConverter.decodeFirst(pem.key);
  const key = await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
  return {
    pem,
    certificate: new x509.X509Certificate(pem.cert),
    privateKey: key,
  };
}

function readPair(directory: string, name: string): KeyPair | undefined {
  const [cert, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  if (!existsSync(cert) || !existsSync(key)) return undefined;
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

function writePair(directory: string, name: string, pair: KeyPair): void {
  // The key first: a certificate without its key would be taken for a finished pair.
  writeFileSync(join(directory, `${name}.key`), pair.key, { mode: 0o600 });
  writeFileSync(join(directory, `${name}.crt`), pair.cert);
}
