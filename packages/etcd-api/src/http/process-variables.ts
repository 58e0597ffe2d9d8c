/** What `/debug/vars` and the metrics say of the process, in the places where Go's runtime says it. */
import { readdirSync, readFileSync } from "node:fs";

/** Soft limit of open files; 0 where the system does not say. */
export function openFilesMax(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0);
  } catch {
    return 0; // Not on this system.
  }
}

/** Files and sockets that are open; 0 where the system does not say. */
export function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0; // Not on this system.
  }
}

/** Address space of the process; 0 where the system does not say. */
export function virtualMemoryBytes(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/^VmSize:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // Not on this system.
  }
}

/** Bytes in and out of the network namespace of this process, as the client library of Prometheus has them. */
export function networkBytes(): { readonly received: number; readonly sent: number } {
  try {
    const lines = readFileSync("/proc/self/net/netstat", "utf8").split("\n");
    const names = lines.find((line) => line.startsWith("IpExt:"))?.split(" ") ?? [];
    const values = lines.filter((line) => line.startsWith("IpExt:"))[1]?.split(" ") ?? [];
    const value = (name: string): number => Number(values[names.indexOf(name)] ?? 0);
    return { received: value("InOctets"), sent: value("OutOctets") };
  } catch {
    return { received: 0, sent: 0 }; // Not on this system.
  }
}

/** As Go's expvar: the command line, memory, and the limit of open files. */
export function processVariables(): Readonly<Record<string, unknown>> {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return {
    cmdline: process.argv,
    file_descriptor_limit: openFilesMax(),
    memstats: {
      Sys: rss,
      HeapSys: heapTotal,
      HeapAlloc: heapUsed,
      Alloc: heapUsed + external,
      External: external,
      ArrayBuffers: arrayBuffers,
    },
  };
}
