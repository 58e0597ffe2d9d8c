/**
 * Requests to the JSON gateway, in their order, on an empty cluster of one; asked of a real etcd by
 * record-gateway.ts, and of this server by gateway.test.ts.
 */
import { request } from "node:http";

export interface GatewayCase {
  readonly path: string;
  readonly body: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a stream that does not end by itself, how many lines are read. */
  readonly lines?: number;
}

export interface GatewayAnswer {
  readonly status: number;
  readonly contentType: string;
  /** Its length was not known when it began. */
  readonly isChunked: boolean;
  readonly endsLine: boolean;
  /** One for each line, as they are compared: what no two servers have in common is left out. */
  readonly answers: readonly unknown[];
}

const put = (body: string): GatewayCase => ({ path: "/v3/kv/put", body });
const range = (body: string): GatewayCase => ({ path: "/v3/kv/range", body });
const txn = (body: string): GatewayCase => ({ path: "/v3/kv/txn", body });
const post = (path: string, body: string): GatewayCase => ({ path, body });

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** To a stream that would go on: its time is over soon. */
const soon =
  (path: string) =>
  (body: string): GatewayCase => ({ path, body, headers: { "grpc-timeout": "100m" } });

/** Bodies that are no JSON, or no message; each to a method that would take any name. */
const faults: readonly string[] = [
  '{"a":01}',
  '{"a":1.}',
  '{"a":-}',
  '{"a":tru}',
  '{"a" 1}',
  '{"a":1 "b"}',
  '{"a":[1 2]}',
  '{"a":"\\x"}',
  '{"a":"\\u12"}',
  '{"a":1',
  '{"a":"b',
  "}",
  "'",
  "é",
  '{"name":"x\u0001"}',
  "{,}",
  '{"a":nul1}',
  '{"a":1e}',
  '{"a":[1,]}',
  '{"a"}',
  '{"name":"\\u00',
  '{"name":5}',
  '{"name":"a","options":5}',
  '{"name":"a","options":[1]}',
  '{"options":{"no_password":5}}',
  '{\n "name":5}',
  '{\n "éé":1,"name":5}',
  "[]",
  "null",
  '"a"',
  "1",
  "{key:1}",
  '{"name":"YQ==",}',
  '{"name":',
];

