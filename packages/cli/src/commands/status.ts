/** `flotilla status`: members, nodes and pods on one screen, or as JSON. */
import { resolve } from "node:path";
import { readClusterFile } from "../cluster/cluster-file.ts";
import { connect } from "../cluster/connect.ts";
import { type ClusterView, observe } from "../cluster/observe.ts";
import type { QuorumView } from "../cluster/quorum-view.ts";
import { CommandError } from "../exit.ts";
import { table } from "../table.ts";

export interface StatusOptions {
  readonly dataDir: string;
  readonly output: string | undefined;
}

export async function status({ dataDir, output }: StatusOptions): Promise<void> {
  const cluster = readClusterFile(resolve(dataDir));
  const client = connect(
    cluster.members.map(({ apiUrl }) => apiUrl),
    cluster.kubeconfig,
  );
  const view = await observe(cluster, client).finally(() => client.close());
  const text = output === "json" ? JSON.stringify(view, null, 2) : statusText(view);
  process.stdout.write(`${text}\n`);
  const problem = quorumProblem(view);
  if (problem !== undefined) throw new CommandError("refused", problem.what, problem.next);
}

/** What a person sees. Votes are shown where they differ. */
export function statusText(view: ClusterView): string {
  const areWeighted = view.members.some(({ votes }) => votes !== 1);
  const ifWeighted = (cell: string) => (areWeighted ? [cell] : []);
  const members = table(
    [
      ...["MEMBER", "PID", "PROCESS", "ROLE", ...ifWeighted("VOTES")],
      ...["TERM", "APPLIED", "REVISION", "ETCD CLIENTS"],
    ],
    view.members.map((m) => [
      ...[m.name, String(m.pid), m.process, m.role, ...ifWeighted(String(m.votes))],
      ...[m.term, m.appliedIndex, m.revision].map((number) => (isHeard(m) ? String(number) : "-")),
      m.clientUrl,
    ]),
  );
  const nodes = table(
    ["NODE", "PID", "PROCESS", "CONDITION", "READY PODS"],
    view.nodes.map((n) => [
      ...[n.name, String(n.pid), n.process, n.condition === "" ? "?" : n.condition],
      `${n.readyPods}/${n.pods}`,
    ]),
  );
  const lines = [members, "", nodes, ""];
  if (view.apiProblem !== "") lines.push(`The Kubernetes API did not answer: ${view.apiProblem}`);
  lines.push(faultTolerance(view), ...view.remarks);
  if (view.entry !== "") lines.push(`Entry: ${view.entry}`);
  return lines.join("\n");
}

/** Of the others nothing is known. */
function isHeard({ role }: ClusterView["members"][number]): boolean {
  return role !== "stopped" && role !== "unreachable";
}

function faultTolerance({ quorum }: ClusterView): string {
  const { spare } = quorum;
  if (spare < 0) return "";
  const more = spare === 0 ? "no further member may fail" : `${spare} more may fail`;
  return `${answeringOf(quorum)}: ${more}.`;
}

function answeringOf({ answering, total, unit, needed }: QuorumView): string {
  return `${answering} of ${total} ${unit} answer, ${needed} are needed`;
}

function quorumProblem(view: ClusterView): { what: string; next: string } | undefined {
  if (view.hasLeader) return undefined;
  const missing = view.members.filter(({ role }) => role === "stopped" || role === "unreachable");
  return {
    what: `No leader: ${answeringOf(view.quorum)}. Writes are refused; what runs on the nodes goes on.`,
    next:
      missing.length === 0
        ? "An election is under way; ask again in a second."
        : `\`flotilla up\` starts what is missing: ${missing.map(({ name }) => name).join(", ")}.`,
  };
}
