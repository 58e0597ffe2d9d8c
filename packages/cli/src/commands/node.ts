/** `flotilla node`: runs one agent until it is told to end. */
import { resolve } from "node:path";
import { startAgent } from "@flotilla/agent";
import { connect } from "../cluster/connect.ts";
import { CommandError } from "../exit.ts";
import { makeDirectories } from "../make-directories.ts";
import { systemRandom } from "../system.ts";
import { openLog } from "../zap-log.ts";

export interface NodeOptions {
  readonly server: string;
  readonly name: string;
  /** Needed by servers that ask who is there; plain http does not. */
  readonly kubeconfig: string | undefined;
  readonly dataDir: string;
  readonly labels: string;
  readonly address: string;
  readonly volumeRoot: string;
}

export async function node(options: NodeOptions): Promise<void> {
  const dataDir = resolve(options.dataDir);
  makeDirectories(dataDir);
  const client = connect(options.server.split(","), options.kubeconfig);
  const logger = openLog({ level: "info" });
  const agent = await startAgent({
    nodeName: options.name,
    client,
    dataDir,
    address: options.address,
    labels: parseLabels(options.labels),
    volumeRoot: options.volumeRoot,
    random: systemRandom(),
    logger,
  });
  // SIGTERM is what a service manager sends to restart the agent: what it runs goes on.
  // SIGINT is a person's Ctrl-C, and `flotilla down`: the node is to be empty.
  const workloads = await Promise.race([
    once("SIGTERM", "leave" as const),
    once("SIGINT", "stop" as const),
  ]);
  logger.info("agent is stopping", { node: options.name, workloads });
  await agent.stop(workloads);
  client.close();
}

function once<T>(signal: NodeJS.Signals, value: T): Promise<T> {
  return new Promise((resolve) => process.once(signal, () => resolve(value)));
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const part of text.split(",").filter((one) => one !== "")) {
    const [key, value, ...rest] = part.split("=");
    if (key === undefined || key === "" || value === undefined || rest.length > 0) {
      throw new CommandError(
        "wrongArguments",
        `--labels takes key=value pairs by commas, got ${JSON.stringify(part)}`,
      );
    }
    labels[key] = value;
  }
  return labels;
}