export const gatewayCases: readonly GatewayCase[] = [
  put('{"key":"YQ==","value":"Yg=="}'),
  put('{"key":"YQ==","value":"Yg==","prev_kv":true}'),
  put('{"key":"YQ==","value":"Yg==","prevKv":true}'),
  put('{"key":"YQ","value":"Yg"}'),
  put('{"key":"_-8=","value":"Yg"}'),
  put('{"key":"_-8","value":null}'),
  put('{"key":"+-8","value":null}'),
  put('{"key":"not base64!"}'),
  put('{"key":"Y\\nQ=="}'),
  put('{"key":"Y\\r\\nQ==\\n\\n"}'),
  put('{"key":"YQ==","key":"Yg=="}'),
  put('{"key":"YQ==","prev_kv":true,"prevKv":false}'),
  put('{"key":"YR=="}'),
  put('{"key":"Y=="}'),
  put('{"key":"YQ=="} {}'),
  put('{"key":"YQ=="} x'),
  put('{"key":1}'),
  put('{"key":["YQ=="]}'),
  put('{"key":{}}'),
  put('{"key":true}'),
  put('{"foo":1,"bar":{"x":[1,2]},"key":"YQ=="}'),
  put('{"key":"YQ==","lease":"0"}'),
  put('{"key":"YQ==","lease":7}'),
  put('{"key":"YQ==","lease":"7"}'),
  put('{"key":"YQ==","lease":1.5}'),
  put('{"key":"YQ==","lease":1.0}'),
  put('{"key":"YQ==","lease":"1.0"}'),
  put('{"key":"YQ==","lease":1e2}'),
  put('{"key":"YQ==","lease":"1e2"}'),
  put('{"key":"YQ==","lease":100e-2}'),
  put('{"key":"YQ==","lease":1e-2}'),
  put('{"key":"YQ==","lease":-0}'),
  put('{"key":"YQ==","lease":1e99}'),
  put('{"key":"YQ==","lease":" 1"}'),
  put('{"key":"YQ==","lease":""}'),
  put('{"key":"YQ==","lease":"0x1"}'),
  put('{"key":"YQ==","lease":"-1"}'),
  put('{"key":"YQ==","lease":"9223372036854775808"}'),
  put('{"key":"YQ==","lease":9223372036854775807}'),
  put('{"key":"YQ==","lease":true}'),
  put('{"key":"YQ==","lease":null}'),
  put('{"key":"YQ==","prev_kv":"true"}'),
  put('{"key":"YQ==","prev_kv":1}'),
  put('{"key":"YQ==","prev_kv":null}'),
  put('{"key":"YQ==","ignore_value":true,"value":"YQ=="}'),
  put("{}"),
  put(""),
  put("  "),
  range('{"key":"YQ==","sort_order":"DESCEND"}'),
  range('{"key":"YQ==","sortOrder":2}'),
  range('{"key":"YQ==","sort_order":"descend"}'),
  range('{"key":"YQ==","sort_order":"FOO"}'),
  range('{"key":"YQ==","sort_order":9}'),
  range('{"key":"YQ==","sort_order":"2"}'),
  range('{"key":"YQ==","sort_order":2.0}'),
  range('{"key":"YQ==","sort_order":2.5}'),
  range('{"key":"YQ==","sort_order":null}'),
  range('{"key":"YQ==","sort_order":true}'),
  range('{"key":"YQ==","rangeEnd":"Yg==","count_only":true}'),
  range('{"key":"YQ==","revision":"99999"}'),
  range('{"key":"eA=="}'),
  range('{"key":"AA==","range_end":"AA==","limit":"1"}'),
  range('{"key":"AA==","range_end":"AA==","keys_only":true,"serializable":true}'),
  range('{"key":"AA==","range_end":"AA==","sort_order":"DESCEND","sort_target":"MOD"}'),
  post("/v3beta/kv/range", '{"key":"YQ=="}'),
  post("/v3/kv/range?key=YQ==", ""),
  post("/v3/kv/deleterange", '{"key":"YQ==","prev_kv":true}'),
  post("/v3/kv/deleterange", '{"key":"YQ==","prev_kv":true}'),
  txn(
    '{"compare":[{"target":"VERSION","result":"EQUAL","key":"YQ==","version":"0"}],"success":[{"requestPut":{"key":"YQ==","value":"eA=="}},{"request_range":{"key":"YQ=="}}],"failure":[]}',
  ),
  txn(
    '{"compare":[{"target":"CREATE","result":"GREATER","key":"YQ==","create_revision":"0"}],"success":[{"request_range":{"key":"eA=="}},{"request_txn":{"failure":[{"request_put":{"key":"YQ=="}}]}}]}',
  ),
  txn(
    '{"success":[{"request_put":{"key":"Yw=="}},{"request_delete_range":{"key":"YQ==","prev_kv":true}},{"request_txn":{"success":[{"request_put":{"key":"ZA==","prev_kv":true}}]}}]}',
  ),
  txn(
    '{"failure":[{"request_range":{"key":"YQ=="}},{"request_delete_range":{"key":"YQ=="}},{"request_txn":{"success":[{"request_put":{"key":"YQ=="}}]}}]}',
  ),
  txn('{"compare":[{"target":"VERSION","key":"YQ==","version":"0","value":"YQ=="}]}'),
  txn('{"success":[{"request_put":{"key":"YQ=="},"request_range":{"key":"YQ=="}}]}'),
  txn('{"success":[{}]}'),
  txn('{"success":[null]}'),
  txn('{"success":{}}'),
  txn('{"success":null}'),
  txn('{"compare":[{"version":null,"key":"YQ==","value":"YQ=="}]}'),
  txn("{}"),
  post("/v3/kv/compaction", '{"revision":"2"}'),
  post("/v3/kv/compaction", '{"revision":2,"physical":true}'),
  range('{"key":"YQ==","revision":"1"}'),
  post("/v3/lease/grant", '{"TTL":"60","ID":"77"}'),
  post("/v3/lease/grant", '{"TTL":60,"ID":77}'),
  post("/v3/lease/keepalive", '{"ID":"77"}'),
  post("/v3/lease/keepalive", '{"ID":"77"}\n{"ID":"79"}'),
  post("/v3/kv/lease/timetolive", '{"ID":"79","keys":true}'),
  put('{"key":"bA==","lease":"77"}'),
  post("/v3/lease/leases", "{}"),
  post("/v3/kv/lease/leases", "{}"),
  post("/v3/lease/revoke", '{"ID":77}'),
  post("/v3/kv/lease/revoke", '{"ID":77}'),
  post("/v3/lease/grant", '{"TTL":60,"ID":"-77"}'),
  post("/v3/lease/revoke", '{"ID":-77}'),
  post("/v3/cluster/member/remove", '{"ID":"1"}'),
  post("/v3/cluster/member/update", '{"ID":"1","peerURLs":["http://127.0.0.1:1"]}'),
  post("/v3/cluster/member/add", '{"peer_urls":["http://127.0.0.1:2"]}'),
  post("/v3/maintenance/alarm", "{}"),
  post("/v3/maintenance/transfer-leadership", '{"targetID":"1"}'),
  post("/v3/auth/status", "{}"),
  post("/v3/auth/authenticate", '{"name":"root","password":"x"}'),
  ...faults.map((body) => post("/v3/auth/user/add", body)),
  { path: "/v3/watch", body: '{"create_request":{"key":"YQ=="}}', lines: 1 },
  {
    path: "/v3/watch",
    body: '{"createRequest":{"key":"YQ==","start_revision":"4","filters":["NOPUT"]}}',
    lines: 2,
  },
  {
    path: "/v3/watch",
    body: '{"create_request":{"key":"AA==","range_end":"AA==","start_revision":"6","prev_kv":true}}',
    lines: 2,
  },
  {
    path: "/v3/watch",
    body: '{"create_request":{"key":"YQ=="}} {"create_request":{"key":"YQ==","watch_id":"5"}}\n{"cancel_request":{"watch_id":"5"}}',
    lines: 3,
  },
  {
    path: "/v3/watch",
    body: '{"create_request":{"key":"YQ==","start_revision":"1"}}',
    lines: 2,
  },
  { path: "/v3/kv/range", body: "", method: "GET" },
  { path: "/v3/kv/range", body: "{}", method: "PUT" },
  { path: "/v3/kv/range", body: "", method: "DELETE" },
  { path: "/v3/maintenance/status", body: "", method: "GET" },
  post("/v3/kv/nothing", "{}"),
  post("/v3/kv/range/", "{}"),
  post("/v3/", "{}"),
  post("/v3/kv", "{}"),
  post("/v3alpha/kv/range", "{}"),
  post("/etcdserverpb.KV/Range", "{}"),
  { path: "/v3/kv/range", body: '{"key":"YQ=="}', headers: { "grpc-timeout": "1n" } },
  { path: "/v3/kv/range", body: '{"key":"YQ=="}', headers: { "grpc-timeout": "zz" } },
  {
    path: "/v3/watch",
    body: '{"create_request":{"key":"YQ=="}}',
    headers: { "grpc-timeout": "100m" },
  },
  // Streams that fail before their first message.
  post("/v3/lease/keepalive", '{"ID":"x"}'),
  post("/v3/lease/keepalive", "{"),
  post("/v3/lease/keepalive", ""),
  post("/v3/lease/keepalive", '{"ID":"77"} {'),
  post("/v3/maintenance/snapshot", "{"),
  post("/v3/election/observe", "{"),
  ...["", "{", "[]", '{"create_request":5}', '{"create_request":{"key":"YQ=="}} x'].map(
    soon("/v3/watch"),
  ),
  soon("/v3/election/observe")("{}"),
  ...["1n", "zz"].map((timeout) => ({
    path: "/v3/lease/keepalive",
    body: "",
    headers: { "grpc-timeout": timeout },
  })),
  put(`{"key":"YQ==","value":"${base64("x".repeat(1_800_000))}"}`),
  put(`{"key":"YQ==","value":"${base64("x".repeat(2_200_000))}"}`),
  // From here on with authentication.
  post("/v3/auth/user/add", '{"name":"root","password":"r"}'),
  post("/v3/auth/user/grant", '{"user":"root","role":"root"}'),
  post("/v3/auth/role/add", '{"name":"root"}'),
  post("/v3/auth/enable", "{}"),
  ...[{}, { authorization: "unknown" }].flatMap((headers): readonly GatewayCase[] => [
    { path: "/v3/kv/range", body: '{"key":"YQ=="}', headers },
    { path: "/v3/watch", body: '{"create_request":{"key":"YQ=="}}', headers, lines: 1 },
    { path: "/v3/lease/keepalive", body: '{"ID":"77"}', headers },
    { path: "/v3/maintenance/snapshot", body: "{}", headers },
    { path: "/v3/election/observe", body: '{"name":"YQ=="}', headers },
  ]),
];

