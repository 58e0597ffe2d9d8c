/**
 * The paths of the HTTP side that are plain GETs. Source: etcd server/etcdserver/api/etcdhttp,
 * server/embed/etcd.go (what the extra metrics listeners serve).
 */
import type { ServiceContext } from "../context.ts";
import { clusterVersionOf } from "../maintenance/downgrade.ts";
import { type Answer, jsonAnswer, methodNotAllowed, notFound, textAnswer } from "./answer.ts";
import { Health, type Question } from "./health.ts";
import { processVariables } from "./process-variables.ts";

type Page = (query: URLSearchParams) => Answer | Promise<Answer>;

/** Which pages: of the client port, or of a metrics listener. */
export type PageSet = "client" | "metrics";

export class Pages {
  readonly #health: Health;
  readonly #pages: ReadonlyMap<string, Page>;

  constructor(context: ServiceContext, set: PageSet) {
    this.#health = new Health(context);
    const pages: [string, Page][] = [
      ["/health", (query) => this.#health.health(query)],
      ["/livez", (query) => this.#health.checkAll("livez", query)],
      ["/readyz", (query) => this.#health.checkAll("readyz", query)],
    ];
    if (set === "client") {
      pages.push(["/version", () => version(context)]);
      pages.push(["/debug/vars", () => debugVariables(context)]);
    }
    this.#pages = new Map(pages);
  }

  /** The answer of a path but `/metrics`. */
  async answer(method: string, path: string, query: URLSearchParams): Promise<Answer> {
    const page = this.#pages.get(path) ?? this.#checkPage(path);
    if (page === undefined) return notFound;
    return method === "GET" ? page(query) : methodNotAllowed;
  }

  /** `/livez/NAME` and `/readyz/NAME`. */
  #checkPage(path: string): Page | undefined {
    const match = /^\/(livez|readyz)\/(\w+)$/.exec(path);
    if (match === null) return undefined;
    const [, question = "livez", name = ""] = match;
    return async (query) =>
      (await this.#health.checkOne(question as Question, name, query)) ?? notFound;
  }
}

/** What the cluster's versions are. */
function version({ member, options }: ServiceContext): Answer {
  const { server } = options.versions;
  const cluster = clusterVersionOf(member.store, options.versions.cluster);
  return jsonAnswer(
    200,
    JSON.stringify({ etcdserver: server, etcdcluster: cluster, storage: cluster }),
  );
}

function debugVariables({ member }: ServiceContext): Answer {
  const { term, leaderId, commitIndex, appliedIndex, isLeader } = member.status();
  const raft = {
    id: member.id.toString(16),
    term,
    commit: commitIndex,
    applied: appliedIndex,
    lead: leaderId.toString(16),
    raftState: isLeader ? "StateLeader" : "StateFollower",
  };
  const answer = jsonAnswer(
    200,
    `${JSON.stringify({ ...processVariables(), "raft.status": raft })}\n`,
  );
  return { ...answer, headers: { "Content-Type": "application/json; charset=utf-8" } };
}

/** The text that Prometheus scrapes. */
export function metricsAnswer(text: string): Answer {
  const contentType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
  return { ...textAnswer(200, text), headers: { "Content-Type": contentType } };
}
