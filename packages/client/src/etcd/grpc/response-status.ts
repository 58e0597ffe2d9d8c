/** How a gRPC call ended, out of HTTP/2 headers and trailers. Pure. */
import type { IncomingHttpHeaders } from "node:http2";

/** Status and text; undefined while the headers say none. */
export function statusOf(
  headers: IncomingHttpHeaders,
): { readonly status: number; readonly text: string } | undefined {
  const status = headers["grpc-status"];
  if (typeof status !== "string") return undefined;
  const text = headers["grpc-message"];
  return { status: Number(status), text: typeof text === "string" ? decodeText(text) : "" };
}

/** Percent-encoding, of which a broken one is left as it is: an error's text must not be lost. */
function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
