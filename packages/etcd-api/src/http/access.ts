/**
 * Which pages and which host names may use the HTTP side. Source: etcd server/embed/serve.go
 * (`accessController`), client/pkg/types/urls. Pure.
 */
import type { OutgoingHttpHeaders } from "node:http";
import { type Answer, textAnswer } from "./answer.ts";

/** Stands for any origin, or any host. */
const any = "*";

/** Tells browsers whether a page of `origin` may see the answers. */
export function corsHeaders(
  origins: readonly string[],
  origin: string | undefined,
): OutgoingHttpHeaders {
  const allowed = origins.length === 0 || origins.includes(any) ? any : origin;
  if (allowed === undefined || (allowed !== any && !origins.includes(allowed))) return {};
  return {
    "Access-Control-Allow-Headers": "accept, content-type, authorization",
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS, PUT, DELETE",
    "Access-Control-Allow-Origin": allowed,
  };
}

/** True when plaintext requests may name this server so. Keeps pages from reaching it by DNS rebinding. */
export function isHostAllowed(whitelist: readonly string[], host: string): boolean {
  if (whitelist.length === 0 || whitelist.includes(any)) return true;
  return whitelist.includes(hostnameOf(host));
}

/** What a request with another host name gets. */
export function misdirected(host: string): Answer {
  const text = `
etcd received your request, but the Host header was unrecognized.

To fix this, choose one of the following options:
- Enable TLS, then any HTTPS request will be allowed.
- Add the hostname you want to use to the whitelist in settings.
  - e.g. etcd --host-whitelist ${JSON.stringify(hostnameOf(host))}

This requirement has been added to help prevent "DNS Rebinding" attacks (CVE-2018-5702).

`;
  return textAnswer(421, text);
}

/** Without the port; an IPv6 address without its brackets. */
function hostnameOf(host: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host);
  return match?.[1] ?? match?.[2] ?? host;
}
