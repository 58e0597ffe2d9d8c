import { deepEqual, equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { textOf, WireError } from "@flotilla/base";
import { encodeJson, parseInteger } from "../src/gateway/from-json.ts";
import { JsonSplitter } from "../src/gateway/json-splitter.ts";
import { jsonDepthMax } from "../src/gateway/json-text.ts";
import { messageType } from "../src/gateway/schema.ts";
import { decodeToJson } from "../src/gateway/to-json.ts";
import { goDuration } from "../src/metrics/go-duration.ts";
import { encoded } from "./fixtures.ts";

describe("encodeJson() and decodeToJson()", () => {
  it("are each other's reverse", () => {
    // biome-ignore format: a table
    const rows = [
      ["PutRequest", '{"key":"YQ==","value":"/+8=","lease":"-1","prev_kv":true}'],
      ["Compare", '{"result":"LESS","target":"LEASE","key":"YQ==","lease":"0","range_end":"AA=="}'],
      ["WatchCreateRequest", '{"start_revision":"9223372036854775807","filters":["NOPUT","NODELETE"]}'],
      ["Member", '{"ID":"18446744073709551615","name":"é🚢","peerURLs":["a",""],"isLearner":true}'],
      ["TxnRequest", '{"success":[{"request_txn":{"failure":[{"request_put":{}}]}},{"request_range":{}}]}'],
      ["HashKVResponse", '{"hash":4294967295,"compact_revision":"1"}'],
      ["AlarmRequest", '{"action":"DEACTIVATE","alarm":"CORRUPT"}'],
    ] as const;
    for (const [name, text] of rows) {
      const type = messageType(name);
      equal(decodeToJson(type, encodeJson(type, text)), text, name);
    }
  });

  it("show a number for a name that is not known, and leave unknown fields out", () => {
    const bytes = encoded((writer) => {
      writer.fieldVarint(1, 7);
      writer.fieldText(99, "later");
    });
    equal(decodeToJson(messageType("AlarmRequest"), bytes), '{"action":7}');
  });

  it("refuse bytes that are no such message", () => {
    const bytes = encoded((writer) => writer.fieldVarint(1, 7));
    throws(() => decodeToJson(messageType("PutRequest"), bytes), WireError);
  });

  it("refuse what is nested too deep", () => {
    const text = '{"a":'.repeat(jsonDepthMax + 1);
    throws(() => encodeJson(messageType("Empty"), text), /exceeded max depth/);
  });

  it("refuse half of a character", () => {
    const type = messageType("AuthNameRequest");
    throws(() => encodeJson(type, '{"name":"\\ud800 "}'), /invalid UTF-8/);
    equal(textOf(encodeJson(type, '{"name":"\\ud83d\\udea2"}').subarray(2)), "🚢");
  });
});

describe("parseInteger()", () => {
  it("takes every way to write one", () => {
    // biome-ignore format: a table
    const rows = [
      ["0", 0n], ["-0", 0n], ["10", 10n], ["1e2", 100n], ["1.50e1", 15n], ["100e-2", 1n],
      ["0.0", 0n], ["0e999999", 0n], ["18446744073709551615", 18446744073709551615n],
      ["1e-2", undefined], ["1.5", undefined], ["01", undefined], ["+1", undefined],
      ["1e400", undefined], [" 1", undefined], ["", undefined], ["0x1", undefined],
    ] as const;
    for (const [text, integer] of rows) equal(parseInteger(text), integer, text);
  });
});

describe("JsonSplitter", () => {
  it("cuts the same objects out of pieces of any size", () => {
    const text = ' {"a":"}\\"{"} {"b":[{}]}\n{}';
    for (let size = 1; size <= text.length; size++) {
      const splitter = new JsonSplitter(100);
      const objects: string[] = [];
      for (let at = 0; at < text.length; at += size) {
        objects.push(...splitter.push(text.slice(at, at + size)));
      }
      deepEqual(objects, ['{"a":"}\\"{"}', '{"b":[{}]}', "{}"], `pieces of ${size}`);
      equal(splitter.end(), undefined);
    }
  });

  it("gives out what is no object, and what is not complete", () => {
    deepEqual(new JsonSplitter(100).push("x {}"), ["x {}"]);
    const splitter = new JsonSplitter(100);
    deepEqual(splitter.push('{"a":'), []);
    equal(splitter.end(), '{"a":');
  });

  it("refuses an object that is too long", () => {
    throws(() => new JsonSplitter(10).push(`{"a":"${"x".repeat(10)}`), /larger than max/);
  });
});

describe("goDuration()", () => {
  it("writes as Go does", () => {
    // biome-ignore format: a table
    const rows = [
      [0.25, "250µs"], [301.25, "301.25ms"], [1000, "1s"], [62_500, "1m2.5s"],
      [3_600_000, "1h0m0s"],
    ] as const;
    for (const [durationMs, text] of rows) equal(goDuration(durationMs), text);
  });
});
