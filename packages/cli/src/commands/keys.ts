/** `flotilla get` and `flotilla put`: the store by hand, with etcdctl's plain output. */
import { answerMs, atAnyEndpoint, atEndpoint, type EndpointOptions } from "../endpoints.ts";

export interface GetOptions extends EndpointOptions {
  readonly prefix: boolean;
  readonly keysOnly: boolean;
}

export async function get(key: string, options: GetOptions): Promise<void> {
  const { prefix, keysOnly } = options;
  const kvs = await atAnyEndpoint(options, (caller) => caller.range({ key, prefix, keysOnly }));
  for (const kv of kvs) {
    process.stdout.write(`${Buffer.from(kv.key)}\n`);
    if (!options.keysOnly) {
      process.stdout.write(kv.value);
      process.stdout.write("\n");
    }
  }
}

export async function put(key: string, value: string, options: EndpointOptions): Promise<void> {
  // Asked once: a put whose outcome is not known must not overwrite what another wrote since.
  const url = await atAnyEndpoint(options, async (caller) => {
    await caller.status(answerMs);
    return caller.url;
  });
  await atEndpoint(url, (caller) => caller.put(key, value), options);
  process.stdout.write("OK\n");
}
