/** Tells an operator once when a member takes no part any more. Pure. */
import type { Logger } from "@flotilla/base";
import type { Isolation } from "@flotilla/consensus";
import { MemberError } from "./errors.ts";
import { type Isolated, isolationNotice } from "./isolation-notice.ts";

export class IsolationWatch {
  readonly #member: Isolated;
  readonly #logger: Logger;
  #told: Isolation["kind"] | undefined;

  constructor(member: Isolated, logger: Logger) {
    this.#member = member;
    this.#logger = logger;
  }

  /** Looks at what the engine says; gives the reason why the member has to end, once, if it has to. */
  look(isolation: Isolation | undefined): MemberError | undefined {
    const before = this.#told;
    this.#told = isolation?.kind;
    if (isolation === undefined || isolation.kind === before) return undefined;
    const { code, message } = isolationNotice(isolation, this.#member);
    if (code !== undefined) return new MemberError(code, message);
    this.#logger.error("member takes no part in votes", { reason: message });
    return undefined;
  }
}
