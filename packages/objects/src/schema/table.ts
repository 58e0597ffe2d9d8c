/**
 * The schema table: every message of the kinds that are served, from the files beside this one.
 * Pure; read once, when the module loads.
 */
import { present } from "@flotilla/base";
import type { Resource } from "../resources.ts";
import { appsSchema } from "./apps.ts";
import { containerSchema } from "./container.ts";
import { coreSchema } from "./core.ts";
import { enumerations } from "./enumerations.ts";
import { metaSchema } from "./meta.ts";
import { nodeSchema } from "./node.ts";
import { type Message, parseSchema } from "./notation.ts";
import { podSchema } from "./pod.ts";
import { podStatusSchema } from "./pod-status.ts";
import { serviceSchema } from "./service.ts";
import { volumeSchema } from "./volume.ts";

/** Every message by its Go name. */
export const messages: ReadonlyMap<string, Message> = parseSchema(enumerations, [
  metaSchema,
  coreSchema,
  nodeSchema,
  podSchema,
  podStatusSchema,
  containerSchema,
  volumeSchema,
  serviceSchema,
  appsSchema,
]);

/** The message of a kind ("Pod"), or any other by its Go name. */
export function messageNamed(name: string): Message {
  return present(messages.get(name), `schema message ${name}`);
}

/** The message of a resource's kind. */
export function messageOf(resource: Resource): Message {
  return messageNamed(resource.kind);
}
