import { equal, rejects } from "node:assert/strict";
import { describe, it } from "node:test";
import { compare, op } from "../../src/etcd/index.ts";
import { TxnBuilder } from "../../src/etcd/txn.ts";

const never = () => Promise.reject(new Error("sent"));

describe("TxnBuilder", () => {
  it("gathers what it is told, several times over", () => {
    const txn = new TxnBuilder(never)
      .if(compare.exists("a"))
      .if(compare.value("a", "!=", "x"))
      .then(op.put("b", "1"))
      .then(op.range({ prefix: "b" }))
      .else(op.delete("a"));
    const { compare: compares, success, failure } = txn.request();
    equal(compares.length, 2);
    equal(success.map(({ kind }) => kind).join(), "put,range");
    equal(failure.map(({ kind }) => kind).join(), "deleteRange");
  });

  it("says so when it is awaited instead of committed", async () => {
    // TypeScript refuses it, too: this is for programs without it.
    const builder: unknown = new TxnBuilder(never).if(compare.exists("a"));
    await rejects(Promise.resolve(builder), { code: "badArgument" });
  });
});
