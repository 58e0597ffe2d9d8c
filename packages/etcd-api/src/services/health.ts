/** `grpc.health.v1.Health` (grpc/doc/health-checking.md), for load balancers and kubelets. */
import { WireReader } from "@flotilla/base";
import { GrpcError, statusCode } from "@flotilla/grpc";
import { encode } from "../codec/encoding.ts";
import type { Methods, ServiceContext } from "../context.ts";

const serving = 1;

/** Check only: the server as a whole (service ""), which serves as long as it answers. */
export function healthMethods(context: ServiceContext): Methods {
  return [
    [
      "/grpc.health.v1.Health/Check",
      context.unary(decodeService, (service) => {
        if (service !== "") throw new GrpcError(statusCode.notFound, "unknown service");
        return encode((writer) => writer.fieldVarint(1, serving));
      }),
    ],
  ];
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
