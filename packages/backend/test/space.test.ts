import { ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { utf8 } from "@flotilla/base";
import { type Command, createStore, putRequest } from "@flotilla/store";
import { openLmdbBackend } from "../src/index.ts";
import { openIn } from "./fixtures.ts";

describe("the file of a store that is compacted now and then", () => {
  it("does not grow any more: what was freed is written again, and nothing has to be defragmented", async (context) => {
    const backend = openIn(context, (directory) => openLmdbBackend({ directory }));
    const store = createStore(backend);
    let index = 0;
    const apply = (command: Command): void => {
      index++;
      const proposal = {
        session: 1n,
        openedAt: 0,
        sequence: index,
        settledBelow: index,
        onlyInTerm: 0,
        command,
      };
      store.apply([{ index, term: 1, proposal }]);
    };
    const value = new Uint8Array(2000);
    const sizes: { full: number; freed: number; file: number }[] = [];
    for (let round = 0; round < 6; round++) {
      for (let at = 0; at < 1500; at++) {
        const request = putRequest(utf8(`key-${at % 100}`), value);
        apply({ kind: "put", request });
        if (at % 250 === 0) await backend.sync();
      }
      const full = store.size().inUseBytes;
      apply({ kind: "compact", revision: store.revision, physical: false });
      while (store.compact());
      await backend.sync();
      const { inUseBytes: freed, totalBytes: file } = store.size();
      sizes.push({ full, freed, file });
    }
    const shown = JSON.stringify(sizes);
    for (const { full, freed } of sizes) ok(freed < full / 4, shown);
    ok((sizes[5]?.file ?? 0) < 1.25 * (sizes[1]?.file ?? 0), shown);
  });
});
