/**
 * What is asked of the other side's certificate beyond a chain to an authority. Source: etcd
 * client/pkg/transport listener.go (names) and listener_tls.go (addresses, revocation).
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from "node:tls";
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
    return material.isRevoked(certificate.serialNumber) ? "certificate is revoked" : undefined;
  } catch (error) {
    if (error instanceof PkiError) return error.message;
    throw error;
  }
}

/** Why a certificate does not belong to where its holder comes from; undefined when it does, or names no place. */
export async function objectionToAddress(socket: TLSSocket): Promise<string | undefined> {
  const certificate = certificateOf(socket);
  const address = plainAddress(socket.remoteAddress ?? "");
  if (certificate === undefined) return undefined;
  const names = (certificate.subjectaltname ?? "").split(", ");
  const hosts = names.filter((name) => name.startsWith("DNS:")).map((name) => name.slice(4));
  const hasAddress = names.some((name) => name.startsWith("IP Address:"));
  if (hosts.length === 0 && !hasAddress) return undefined;
  if (hasAddress && isFor(certificate, address)) return undefined;
  for (const host of hosts.slice(0, hostsMax)) {
    const found = await lookup(host, { all: true }).catch(() => []);
    if (found.some((one) => plainAddress(one.address) === address)) return undefined;
  }
  return `tls: "${address}" does not match any of the certificate's names (${names.join(", ")})`;
}

/** Names of one certificate that are looked up. */
const hostsMax = 16;

/** The certificate that the other side has shown. */
export function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate() as PeerCertificate | null;
  return certificate === null || certificate.raw === undefined ? undefined : certificate;
}

/** Empty when it has none; of several the last, as Go's parser has it. */
export function commonNameOf(certificate: PeerCertificate): string {
  const names: unknown = certificate.subject?.CN;
  const name: unknown = Array.isArray(names) ? names.at(-1) : names;
  return typeof name === "string" ? name : "";
}

function isFor(certificate: PeerCertificate, host: string): boolean {
  return checkServerIdentity(host, certificate) === undefined;
}

/** An IPv4 address is the same written as one of IPv6. */
function plainAddress(address: string): string {
  const mapped = address.replace(/^::ffff:/i, "");
  return isIP(mapped) === 4 ? mapped : address;
}
