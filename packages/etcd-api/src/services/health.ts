/** `grpc.health.v1.Health` (grpc/doc/health-checking.md), for load balancers and kubelets. */
import { WireReader } from "@flotilla/base";
import { type Call, GrpcError, type Method, statusCode, type WriterCall } from "@flotilla/grpc";
import { encode } from "../codec/encoding.ts";
import { decoded, type Methods, noFields, type ServiceContext } from "../context.ts";

/** `HealthCheckResponse.ServingStatus`. */
const servingStatus = { serving: 1, serviceUnknown: 3 } as const;

/** The server as a whole (service ""), which serves as long as it answers; it knows no other service. */
export function healthMethods(context: ServiceContext): Methods {
  const watch: Method = {
    kind: "serverStream",
    handle: (call, bytes) => {
      context.checkServesClients();
      return watchHealth(call, bytes);
    },
  };
  return [
    [
      "/grpc.health.v1.Health/Check",
      context.unaryForClients(decodeService, (service) => {
        if (service !== "") throw new GrpcError(statusCode.notFound, "unknown service");
        return statusBytes(servingStatus.serving);
      }),
    ],
    ["/grpc.health.v1.Health/List", context.unaryForClients(noFields, () => listBytes())],
    ["/grpc.health.v1.Health/Watch", watch],
  ];
}

/** The one status there is; nothing ever changes it, and the call lasts until the client goes. */
async function watchHealth(call: WriterCall, bytes: Uint8Array): Promise<void> {
  const isKnown = decoded(decodeService, bytes) === "";
  call.write(statusBytes(isKnown ? servingStatus.serving : servingStatus.serviceUnknown));
  await ended(call);
}

function ended(call: Call): Promise<void> | undefined {
  if (call.ended) return undefined;
  return new Promise((resolve) => {
    call.signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** `HealthCheckResponse`. */
function statusBytes(status: number): Uint8Array {
  return encode((writer) => writer.fieldVarint(1, status));
}

/** `HealthListResponse`: a map from the name of a service to its status. */
function listBytes(): Uint8Array {
  return encode((writer) => {
    writer.fieldMessage(1, (entry) => {
      entry.fieldTextAlways(1, "");
      entry.fieldMessage(2, (status) => status.fieldVarint(1, servingStatus.serving));
    });
  });
}

function decodeService(bytes: Uint8Array): string {
  const reader = new WireReader(bytes);
  let service = "";
  while (reader.next()) {
    if (reader.field === 1) service = reader.text();
    else reader.skip();
  }
  return service;
}