/** One line of a table: what is long is cut. */
export function nameOf({ method = "POST", path, body }: GatewayCase): string {
  return `${method} ${path} ${body.length > 200 ? `${body.slice(0, 40)}... (${body.length})` : body}`;
}

/** Asks a server. */
export function ask(origin: string, asked: GatewayCase): Promise<GatewayAnswer> {
  const { path, body, method = "POST", headers = {}, lines } = asked;
  return new Promise((resolve, reject) => {
    const options = { method, headers: { ...headers, "content-length": Buffer.byteLength(body) } };
    const sent = request(new URL(path, origin), { ...options, agent: false }, (response) => {
      let text = "";
      const done = (): void => {
        const answers = text.split("\n").filter((line) => line !== "");
        const { statusCode: status = 0 } = response;
        const contentType = response.headers["content-type"] ?? "";
        const isChunked = response.headers["transfer-encoding"] === "chunked";
        const endsLine = text.endsWith("\n");
        resolve({ status, contentType, isChunked, endsLine, answers: answers.map(comparable) });
        sent.destroy();
      };
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        text += piece;
        if (lines !== undefined && text.split("\n").length > lines) done();
      });
      response.on("end", done);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Members of a header that differ from server to server. */
const ownFields: ReadonlySet<string> = new Set(["cluster_id", "member_id", "raft_term"]);

/** What etcd's gateway says of a time that is over, when the end of its own call is the first it hears of it. */
const otherEnd = "stream terminated by RST_STREAM with error code: CANCEL";

/** Go's protobuf writes some errors with a space of another kind, so that nobody relies on them. */
function comparable(text: string): unknown {
  const line = text.replaceAll("\u00a0", " ").replace(otherEnd, "context deadline exceeded");
  if (!line.startsWith("{")) return line;
  return JSON.parse(line, (key, value) => (ownFields.has(key) ? undefined : value));
}
