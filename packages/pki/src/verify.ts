/**
 * What is asked of the other side's certificate beyond a chain to an authority. Source: etcd
 * client/pkg/transport listener.go (names) and listener_tls.go (addresses, revocation).
 */
import { lookup, lookupService } from "node:dns/promises";
import { isIP } from "node:net";
import {
  checkServerIdentity,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
import { PkiError } from "./errors.ts";
import type { TlsMaterial } from "./tls-material.ts";

/** Why the certificate at the other end of `socket` will not do; undefined when it will. */
export function objectionToCertificate(
  socket: TLSSocket,
  material: TlsMaterial,
): string | undefined {
  const certificate = certificateOf(socket);
  if (certificate === undefined) return undefined;
  const { allowedNames = [], allowedHostnames = [] } = material.options;
  if (allowedNames.length > 0 && !allowedNames.includes(commonNameOf(certificate))) {
    return `CommonName authentication failed: "${commonNameOf(certificate)}" is not one of ${allowedNames.join(", ")}`;
  }
  if (allowedHostnames.length > 0 && !allowedHostnames.some((host) => isFor(certificate, host))) {
    return `hostname authentication failed: the certificate is for none of ${allowedHostnames.join(", ")}`;
  }
  try {
    const isRevoked = chainOf(socket).some((one) => material.isRevoked(one.serialNumber));
    return isRevoked ? "certificate is revoked" : undefined;
  } catch (error) {
    if (error instanceof PkiError) return error.message;
    throw error;
  }
}

/** Names and addresses of machines; what is not known has none. */
export interface NameService {
  /** Of an address. */
  nameOf(address: string): Promise<string | undefined>;
  addressesOf(name: string): Promise<readonly string[]>;
}

const systemNames: NameService = {
  nameOf: (address) =>
    lookupService(address, 0).then(
      ({ hostname }) => hostname,
      () => undefined,
    ),
  addressesOf: (name) =>
    lookup(name, { all: true }).then(
      (found) => found.map(({ address }) => address),
      () => [],
    ),
};

/** Why a certificate does not belong to where its holder comes from; undefined when it does, or names no place. */
export async function objectionToAddress(
  certificate: PeerCertificate | undefined,
  remoteAddress: string,
  service: NameService = systemNames,
): Promise<string | undefined> {
  if (certificate === undefined) return undefined;
  const address = plainAddress(remoteAddress);
  const said = certificate.subjectaltname ?? "";
  const names = said.split(", ");
  const hosts = names.filter((name) => name.startsWith("DNS:")).map((name) => name.slice(4));
  const hasAddress = names.some((name) => name.startsWith("IP Address:"));
  if (hosts.length === 0 && !hasAddress) return undefined;
  if (hasAddress && isFor(certificate, address)) return undefined;
  // In quotes stands what could be taken for further names.
  if (!said.includes('"') && (await inTime(isOneOf(hosts, address, service)))) return undefined;
  return `tls: "${address}" does not match any of the certificate's names (${said})`;
}

/** Names of one certificate that are looked up. */
const hostsMax = 16;
/** For all of them: a connection that waits for a name service must not wait for ever. */
const lookUpMs = 5_000;

/** By the name that the address has, which is all that there is of a wildcard, or by the names' addresses. */
async function isOneOf(
  hosts: readonly string[],
  address: string,
  service: NameService,
): Promise<boolean> {
  const name = await service.nameOf(address);
  const isNamed = (host: string): boolean =>
    host.startsWith("*.") ? name?.endsWith(host.slice(1)) === true : name === host;
  if (hosts.some(isNamed)) return true;
  for (const host of hosts.filter((host) => !host.startsWith("*.")).slice(0, hostsMax)) {
    const found = await service.addressesOf(host);
    if (found.some((one) => plainAddress(one) === address)) return true;
  }
  return false;
}

function inTime(answer: Promise<boolean>): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), lookUpMs);
    void answer.then((found) => {
      clearTimeout(late);
      resolve(found);
    });
  });
}

/** The certificate that the other side has shown. */
export function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate() as PeerCertificate | null;
  return certificate === null || certificate.raw === undefined ? undefined : certificate;
}

/** It and those above it that were shown with it. */
function chainOf(socket: TLSSocket): readonly PeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // An authority of its own names itself as its issuer.
  while (next?.raw !== undefined && !chain.includes(next)) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

/** Empty when it has none; of several the last, as Go's parser has it. */
export function commonNameOf(certificate: PeerCertificate): string {
  const names: unknown = certificate.subject?.CN;
  const name: unknown = Array.isArray(names) ? names.at(-1) : names;
  return typeof name === "string" ? name : "";
}

/** By its alternative names alone: as in Go, its common name is not that of a host. */
function isFor(certificate: PeerCertificate, host: string): boolean {
  if (certificate.subjectaltname === undefined) return false;
  return checkServerIdentity(host, certificate) === undefined;
}

/** An IPv4 address is the same written as one of IPv6. */
function plainAddress(address: string): string {
  const mapped = address.replace(/^::ffff:/i, "");
  return isIP(mapped) === 4 ? mapped : address;
}
