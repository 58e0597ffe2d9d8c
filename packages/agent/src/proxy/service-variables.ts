/**
 * `DB_SERVICE_HOST` and its like.
 *
 * Source: Kubernetes pkg/kubelet/envvars. Departure: host and port are those of this node's own proxy,
 * because on a plain host nothing answers at a cluster IP. Pure.
 */
import type { Service, StringMap } from "@flotilla/objects";
import { frontendKeyOf, proxiedPortsOf } from "./frontends.ts";

/** The variables for `services`; a port that the proxy does not serve yet is left out. */
export function serviceVariables(
  services: Iterable<Service>,
  address: string,
  portOf: (frontendKey: string) => number | undefined,
): StringMap {
  const variables: StringMap = {};
  for (const service of services) {
    const prefix = upper(service.metadata.name);
    for (const port of proxiedPortsOf(service)) {
      const own = portOf(frontendKeyOf(service, port));
      if (own === undefined) continue;
      variables[`${prefix}_SERVICE_HOST`] = address;
      variables[`${prefix}_SERVICE_PORT`] ??= String(own);
      if (port.name !== undefined) {
        variables[`${prefix}_SERVICE_PORT_${upper(port.name)}`] = String(own);
      }
    }
  }
  return variables;
}

function upper(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}
