/** Probes and lifecycle hooks. Source: kubernetes pkg/apis/core/validation. Pure. */
import type { Container, LifecycleHandler, Probe } from "../types.ts";
import { type FieldCause, forbidden, invalid, required } from "./field-cause.ts";
import { checkHeaderName } from "./name-syntax.ts";
import { nonNegative, validatePortOrName } from "./numbers.ts";

const handlers = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;

/** The three probes of a container. */
export function validateProbes(container: Container, field: string): FieldCause[] {
  return [
    ...validateProbe(container.livenessProbe, `${field}.livenessProbe`, true),
    ...validateProbe(container.readinessProbe, `${field}.readinessProbe`, false),
    ...validateProbe(container.startupProbe, `${field}.startupProbe`, true),
  ];
}

function validateProbe(
  probe: Probe | undefined,
  field: string,
  succeedsOnce: boolean,
): FieldCause[] {
  if (probe === undefined) return [];
  const causes = validateHandler(probe, field);
  for (const name of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const) {
    causes.push(...nonNegative(`${field}.${name}`, probe[name]));
  }
  // One success ends a failure of these: there is nothing to count.
  if (succeedsOnce && probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    causes.push(invalid(`${field}.successThreshold`, probe.successThreshold, "must be 1"));
  }
  return causes;
}

/** Hooks after the start and before the end. */
export function validateLifecycle({ lifecycle }: Container, field: string): FieldCause[] {
  return (["postStart", "preStop"] as const).flatMap((name) => {
    const handler = lifecycle?.[name];
    return handler === undefined ? [] : validateHandler(handler, `${field}.lifecycle.${name}`);
  });
}

function validateHandler(handler: Probe & LifecycleHandler, field: string): FieldCause[] {
  const given = handlers.filter((name) => handler[name] !== undefined);
  if (given.length === 0) return [required(field, "must specify a handler type")];
  const causes: FieldCause[] = [];
  for (const [index, name] of given.entries()) {
    if (index > 0) {
      causes.push(forbidden(`${field}.${name}`, "may not specify more than 1 handler type"));
    } else causes.push(...validateOneHandler(handler, name, `${field}.${name}`));
  }
  return causes;
}

function validateOneHandler(
  handler: Probe & LifecycleHandler,
  name: (typeof handlers)[number],
  field: string,
): FieldCause[] {
  switch (name) {
    case "exec":
      return (handler.exec?.command ?? []).length === 0 ? [required(`${field}.command`)] : [];
    case "tcpSocket":
      return validatePortOrName(`${field}.port`, handler.tcpSocket?.port ?? 0);
    case "grpc":
      return validatePortOrName(`${field}.port`, handler.grpc?.port ?? 0);
    case "sleep":
      return nonNegative(`${field}.seconds`, handler.sleep?.seconds);
    case "httpGet": {
      const causes = validatePortOrName(`${field}.port`, handler.httpGet?.port ?? 0);
      for (const header of handler.httpGet?.httpHeaders ?? []) {
        const texts = checkHeaderName(header.name);
        causes.push(...texts.map((text) => invalid(`${field}.httpHeaders`, header.name, text)));
      }
      return causes;
    }
  }
}
