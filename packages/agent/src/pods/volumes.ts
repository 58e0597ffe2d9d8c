/**
 * Volumes as directories of the host. A process has no mounts: it is told the path.
 *
 * hostPath lies under `volumeRoot`, so that nodes that share one machine share their "disks" without
 * touching the machine's own; emptyDir and configMap live and die with the pod's directory.
 */
import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import type { ConfigMap, Volume } from "@flotilla/objects";
import { reasonOf } from "../errors.ts";

export interface VolumeInput {
  readonly volumes: readonly Volume[];
  /** Where hostPath begins; "/" for the machine's own paths. */
  readonly volumeRoot: string;
  /** Where volumes that end with the pod live. */
  readonly podDirectory: string;
  /** By name; undefined: there is none. */
  readonly configMaps: Readonly<Record<string, ConfigMap | undefined>>;
}

export type VolumeOutcome =
  /** Host path by volume name. */
  | { readonly kind: "ok"; readonly paths: Readonly<Record<string, string>> }
  /** Shown as the reason that a container waits. */
  | { readonly kind: "failed"; readonly message: string };

/** Makes every volume of a pod. Safe to repeat: what is there stays. */
export async function prepareVolumes(input: VolumeInput): Promise<VolumeOutcome> {
  const paths: Record<string, string> = {};
  for (const volume of input.volumes) {
    try {
      paths[volume.name] = await prepare(volume, input);
    } catch (error) {
      const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${reasonOf(error)}`;
      return { kind: "failed", message };
    }
  }
  return { kind: "ok", paths };
}

/** Names of the config maps that a pod's volumes need. */
export function configMapsOfVolumes(volumes: readonly Volume[]): string[] {
  return volumes.map((volume) => volume.configMap?.name).filter((name) => name !== undefined);
}

async function prepare(volume: Volume, input: VolumeInput): Promise<string> {
  if (volume.hostPath !== undefined) return await prepareHostPath(volume.hostPath, input);
  const path = join(input.podDirectory, "volumes", volume.name);
  if (volume.emptyDir !== undefined) {
    await mkdir(path, { recursive: true });
    return path;
  }
  if (volume.configMap === undefined) throw new Error("this kind of volume is not supported");
  await writeConfigMap(path, volume.configMap, input);
  return path;
}

async function prepareHostPath(
  { path, type = "" }: { path: string; type?: string },
  { volumeRoot }: VolumeInput,
): Promise<string> {
  const resolved = join(volumeRoot, normalize(`/${path}`)); // normalize: ".." cannot leave the root.
  if (type === "DirectoryOrCreate") {
    await mkdir(resolved, { recursive: true });
  } else if (type === "FileOrCreate") {
    await mkdir(dirname(resolved), { recursive: true });
    await writeFile(resolved, "", { flag: "a" });
  } else if (type !== "") {
    const found = await stat(resolved);
    const matches = type === "Directory" ? found.isDirectory() : found.isFile();
    if (!matches) throw new Error(`hostPath type check failed: ${path} is not a ${type}`);
  }
  return resolved;
}

async function writeConfigMap(
  path: string,
  source: NonNullable<Volume["configMap"]>,
  { configMaps }: VolumeInput,
): Promise<void> {
  await mkdir(path, { recursive: true });
  const map = configMaps[source.name];
  if (map === undefined && source.optional !== true) {
    throw new Error(`configmap "${source.name}" not found`);
  }
  const text = Object.entries(map?.data ?? {}).map(([key, value]) => [key, Buffer.from(value)]);
  const binary = Object.entries(map?.binaryData ?? {}).map(([key, value]) => [
    key,
    Buffer.from(value, "base64"),
  ]);
  const content = new Map([...text, ...binary] as [string, Buffer][]);
  const items = source.items ?? [...content.keys()].map((key) => ({ key, path: key }));
  for (const item of items) {
    const bytes = content.get(item.key);
    if (bytes === undefined) {
      if (source.optional === true) continue;
      throw new Error(`references non-existent config key: ${item.key}`);
    }
    const file = join(path, normalize(`/${item.path}`));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
}
