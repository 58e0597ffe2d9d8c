/**
 * `v3lockpb.Lock`: locks that are held as long as a lease lives.
 *
 * Source: etcd server/etcdserver/api/v3lock/lock.go, client/v3/concurrency/mutex.go. A call waits for as
 * long as its client does; when that leaves, its key goes, too.
 */
import { emptyBytes } from "@flotilla/base";
import { type Call, GrpcError, statusCode } from "@flotilla/grpc";
import type { Methods, ServiceContext } from "../context.ts";
import { Caller, withoutCodes } from "./caller.ts";
import { decodeKey, decodeLockRequest, type LockRequest, writeLockKey } from "./messages.ts";
import { leavePlace, type Place, takePlace, waitForTurn } from "./queue.ts";

/** The methods of the Lock service. */
export function lockMethods(context: ServiceContext): Methods {
  return [
    [
      "/v3lockpb.Lock/Lock",
      context.unaryForClients(decodeLockRequest, (request, _, call) =>
        withoutCodes(() => lock(context, request, call)),
      ),
    ],
    [
      "/v3lockpb.Lock/Unlock",
      context.unaryForClients(decodeKey, (key, _, call) =>
        withoutCodes(() => unlock(context, key, call)),
      ),
    ],
  ];
}

async function lock(
  context: ServiceContext,
  { name, lease }: LockRequest,
  call: Call,
): Promise<Uint8Array> {
  const caller = new Caller(context, call);
  const session = { lease: await caller.session(lease), value: emptyBytes };
  const place = await takePlace(caller, name.slice(), session);
  const revision = await waitForLock(caller, place);
  return context.answer(revision, (writer) => writeLockKey(writer, place.key));
}

/** The revision at which the lock is ours. */
async function waitForLock(caller: Caller, place: Place): Promise<number> {
  const revision = await waitForTurn(caller, place).catch(async (error: unknown) => {
    await leavePlace(caller, place).catch(() => {}); // If it cannot be: its lease ends it.
    throw error;
  });
  if (revision !== undefined) return revision;
  // The lease has ended while we waited, and somebody else may have the lock by now.
  throw new GrpcError(statusCode.unknown, "mutex: session is expired");
}

async function unlock(context: ServiceContext, key: Uint8Array, call: Call): Promise<Uint8Array> {
  return context.answer(await new Caller(context, call).delete(key));
}
