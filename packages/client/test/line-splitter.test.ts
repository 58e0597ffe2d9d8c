import { deepEqual, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "@flotilla/base";
import { LineSplitter } from "../src/line-splitter.ts";

describe("LineSplitter", () => {
  it("gives the same lines however the bytes are cut (300 seeds)", () => {
    for (let seed = 0; seed < 300; seed++) {
      const prng = new Prng(seed);
      const lines = Array.from({ length: prng.below(6) }, () => "é{x}ü".repeat(1 + prng.below(40)));
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      const splitter = new LineSplitter();
      const found: string[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + prng.below(50);
        found.push(...splitter.push(bytes.subarray(at, at + size)));
        at += size;
      }
      deepEqual(found, lines, `seed=${seed}`);
    }
  });

  it("leaves out blank lines and keeps an unfinished one back", () => {
    const splitter = new LineSplitter();
    deepEqual(splitter.push(Buffer.from("\n \na\nb")), ["a"]);
    deepEqual(splitter.push(Buffer.from("\n")), ["b"]);
  });

  it("refuses a line over its limit before it is complete", () => {
    const splitter = new LineSplitter(8);
    deepEqual(splitter.push(Buffer.from("12345678\n")), ["12345678"]);
    splitter.push(Buffer.from("1234"));
    throws(() => splitter.push(Buffer.from("56789")), { name: "ClientError", code: "badResponse" });
  });
});
