import { throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { assert, assertNever, InvariantError, present } from "../src/index.ts";

describe("assertions", () => {
  it("name what was wrong, and build the message only then", () => {
    assert(true, () => {
      throw new Error("not needed");
    });
    throws(() => assert(false, () => "broken"), new InvariantError("broken"));
    throws(() => present(undefined, "key"), new InvariantError("missing: key"));
  });

  it("show a value that no case has, ids included", () => {
    const value = { kind: "new", id: 7n } as never;
    throws(
      () => assertNever(value),
      new InvariantError('unexpected value: {"kind":"new","id":"7n"}'),
    );
  });
});
