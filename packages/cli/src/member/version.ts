/** What `--version` prints. Pure. */
import type { Versions } from "@flotilla/etcd-api";

/** Of this program. */
export const flotillaVersion = "0.1.0";
/** Whose protocol is spoken: clients decide by it which requests they may use. */
export const etcdVersions: Versions = { server: "3.7.1", cluster: "3.7.0" };

const goArchitectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** etcd's four lines, then ours. */
export function versionText(machine: {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
}): string {
  const { node, platform, arch } = machine;
  return [
    `etcd Version: ${etcdVersions.server}`,
    "Git SHA: Not provided",
    "Go Version: none",
    `Go OS/Arch: ${platform}/${goArchitectures[arch] ?? arch}`,
    `Flotilla Version: ${flotillaVersion}`,
    `Node.js Version: ${node}`,
    "",
  ].join("\n");
}
