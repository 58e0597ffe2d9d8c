/**
 * Follows services and their endpoints, keeps the proxy up to date, and tells pods where services are.
 */
import type { Logger, Random, Timers } from "@flotilla/base";
import { type Following, follow, type ObjectClient } from "@flotilla/client";
import {
  type EndpointSlice,
  endpointSlices,
  type Service,
  type StringMap,
  services,
} from "@flotilla/objects";
import { pause } from "../timers.ts";
import { frontendKeyOf, frontendsOf, proxiedPortsOf, serviceKeyOf } from "./frontends.ts";
import type { ServiceProxy } from "./service-proxy.ts";
import { serviceVariables } from "./service-variables.ts";

/** How long a pod's start waits for services that exist but have not arrived here yet. */
export const catchUpMsMax = 2_000;
const catchUpStepMs = 10;

export interface ServiceDirectoryDeps {
  readonly client: ObjectClient;
  readonly random: Random;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly proxy: ServiceProxy;
  readonly address: string;
  readonly signal: AbortSignal;
}

/** See the file's header. */
export class ServiceDirectory {
  readonly #deps: ServiceDirectoryDeps;
  readonly #onReady: () => void;
  #services: Following<Service> | undefined;
  #slices: Following<EndpointSlice> | undefined;
  #isReady = false;

  /** `onReady` is called once, when services and endpoints were seen and are served. */
  constructor(deps: ServiceDirectoryDeps, onReady: () => void) {
    this.#deps = deps;
    this.#onReady = onReady;
  }

  start(): void {
    const { client, signal, random, logger } = this.#deps;
    const options = { signal, random, logger, backoffMsMax: 1_000 };
    const handlers = { onChange: () => this.#refresh(), onSynced: () => this.#refresh() };
    this.#services = follow(client, services, options, handlers);
    this.#slices = follow(client, endpointSlices, options, handlers);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** `DB_SERVICE_HOST` and so on, of the services of one namespace that are known here. */
  variablesOf(namespace: string): StringMap {
    const own = this.#known().filter(({ metadata }) => metadata.namespace === namespace);
    return serviceVariables(own, this.#deps.address, (key) => this.#deps.proxy.portOf(key));
  }

  /**
   * Waits until the services that the API has in `namespace` now are served here: a pod's event may
   * overtake that of a service it needs. Bounded, and over at once when the API cannot be reached.
   */
  async catchUp(namespace: string): Promise<void> {
    const { client, timers, signal } = this.#deps;
    let listed: readonly Service[];
    try {
      listed = (await client.list(services, { namespace })).items;
    } catch {
      return; // What is known has to do.
    }
    for (let waitedMs = 0; waitedMs < catchUpMsMax && !signal.aborted; waitedMs += catchUpStepMs) {
      if (listed.every((service) => this.#isServed(service))) return;
      await pause(timers, catchUpStepMs, signal);
    }
  }

  #isServed(service: Service): boolean {
    const known = this.#services?.objects.get(serviceKeyOf(service));
    if (known === undefined) return false;
    return proxiedPortsOf(known).every(
      (port) => this.#deps.proxy.portOf(frontendKeyOf(known, port)) !== undefined,
    );
  }

  #known(): Service[] {
    return [...(this.#services?.objects.values() ?? [])];
  }

  #refresh(): void {
    // Serving half a view would turn clients away from services whose endpoints are merely unread.
    if (this.#services?.synced !== true || this.#slices?.synced !== true) return;
    const frontends = frontendsOf(this.#known(), this.#slices.objects.values());
    void this.#deps.proxy.update(frontends).then(() => {
      if (this.#isReady) return;
      this.#isReady = true;
      this.#onReady();
    });
  }
}
