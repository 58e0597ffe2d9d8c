/** How many views there are, and for how long. */
import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { assert } from "@flotilla/base";
import { openLmdbBackend } from "../src/index.ts";
import { viewMsMax, viewsMax } from "../src/lmdb-backend.ts";
import { b, openIn } from "./fixtures.ts";

const make = (directory: string) => openLmdbBackend({ directory });

describe("lmdb: the limits of views", () => {
  it("gives so many and no more, until one is closed", (context) => {
    const backend = openIn(context, make);
    const views = Array.from({ length: viewsMax }, (_, index) => {
      backend.write((writer) => writer.put("t", b("a"), b(`${index}`)));
      return backend.view();
    });
    equal(views.includes(undefined), false);
    equal(backend.view(), undefined);
    for (const [index, view] of views.entries()) deepEqual(view?.get("t", b("a")), b(`${index}`));
    views[3]?.close();
    const another = backend.view();
    equal(another?.isOpen, true);
    for (const view of [...views, another]) view?.close();
    equal(backend.view()?.isOpen, true);
  });

  it("ends one whose time is up, so that its pages are used again", (context) => {
    const backend = openIn(context, make);
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const view = backend.view();
    assert(view !== undefined, "one view is not too many");
    context.mock.timers.tick(viewMsMax - 1);
    equal(view.isOpen, true);
    context.mock.timers.tick(1);
    equal(view.isOpen, false);
    view.close();
    for (let count = 0; count < viewsMax; count++) equal(backend.view()?.isOpen, true);
    context.mock.timers.reset();
  });
});
