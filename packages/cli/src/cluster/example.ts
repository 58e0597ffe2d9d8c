/** The example shop that `up` brings along, and where its entry goes when its port is taken. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ObjectClient } from "@flotilla/client";
import { type Service, services } from "@flotilla/objects";
import { type Manifest, readManifests } from "./manifests.ts";
import { host } from "./plan.ts";
import { PortFinder } from "./ports.ts";

/** The repository that this program runs from; the example's commands are relative to it. */
export const home: string = fileURLToPath(new URL("../../../../../", import.meta.url));
const file = join(home, "examples", "shop", "shop.yaml");

/** The example's objects; none where this program runs without its repository. */
export function exampleManifests(): Manifest[] {
  return existsSync(file) ? readManifests(file) : [];
}

/** The same with every entry at the port it has in this cluster already, or at a free one. */
export async function withFreeEntries(
  client: ObjectClient,
  manifests: readonly Manifest[],
): Promise<Manifest[]> {
  const ports = new PortFinder(host);
  const placed: Manifest[] = [];
  for (const manifest of manifests) {
    const service = manifest.object as Service;
    const wanted = service.spec.ports?.[0]?.port;
    if (service.kind !== services.kind || service.spec.type !== "LoadBalancer" || !wanted) {
      placed.push(manifest);
      continue;
    }
    const { name, namespace = "default" } = service.metadata;
    const present = await client.get(services, { namespace, name });
    const port = present?.spec.ports?.[0]?.port ?? (await ports.next(wanted));
    placed.push({ ...manifest, object: withPort(service, port) });
  }
  return placed;
}

function withPort(service: Service, port: number): Service {
  const [first, ...rest] = service.spec.ports ?? [];
  return { ...service, spec: { ...service.spec, ports: [{ ...first, port }, ...rest] } };
}
