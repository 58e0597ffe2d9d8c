/** What this machine says about itself, in Kubernetes' words. */
import { readFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import type { NodeFacts } from "./node-object.ts";

const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** Reads the facts that do not depend on how the agent was started. */
export function machineFacts(): Omit<NodeFacts, "name" | "address" | "labels"> {
  return {
    operatingSystem: platform(),
    architecture: architectures[arch()] ?? arch(),
    cpuCount: Math.max(1, cpus().length),
    memoryBytes: totalmem(),
    info: {
      machineID: lineOf("/etc/machine-id"),
      systemUUID: lineOf("/etc/machine-id"),
      bootID: lineOf("/proc/sys/kernel/random/boot_id"),
      kernelVersion: release(),
      osImage: osImage(),
      containerRuntimeVersion: `process://${process.versions.node}`,
    },
  };
}

function osImage(): string {
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(textOf("/etc/os-release"));
  return name?.[1] ?? platform();
}

function lineOf(path: string): string {
  return textOf(path).trim();
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // Not every system has it, and nothing depends on it.
  }
}
