/**
 * Everything a container needs before it can be started: volumes, ports, variables, its command.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type ConfigMap, type Container, configMaps, type Pod } from "@flotilla/objects";
import { reasonOf } from "../errors.ts";
import type { ProbeTarget } from "../probes/check.ts";
import type { Launch } from "../runtimes/runtime.ts";
import { recordOf } from "./decide.ts";
import { configMapsOf, type EnvironmentOutcome, environmentFor } from "./environment.ts";
import { expand } from "./expand.ts";
import type { PodDeps } from "./pod-deps.ts";
import type { PodRecord } from "./pod-record.ts";
import { configMapsOfVolumes, prepareVolumes } from "./volumes.ts";

/** Logs that are kept of one container: of the present start and of the one before. */
export const logsKept = 2;

export type Preparation =
  | {
      readonly kind: "ready";
      readonly launch: Launch;
      /** Of the whole pod, with this container's added. */
      readonly ports: Readonly<Record<string, number>>;
    }
  /** Cannot be started now; reason and message as Kubernetes shows them. */
  | { readonly kind: "failed"; readonly reason: string; readonly message: string };

type PreparationFailed = Extract<Preparation, { kind: "failed" }>;
type EnvironmentPreparation = Extract<EnvironmentOutcome, { kind: "ok" }> | PreparationFailed;
type ConfigMaps = Record<string, ConfigMap | undefined>;

/** Prepares the containers of one pod. */
export class ContainerPreparation {
  readonly #deps: PodDeps;
  /** As fetched last: a restart must not fail because the API cannot be reached. */
  readonly #knownConfigMaps = new Map<string, ConfigMap | undefined>();

  constructor(deps: PodDeps) {
    this.#deps = deps;
  }

  /** Gets everything ready for one start. Rejects when the disk refuses. */
  async prepare(container: Container, record: PodRecord): Promise<Preparation> {
    const imageProblem = this.#deps.runtime.imageProblem(container.image);
    if (imageProblem !== undefined) return failed("ErrImagePull", imageProblem);
    const words = [...(container.command ?? []), ...(container.args ?? [])];
    if (words.length === 0) {
      const message = `Cannot start container "${container.name}": it has no command`;
      return failed("CreateContainerConfigError", message);
    }
    await this.#deps.services.catchUp(record.pod.metadata.namespace ?? "default");
    const ports = await this.#portsFor(container, record);
    const outcome = await this.#environmentOf(container, { ...record, ports });
    if (outcome.kind === "failed") return outcome;
    const { environment } = outcome;
    const { pod } = record;
    const attempt = recordOf(record, container).starts;
    await this.#removeOldLog(pod, container, attempt - logsKept);
    const launch: Launch = {
      id: `${pod.metadata.uid}/${container.name}/${attempt}`,
      command: words.map((word) => expand(word, environment)),
      environment,
      directory: container.workingDir,
      logPath: this.logPathOf(pod, container, attempt),
    };
    return { kind: "ready", launch, ports };
  }

  /** `<pod directory>/<container>/<attempt>.log`. */
  logPathOf(pod: Pod, container: Container, attempt: number): string {
    const directory = this.#deps.records.directoryOf(pod.metadata.uid ?? "");
    return join(directory, container.name, `${attempt}.log`);
  }

  async #removeOldLog(pod: Pod, container: Container, attempt: number): Promise<void> {
    const path = this.logPathOf(pod, container, attempt);
    await rm(path, { force: true });
    await rm(`${path}.1`, { force: true });
  }

  /** Where the probes of a running container go; `record` gives the record as it is then. */
  probeTarget(container: Container, record: () => PodRecord): ProbeTarget {
    return {
      address: this.#deps.address,
      declared: container.ports ?? [],
      ports: record().ports,
      runCommand: async (command, timeoutMs, signal) => {
        const outcome = await this.#environmentOf(container, record());
        if (outcome.kind === "failed") return outcome;
        const { workingDir: directory } = container;
        const { environment } = outcome;
        return await this.#deps.runtime.run({ command, environment, directory }, timeoutMs, signal);
      },
    };
  }

  async #environmentOf(container: Container, record: PodRecord): Promise<EnvironmentPreparation> {
    const { records, services, volumeRoot, nodeName, address, inherited } = this.#deps;
    const { pod, ports } = record;
    const podVolumes = pod.spec.volumes ?? [];
    const maps = await this.#configMaps(pod, [
      ...configMapsOf(container),
      ...configMapsOfVolumes(podVolumes),
    ]);
    if (maps.kind === "failed") return failed("CreateContainerConfigError", maps.message);
    const volumes = await prepareVolumes({
      volumes: podVolumes,
      volumeRoot,
      podDirectory: records.directoryOf(pod.metadata.uid ?? ""),
      configMaps: maps.found,
    });
    if (volumes.kind === "failed") return failed("ContainerCreating", volumes.message);
    const outcome = environmentFor({
      pod,
      container,
      nodeName,
      address,
      ports,
      volumes: volumes.paths,
      services: services.variablesOf(pod.metadata.namespace ?? "default"),
      configMaps: maps.found,
      inherited,
    });
    if (outcome.kind === "ok") return outcome;
    return failed("CreateContainerConfigError", outcome.message);
  }

  async #configMaps(
    { metadata: { namespace = "default" } }: Pod,
    names: readonly string[],
  ): Promise<{ kind: "ok"; found: ConfigMaps } | { kind: "failed"; message: string }> {
    const found: ConfigMaps = {};
    for (const name of new Set(names)) {
      try {
        this.#knownConfigMaps.set(
          name,
          await this.#deps.client.get(configMaps, { namespace, name }),
        );
      } catch (error) {
        if (!this.#knownConfigMaps.has(name)) return { kind: "failed", message: reasonOf(error) };
      }
      found[name] = this.#knownConfigMaps.get(name);
    }
    return { kind: "ok", found };
  }

  /** A port is kept as long as it can be bound; a fixed one (hostPort, hostNetwork) is what it is. */
  async #portsFor(container: Container, record: PodRecord): Promise<Record<string, number>> {
    const ports: Record<string, number> = { ...record.ports };
    const isOnHost = record.pod.spec.hostNetwork === true;
    for (const { containerPort, hostPort } of container.ports ?? []) {
      const fixed = isOnHost ? containerPort : hostPort;
      if (fixed !== undefined && fixed !== 0) {
        ports[containerPort] = fixed;
        continue;
      }
      const kept = ports[containerPort];
      if (kept !== undefined && (await this.#deps.ports.isFree(kept))) continue;
      if (kept !== undefined) this.#deps.ports.release(kept);
      ports[containerPort] = await this.#deps.ports.allocate();
    }
    return ports;
  }
}

function failed(reason: string, message: string): PreparationFailed {
  return { kind: "failed", reason, message };
}
