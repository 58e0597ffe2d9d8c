import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { type Json, type KubeObject, tableColumns, tableRow } from "../src/index.ts";
import { resourceNamed, testdata } from "./fixtures.ts";

interface Case {
  readonly resource: string;
  readonly answer: {
    readonly nowMs: number;
    readonly object: KubeObject;
    readonly cells: readonly Json[];
    readonly columns?: readonly unknown[];
  };
}

describe("tables, compared with the recorded answers of kube-apiserver", () => {
  for (const { resource, answer } of testdata<Case[]>("table.json")) {
    const { cells, columns, nowMs, object } = answer;
    it(`${resource}: ${cells.join(" | ")}`, () => {
      deepEqual(tableRow(resourceNamed(resource), object, nowMs), cells);
    });
    if (columns === undefined) continue;
    it(`${resource}: columns`, () => {
      const ours = tableColumns(resourceNamed(resource));
      deepEqual(
        ours.map(({ description: _description, ...column }) => column),
        columns,
      );
    });
  }
});
