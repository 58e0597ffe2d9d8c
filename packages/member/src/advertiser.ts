/** Tells the cluster where this member is reached, until the cluster knows. */
import { failpoint } from "@flotilla/base";
import type { MemberAttributes } from "@flotilla/store";
import type { ProposeOutcome } from "./contract.ts";
import { advertiseRetryMs } from "./limits.ts";
import { sameAttributes } from "./membership.ts";

export interface AdvertiserPorts {
  /** What the cluster knows of this member, as far as is seen here. */
  known(): MemberAttributes | undefined;
  propose(attributes: MemberAttributes): Promise<ProposeOutcome>;
  /** For a member that keeps no store; true when the leader has written it down. */
  askLeader(attributes: MemberAttributes): Promise<boolean>;
  sleep(ms: number): Promise<void>;
}

export class Advertiser {
  readonly #ports: AdvertiserPorts;
  #attributes: MemberAttributes | undefined;
  #isRunning = false;
  #isStopped = false;

  constructor(ports: AdvertiserPorts) {
    this.#ports = ports;
  }

  /** These from now on. */
  advertise(attributes: MemberAttributes): void {
    this.#attributes = attributes;
    if (!this.#isRunning) void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (!this.#isStopped && this.#attributes !== undefined) {
      const attributes = this.#attributes;
      if (await this.#tell(attributes)) {
        // Unless there is something else to tell by now.
        if (this.#attributes === attributes) this.#attributes = undefined;
      } else await this.#ports.sleep(advertiseRetryMs);
    }
    this.#isRunning = false;
  }

  /** True once the cluster knows. */
  async #tell(attributes: MemberAttributes): Promise<boolean> {
    if (sameAttributes(this.#ports.known(), attributes)) return true;
    failpoint("beforePublishing");
    const outcome = await this.#ports.propose(attributes);
    if (outcome.kind === "noData") return this.#ports.askLeader(attributes);
    return outcome.kind === "applied";
  }
}
