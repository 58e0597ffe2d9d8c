import { deepEqual, equal } from "node:assert/strict";
import { it } from "node:test";
import { Prng, WireWriter } from "@flotilla/base";

/** Writers that are at work at the same time, and what each has been given. */
interface Work {
  readonly writer: WireWriter;
  readonly given: number[];
}

it("what a writer has written stays as it is while others write (200 seeds)", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Prng(seed);
    const atWork: Work[] = [];
    const ended: { readonly bytes: Uint8Array; readonly given: number[] }[] = [];
    for (let step = 0; step < 400; step++) {
      const at = random.below(atWork.length + 1);
      const work = atWork[at] ?? { writer: new WireWriter(random.below(3_000)), given: [] };
      if (at === atWork.length) atWork.push(work);
      const { writer, given } = work;
      const bytes = Array.from({ length: random.below(300) }, () => random.below(256));
      writer.raw(Uint8Array.from(bytes));
      given.push(...bytes);
      if (random.below(3) > 0) continue;
      ended.push({ bytes: random.below(2) === 0 ? writer.seal() : writer.finish(), given });
      atWork.splice(at, 1);
    }
    for (const { bytes, given } of ended) deepEqual([...bytes], given, `seed ${seed}`);
    for (const { writer, given } of atWork) deepEqual([...writer.view()], given, `seed ${seed}`);
  }
});

it("a sealed writer gives back what it did not need", () => {
  const first = new WireWriter(1_000);
  first.byte(1);
  const bytes = first.seal();
  const second = new WireWriter(1_000);
  second.byte(2);
  equal(second.view().buffer, bytes.buffer);
  equal(second.view().byteOffset, bytes.byteOffset + 1);
});
