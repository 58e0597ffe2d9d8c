import { deepEqual, equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { textOf, utf8 } from "@flotilla/base";
import { frameOf, MessageSplitter } from "../../src/etcd/grpc/framing.ts";

describe("MessageSplitter", () => {
  it("gives the same messages wherever the bytes are cut", () => {
    const texts = ["one", "", "three is longer", "x"];
    const all = Buffer.concat(texts.map((text) => frameOf(utf8(text))));
    for (let first = 0; first <= all.length; first++) {
      for (let second = first; second <= all.length; second++) {
        const splitter = new MessageSplitter();
        const pieces = [all.subarray(0, first), all.subarray(first, second), all.subarray(second)];
        const messages = pieces.flatMap((piece) => splitter.push(piece));
        deepEqual(messages.map(textOf), texts, `cut at ${first} and ${second}`);
        equal(splitter.isEmpty, true);
      }
    }
  });

  it("says when a message is missing its end", () => {
    const splitter = new MessageSplitter();
    splitter.push(frameOf(utf8("one")).subarray(0, 7));
    equal(splitter.isEmpty, false);
  });

  it("refuses what is compressed, and what is too large, before it is held", () => {
    throws(() => new MessageSplitter().push(Uint8Array.of(1, 0, 0, 0, 0)), /compressed/);
    throws(() => new MessageSplitter().push(Uint8Array.of(0, 0xff, 0, 0, 0)), /limit is/);
  });
});
