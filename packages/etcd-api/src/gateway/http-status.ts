/** gRPC's codes as HTTP's, as grpc-gateway maps them. Pure. */
import { type Status, type StatusCode, statusCode } from "@flotilla/grpc";

const clientClosedRequest = 499;

const httpStatuses: Readonly<Record<StatusCode, number>> = {
  [statusCode.ok]: 200,
  [statusCode.cancelled]: clientClosedRequest,
  [statusCode.unknown]: 500,
  [statusCode.invalidArgument]: 400,
  [statusCode.deadlineExceeded]: 504,
  [statusCode.notFound]: 404,
  [statusCode.alreadyExists]: 409,
  [statusCode.permissionDenied]: 403,
  [statusCode.resourceExhausted]: 429,
  [statusCode.failedPrecondition]: 400,
  [statusCode.aborted]: 409,
  [statusCode.outOfRange]: 400,
  [statusCode.unimplemented]: 501,
  [statusCode.internal]: 500,
  [statusCode.unavailable]: 503,
  [statusCode.dataLoss]: 500,
  [statusCode.unauthenticated]: 401,
};

/** What an error answers over HTTP. */
export function httpStatusOf(code: StatusCode): number {
  return httpStatuses[code];
}

/** An error as JSON: `google.rpc.Status`, whose details are always empty here and so left out. */
export function statusJson({ code, message }: Status): string {
  return JSON.stringify({ code, message });
}
