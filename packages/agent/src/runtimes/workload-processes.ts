/** Which processes a node runs, seen from outside its agent: for tools that act on a whole node. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { markerVariable } from "./process.ts";
import { environmentOfAll } from "./process-identity.ts";

/**
 * Pids of everything that agents of `dataDir` started, descendants included; empty when no agent ever
 * used that directory. Works while the agent is dead or stopped.
 */
export function workloadProcesses(dataDir: string): number[] {
  const prefix = agentPrefix(dataDir);
  if (prefix === undefined) return [];
  return [...environmentOfAll(markerVariable)]
    .filter(([, marker]) => marker.startsWith(prefix))
    .map(([pid]) => pid);
}

function agentPrefix(dataDir: string): string | undefined {
  try {
    const { id } = JSON.parse(readFileSync(join(dataDir, "agent.json"), "utf8"));
    return typeof id === "string" ? `${id}/` : undefined;
  } catch {
    return undefined; // No agent has started there yet.
  }
}
