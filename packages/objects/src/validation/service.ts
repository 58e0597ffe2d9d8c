/** Services and endpoint slices. Source: kubernetes pkg/apis/{core,discovery}/validation. Pure. */
import type { Endpoint, EndpointSlice, Json, Service, ServicePort } from "../types.ts";
import { duplicate, type FieldCause, forbidden, invalid, required } from "./field-cause.ts";
import { immutable, validateLabels } from "./metadata.ts";
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkPortNumber,
  isIpv4,
  isIpv6,
} from "./name-syntax.ts";
import { validatePortOrName, within } from "./numbers.ts";
import { validateIp } from "./pod.ts";

/** A service, new or changed. */
export function validateService(service: Service, old?: Service): FieldCause[] {
  const { spec } = service;
  return [
    ...validatePorts(service),
    ...validateLabels(spec.selector, "spec.selector"),
    ...validateType(service),
    ...validateClusterIps(service, old),
    ...(spec.externalIPs ?? []).flatMap((ip, index) =>
      validateIp(ip, `spec.externalIPs[${index}]`),
    ),
    ...within(
      "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
      spec.sessionAffinityConfig?.clientIP?.timeoutSeconds,
      [1, 86_400],
    ),
  ];
}

function isExternal({ spec }: Service): boolean {
  const types: readonly (string | undefined)[] = ["NodePort", "LoadBalancer"];
  return types.includes(spec.type) || (spec.externalIPs ?? []).length > 0;
}

function validatePorts(service: Service): FieldCause[] {
  const { ports = [], clusterIP, type } = service.spec;
  if (ports.length === 0) {
    return type === "ExternalName" || clusterIP === "None" ? [] : [required("spec.ports")];
  }
  const causes: FieldCause[] = [];
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const field = `spec.ports[${index}]`;
    causes.push(...validatePortName(port, names, { field, required: ports.length > 1 }));
    causes.push(...validatePort(port, service, field));
    const key = `${port.protocol ?? "TCP"}/${port.port}`;
    if (numbers.has(key)) causes.push(duplicate(field, port as unknown as Json));
    numbers.add(key);
  }
  return causes;
}

function validatePortName(
  { name = "" }: ServicePort,
  names: Set<string>,
  options: { readonly field: string; readonly required: boolean },
): FieldCause[] {
  const field = `${options.field}.name`;
  if (name === "") return options.required ? [required(field)] : [];
  const causes = checkDnsLabel(name).map((text) => invalid(field, name, text));
  if (names.has(name)) causes.push(duplicate(field, name));
  names.add(name);
  return causes;
}

function validatePort(port: ServicePort, { spec }: Service, field: string): FieldCause[] {
  const causes = checkPortNumber(port.port).map((text) =>
    invalid(`${field}.port`, port.port, text),
  );
  if (port.targetPort !== undefined) {
    causes.push(...validatePortOrName(`${field}.targetPort`, port.targetPort));
  }
  const nodePort = port.nodePort ?? 0;
  const usesNodePort = spec.type === "NodePort" || spec.type === "LoadBalancer";
  if (nodePort !== 0 && !usesNodePort) {
    const detail = `may not be used when \`type\` is '${spec.type ?? "ClusterIP"}'`;
    causes.push(forbidden(`${field}.nodePort`, detail));
  } else if (nodePort < 0 || nodePort > 65_535) {
    causes.push(
      ...checkPortNumber(nodePort).map((text) => invalid(`${field}.nodePort`, nodePort, text)),
    );
  }
  return causes;
}

function validateType(service: Service): FieldCause[] {
  const { spec } = service;
  const causes: FieldCause[] = [];
  if (spec.type === "ExternalName") {
    const name = spec.externalName ?? "";
    if (name === "") causes.push(required("spec.externalName"));
    else {
      const texts = checkDnsSubdomain(name.replace(/\.$/, ""));
      causes.push(...texts.map((text) => invalid("spec.externalName", name, text)));
    }
  }
  if (spec.externalTrafficPolicy !== undefined && !isExternal(service)) {
    const detail = "may only be set for externally-accessible services";
    causes.push(invalid("spec.externalTrafficPolicy", spec.externalTrafficPolicy, detail));
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== "LoadBalancer") {
    const detail = "may only be used when `type` is 'LoadBalancer'";
    causes.push(forbidden("spec.allocateLoadBalancerNodePorts", detail));
  }
  return causes;
}

