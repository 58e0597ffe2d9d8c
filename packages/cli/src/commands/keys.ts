/** `flotilla get` and `flotilla put`: the store by hand, with etcdctl's plain output. */
import { utf8 } from "@flotilla/base";
import { getRequest, prefixRequest, putRequest } from "@flotilla/store";
import { answerMs, atAnyEndpoint, atEndpoint, type EndpointOptions } from "../endpoints.ts";

export interface GetOptions extends EndpointOptions {
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

export async function put(key: string, value: string, options: EndpointOptions): Promise<void> {
  const request = putRequest(utf8(key), utf8(value));
  // Asked once: a put whose outcome is not known must not overwrite what another wrote since.
  const url = await atAnyEndpoint(options, async (caller) => {
    await caller.status(answerMs);
    return caller.url;
  });
  await atEndpoint(url, (caller) => caller.put(request));
  process.stdout.write("OK\n");
}
