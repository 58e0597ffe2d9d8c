/** `flotilla get` and `flotilla put`: the store by hand, with etcdctl's plain output. */
import { resolve } from "node:path";
import { utf8 } from "@flotilla/base";
import { getRequest, prefixRequest, putRequest } from "@flotilla/store";
import { findClusterFile } from "../cluster/cluster-file.ts";
import { EtcdCaller } from "../etcd-caller.ts";
import { CommandError } from "../exit.ts";

/** A member that does not say how it is within this time is passed over. */
const answerMs = 1500;

export interface KeyOptions {
  readonly dataDir: string;
  /** By commas; the members of the local cluster when left out. */
  readonly endpoints: string | undefined;
}

export interface GetOptions extends KeyOptions {
  readonly prefix: boolean;
  readonly keysOnly: boolean;
}

export async function get(key: string, options: GetOptions): Promise<void> {
  const request = options.prefix
    ? { ...prefixRequest(utf8(key)), keysOnly: options.keysOnly }
    : { ...getRequest(utf8(key)), keysOnly: options.keysOnly };
  const kvs = await atAnyEndpoint(options, (caller) => caller.range(request));
  for (const kv of kvs) {
    process.stdout.write(`${Buffer.from(kv.key)}\n`);
    if (!options.keysOnly) {
      process.stdout.write(kv.value);
      process.stdout.write("\n");
    }
  }
}

export async function put(key: string, value: string, options: KeyOptions): Promise<void> {
  const request = putRequest(utf8(key), utf8(value));
  // Asked once: a put whose outcome is not known must not overwrite what another wrote since.
  const url = await atAnyEndpoint(options, async (caller) => {
    await caller.status(answerMs);
    return caller.url;
  });
  const caller = await EtcdCaller.open(url);
  try {
    await caller.put(request);
  } finally {
    caller.close();
  }
  process.stdout.write("OK\n");
}

/** Asks one endpoint after the other until one answers; `call` must change nothing. */
async function atAnyEndpoint<T>(
  options: KeyOptions,
  call: (caller: EtcdCaller) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const url of endpointsOf(options)) {
    const caller = await EtcdCaller.open(url);
    try {
      return await call(caller);
    } catch (error) {
      failure = error;
      if (!(error instanceof CommandError) || error.code !== "cannotConnect") throw error;
    } finally {
      caller.close();
    }
  }
  throw failure;
}

function endpointsOf({ dataDir, endpoints }: KeyOptions): readonly string[] {
  const given = endpoints?.split(",").map((url) => (url.includes("://") ? url : `http://${url}`));
  const found =
    given ?? findClusterFile(resolve(dataDir))?.members.map(({ clientUrl }) => clientUrl) ?? [];
  if (found.length > 0) return found;
  throw new CommandError(
    "wrongArguments",
    `No endpoint: there is no cluster in ${resolve(dataDir)}`,
    "Name the members with --endpoints 127.0.0.1:2379,... or start a cluster with `flotilla up`.",
  );
}