function validateClusterIps({ spec }: Service, old: Service | undefined): FieldCause[] {
  const address = spec.clusterIP ?? "";
  const field = "spec.clusterIPs[0]";
  if (spec.type === "ExternalName") {
    if (address === "") return [];
    return [forbidden("spec.clusterIPs", "may not be set for ExternalName services")];
  }
  if (address === "None") {
    if (spec.type === "ClusterIP" || spec.type === undefined) return changedIp(spec, old);
    return [invalid(field, "None", `may not be set to 'None' for ${spec.type} services`)];
  }
  if (address === "") return [];
  const causes = validateIp(address, field);
  return causes.length > 0 ? causes : changedIp(spec, old);
}

/** Clients hold on to the address, so that it stays until the service goes. */
function changedIp(spec: Service["spec"], old: Service | undefined): FieldCause[] {
  const before = old?.spec.clusterIP ?? "";
  if (before === "" || before === spec.clusterIP) return [];
  return [invalid("spec.clusterIPs[0]", [spec.clusterIP ?? ""], "may not change once set")];
}

/** Kubernetes' limits. */
const endpointsMax = 1000;
const addressesMax = 100;
const slicePortsMax = 20_000;

/** An endpoint slice, new or changed. */
export function validateEndpointSlice(slice: EndpointSlice, old?: EndpointSlice): FieldCause[] {
  const { endpoints = [], ports } = slice;
  const addressType: string = slice.addressType ?? "";
  if (addressType === "") return [required("addressType")];
  const causes: FieldCause[] = [];
  if (endpoints.length > endpointsMax)
    causes.push(tooMany("endpoints", endpoints.length, endpointsMax));
  causes.push(...validateSlicePorts(ports ?? []));
  for (const [index, endpoint] of endpoints.entries()) {
    causes.push(...validateEndpoint(endpoint, addressType, `endpoints[${index}]`));
  }
  if (old !== undefined) causes.push(...immutable("addressType", addressType, old.addressType));
  return causes;
}

function tooMany(field: string, count: number, max: number): FieldCause {
  const message = `Too many: ${count}: must have at most ${max} items`;
  return { field, reason: "FieldValueTooMany", message };
}

function validateSlicePorts(ports: NonNullable<EndpointSlice["ports"]>): FieldCause[] {
  if (ports.length > slicePortsMax) return [tooMany("ports", ports.length, slicePortsMax)];
  const names = new Set<string>();
  return ports.flatMap(({ name = "" }, index) => {
    const field = `ports[${index}].name`;
    const texts = name === "" ? [] : checkDnsLabel(name);
    const causes = texts.map((text) => invalid(field, name, text));
    if (names.has(name)) causes.push(duplicate(field, name));
    names.add(name);
    return causes;
  });
}

function validateEndpoint(
  { addresses = [], hostname, nodeName }: Endpoint,
  addressType: string,
  field: string,
): FieldCause[] {
  const causes: FieldCause[] = [];
  if (addresses.length === 0) {
    causes.push(required(`${field}.addresses`, "must contain at least 1 address"));
  } else if (addresses.length > addressesMax) {
    causes.push(tooMany(`${field}.addresses`, addresses.length, addressesMax));
  }
  for (const [index, address] of addresses.entries()) {
    causes.push(...validateAddress(address, addressType, `${field}.addresses[${index}]`));
  }
  if (nodeName !== undefined) {
    const texts = checkDnsSubdomain(nodeName);
    causes.push(...texts.map((text) => invalid(`${field}.nodeName`, nodeName, text)));
  }
  if (hostname !== undefined) {
    const texts = checkDnsLabel(hostname);
    causes.push(...texts.map((text) => invalid(`${field}.hostname`, hostname, text)));
  }
  return causes;
}

/**
 * Loopback addresses pass, unlike in Kubernetes: with the process runtime, pods of one machine listen
 * there.
 */
function validateAddress(address: string, addressType: string, field: string): FieldCause[] {
  if (addressType === "FQDN") {
    return checkDnsSubdomain(address).map((text) => invalid(field, address, text));
  }
  const causes = validateIp(address, field);
  if (causes.length > 0) return causes;
  if (addressType === "IPv4" && !isIpv4(address)) {
    return [invalid(field, address, "must be an IPv4 address")];
  }
  if (addressType === "IPv6" && !isIpv6(address)) {
    return [invalid(field, address, "must be an IPv6 address")];
  }
  return [];
}
