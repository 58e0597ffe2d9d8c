import { deepEqual, equal } from "node:assert/strict";
import { posix } from "node:path";
import { describe, it } from "node:test";
import { parentOf, pathIn } from "../src/paths.ts";

describe("parentOf()", () => {
  it("is what the system calls a directory's name", () => {
    const paths = ["/", "/log", "/log/", "/var/log", "/var/log/", "log", "log/", "a/b", "./a"];
    deepEqual(
      paths.map(parentOf),
      paths.map((path) => posix.dirname(path)),
    );
  });
});

describe("pathIn()", () => {
  it("puts one slash between directory and name", () => {
    equal(pathIn("/log", "a"), "/log/a");
    equal(pathIn("/", "a"), "/a");
  });
});
