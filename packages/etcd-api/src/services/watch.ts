/** `etcdserverpb.Watch`: one stream of requests, one of answers, many watches on it. */
import type { Method, ReaderCall, WriterCall } from "@flotilla/grpc";
import { decodeWatchRequest, EncodedEvents } from "../codec/watch.ts";
import { decoded, type Methods, type ServiceContext } from "../context.ts";
import { type StreamShared, WatchStream } from "./watch-stream.ts";
import { WatchTurns } from "./watch-turns.ts";

/** The methods of the Watch service. */
export function watchMethods(context: ServiceContext): Methods {
  const shared: StreamShared = {
    context,
    encoded: new EncodedEvents(),
    turns: new WatchTurns(context.timers),
  };
  const watch: Method = { kind: "bidi", handle: (call) => serveWatch(shared, call) };
  return [["/etcdserverpb.Watch/Watch", watch]];
}

async function serveWatch(shared: StreamShared, call: ReaderCall & WriterCall): Promise<void> {
  const { context } = shared;
  context.checkServesClients();
  await context.leaderFor(call);
  const stream = new WatchStream(shared, call);
  try {
    await context.whileLed(call, readRequests(stream, call));
  } finally {
    stream.close();
  }
}

/** A client that has said all it wants goes on being told, as with etcd; only its leaving ends the call. */
async function readRequests(stream: WatchStream, call: ReaderCall): Promise<void> {
  for await (const bytes of call.requests) {
    const handling = stream.handle(decoded(decodeWatchRequest, bytes));
    if (handling !== undefined) await handling;
  }
  if (call.ended) return;
  await new Promise<void>((resolve) => {
    call.signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
