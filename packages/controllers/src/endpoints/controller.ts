/** The EndpointSlice controller: gathers what `decideSlices` needs. */
import { objectKey } from "@flotilla/client";
import {
  endpointSlices,
  type Pod,
  pods,
  type Service,
  type StringMap,
  services,
} from "@flotilla/objects";
import { type Controller, inNamespaceOf, parseKey, type Seen, wakeOn } from "../controller.ts";
import { settled } from "../decision.ts";
import { decideSlices, serviceNameLabel } from "./decide-slices.ts";

/** Services with a selector to EndpointSlices. */
export const endpointSliceController: Controller = {
  name: "endpointslice",
  wakes: [
    wakeOn(services, ({ object }) => [objectKey(object)]),
    wakeOn(pods, ({ object, previous }, seen) => servicesOf(object, previous, seen)),
    wakeOn(endpointSlices, ({ object }) => {
      const service = object.metadata.labels?.[serviceNameLabel];
      return service === undefined ? [] : [`${object.metadata.namespace}/${service}`];
    }),
  ],
  async reconcile({ client, random }, key) {
    const service = await client.get(services, parseKey(key));
    // Without a service its slices go by their owner reference; without a selector they are not ours.
    if (service === undefined || !hasSelector(service)) return settled;
    const [allPods, slices] = await Promise.all([
      client.list(pods, inNamespaceOf(key)),
      client.list(endpointSlices, inNamespaceOf(key)),
    ]);
    return decideSlices({
      service,
      pods: allPods.items.filter((pod) => selects(service, pod.metadata.labels)),
      slices: slices.items.filter(
        ({ metadata }) => metadata.labels?.[serviceNameLabel] === service.metadata.name,
      ),
      random,
    });
  },
};

/** Services that select the pod now, or did before the change. */
function servicesOf(pod: Pod, previous: Pod | undefined, seen: Seen): string[] {
  const keys: string[] = [];
  for (const service of seen.all(services)) {
    if (service.metadata.namespace !== pod.metadata.namespace || !hasSelector(service)) continue;
    const labels = [pod.metadata.labels, previous?.metadata.labels];
    if (labels.some((each) => selects(service, each))) keys.push(objectKey(service));
  }
  return keys;
}

function hasSelector({ spec }: Service): boolean {
  return Object.keys(spec.selector ?? {}).length > 0;
}

function selects(service: Service, labels: StringMap | undefined): boolean {
  return Object.entries(service.spec.selector ?? {}).every(
    ([name, value]) => labels?.[name] === value,
  );
}
