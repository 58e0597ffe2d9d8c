/**
 * The schema table: every message of the kinds that are served, from the files beside this one.
 * Pure; read once, when the module loads.
 */
import { present } from "@flotilla/base";
import type { Resource } from "../resources.ts";
import { appsSchema } from "./apps.ts";
import { containerSchema } from "./container.ts";
import { coordinationSchema } from "./coordination.ts";
import { coreSchema } from "./core.ts";
import { discoverySchema } from "./discovery.ts";
import { enumerations } from "./enumerations.ts";
import { metaSchema } from "./meta.ts";
import { nodeSchema } from "./node.ts";
import { type Message, parseSchema } from "./notation.ts";
import { podSchema } from "./pod.ts";
import { podStatusSchema } from "./pod-status.ts";
import { serviceSchema } from "./service.ts";
import { subresourceSchema } from "./subresource.ts";
import { volumeSchema } from "./volume.ts";

/** Every message by its Go name. */
export const messages: ReadonlyMap<string, Message> = parseSchema(enumerations, [
  { package: "io.k8s.apimachinery.pkg.apis.meta.v1", text: metaSchema },
  { package: "io.k8s.api.core.v1", text: coreSchema },
  { package: "io.k8s.api.core.v1", text: nodeSchema },
  { package: "io.k8s.api.core.v1", text: podSchema },
  { package: "io.k8s.api.core.v1", text: podStatusSchema },
  { package: "io.k8s.api.core.v1", text: containerSchema },
  { package: "io.k8s.api.core.v1", text: volumeSchema },
  { package: "io.k8s.api.core.v1", text: serviceSchema },
  { package: "io.k8s.api.apps.v1", text: appsSchema },
  { package: "io.k8s.api.discovery.v1", text: discoverySchema },
  { package: "io.k8s.api.coordination.v1", text: coordinationSchema },
  { package: "io.k8s.api.autoscaling.v1", text: subresourceSchema },
]);

/** The message of a kind ("Pod"), or any other by its Go name. */
export function messageNamed(name: string): Message {
  return present(messages.get(name), `schema message ${name}`);
}

/** The message of a resource's kind. */
export function messageOf(resource: Resource): Message {
  return messageNamed(resource.kind);
}
