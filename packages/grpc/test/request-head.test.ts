import { equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Method } from "../src/index.ts";
import { parseTimeoutMs, type RequestHead, readRequestHead } from "../src/request-head.ts";
import { encodeStatusMessage } from "../src/status.ts";
import { callHeaders } from "./fixtures.ts";

const echo: Method = { kind: "unary", handle: (_call, request) => request };
const methods = new Map([["/t.T/Echo", echo]]);

type Fields = [string, string][];
function read(fields: Fields, oversized = false): RequestHead {
  const list = fields.map(([name, value]) => ({ name, value }));
  return readRequestHead({ fields: list, oversized }, methods);
}

function show(head: RequestHead): string {
  if (head.kind === "call") return `call ${head.path} ${head.timeoutMs ?? "-"} ${head.encoding}`;
  if (head.kind === "refused") return `refused ${head.status.code} ${head.status.message}`;
  if (head.kind === "trailers") return head.kind;
  if (head.kind === "malformed") return `malformed: ${head.reason}`;
  return head.kind === "http" ? `http ${head.httpStatus} ${head.status.message}` : head.kind;
}

const good = (...more: Fields): Fields => callHeaders("/t.T/Echo", more);
const changed = (name: string, value: string): Fields =>
  good().map(([key, old]): [string, string] => [key, key === name ? value : old]);
const without = (name: string): Fields => good().filter(([key]) => key !== name);

describe("readRequestHead()", () => {
  // biome-ignore format: a table
  const cases: readonly (readonly [string, Fields, string])[] = [
    ["a call", good(), "call /t.T/Echo - identity"],
    ["a deadline", good(["grpc-timeout", "250m"]), "call /t.T/Echo 250 identity"],
    ["an encoding", good(["grpc-encoding", "gzip"]), "call /t.T/Echo - gzip"],
    ["a content type with a subtype", changed("content-type", "application/grpc+proto"), "call /t.T/Echo - identity"],
    ["a content type with a parameter", changed("content-type", "application/grpc;v=1"), "call /t.T/Echo - identity"],
    ["a bad deadline", good(["grpc-timeout", "5x"]), "refused 13 malformed grpc-timeout: 5x"],
    ["an unknown method", changed(":path", "/t.T/No"), "refused 12 unknown method No for service t.T"],
    ["an unknown service", changed(":path", "/u.U/No"), "refused 12 unknown service u.U"],
    ["a path that is no method", changed(":path", "/x"), 'refused 12 malformed method name: "/x"'],
    ["a GET", changed(":method", "GET"), 'http 405 Received a HEADERS frame with :method "GET" which should be POST'],
    ["JSON", changed("content-type", "application/json"), 'http 415 invalid gRPC request content-type "application/json"'],
    ["gRPC-Web", changed("content-type", "application/grpc-web"), 'http 415 invalid gRPC request content-type "application/grpc-web"'],
    ["no content type", without("content-type"), 'http 415 invalid gRPC request content-type ""'],
    ["no method", without(":method"), "malformed: :method is missing"],
    ["no pseudo-header at all", [["x", "y"]], "trailers"],
    ["no path", without(":path"), "malformed: :path is missing"],
    ["an empty path", changed(":path", ""), "malformed: :path is missing"],
    ["no scheme", without(":scheme"), "malformed: :scheme is missing"],
    ["a path twice", [[":path", "/a"], ...good()], "malformed: :path twice"],
    ["an unknown pseudo-header", [[":x", "/a"], ...good()], "malformed: unknown pseudo-header :x"],
    ["a response's pseudo-header", [[":status", "200"], ...good()], "malformed: unknown pseudo-header :status"],
    ["a late pseudo-header", good([":authority", "a"]), "malformed: pseudo-header after a regular one"],
    ["an upper-case name", good(["X-a", "1"]), "malformed: bad character in a field name"],
    ["an empty name", good(["", "1"]), "malformed: bad character in a field name"],
    ["a line feed in a value", good(["x", "a\nb"]), "malformed: bad character in a field value"],
    ["a value that starts with a space", good(["x", " a"]), "malformed: bad character in a field value"],
    ["connection", good(["connection", "close"]), "malformed: connection is not for HTTP/2"],
    ["transfer-encoding", good(["transfer-encoding", "chunked"]), "malformed: transfer-encoding is not for HTTP/2"],
    ["te", changed("te", "gzip"), "malformed: te other than trailers"],
    ["a bad length", good(["content-length", "-1"]), "malformed: bad content-length"],
  ];
  for (const [name, fields, want] of cases) {
    it(`reads ${name}`, () => equal(show(read(fields)), want));
  }

  it("answers a list that was too long with 431, whatever it says", () => {
    equal(show(read([], true)), "oversized");
  });

  it("gives metadata, text and binary", () => {
    const head = read(
      good(["x", "1"], ["x", "2"], ["b-bin", "AAEC"], ["b-bin", "_w==,/w"], ["e-bin", ""]),
    );
    if (head.kind !== "call") throw new Error(show(head));
    const { metadata } = head;
    equal(metadata.get("x"), "1");
    equal(metadata.getAll("x").join(), "1,2");
    equal(metadata.get("y"), undefined);
    equal(metadata.getBinary("b-bin").map(String).join("|"), "0,1,2|255|255");
    equal(metadata.getBinary("e-bin").length, 1);
    equal(metadata.get(":path"), undefined);
  });
});

describe("parseTimeoutMs()", () => {
  // biome-ignore format: a table
  const cases = [
    ["1H", 3_600_000], ["2M", 120_000], ["3S", 3_000], ["4m", 4], ["5000u", 5], ["6000000n", 6],
    ["99999999H", 359_999_996_400_000], ["0m", 0], ["", undefined], ["1", undefined], ["m", undefined],
    ["123456789m", undefined], ["-1m", undefined], ["1.5S", undefined], ["1s", undefined], ["1m ", undefined],
  ] as const;
  for (const [text, want] of cases) {
    it(`reads "${text}"`, () => {
      const got = parseTimeoutMs(text);
      equal(got === undefined ? got : Math.round(got), want);
    });
  }
});

describe("encodeStatusMessage()", () => {
  it("leaves printable ASCII alone and escapes the rest", () => {
    equal(
      encodeStatusMessage("etcdserver: key is not provided~"),
      "etcdserver: key is not provided~",
    );
    equal(encodeStatusMessage("100%"), "100%25");
    equal(encodeStatusMessage("a\nb\u007f"), "a%0Ab%7F");
    equal(encodeStatusMessage("ö€😀"), "%C3%B6%E2%82%AC%F0%9F%98%80");
  });
});
