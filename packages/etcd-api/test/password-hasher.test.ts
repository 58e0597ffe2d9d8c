import { equal, ok } from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, describe, it } from "node:test";
import { encodeMessage } from "@flotilla/base";
import { PasswordHasher } from "../src/auth/password-hasher.ts";
import { decodeAuthenticateRequest } from "../src/codec/auth.ts";
import { authenticationsWaitingMax, passwordsWaitingMax } from "../src/limits.ts";

/** What a promise rejects with. */
const failureOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: Error) => error.message,
  );

describe("PasswordHasher", () => {
  const hasher = new PasswordHasher(4);
  after(() => hasher.close());

  it("knows a password by its hash, and nothing else", async () => {
    const hash = await hasher.hash("sesame");
    ok(/^\$2[ab]\$04\$.{53}$/.test(hash), hash);
    equal(await hasher.matches("sesame", hash), true);
    equal(await hasher.matches("Sesame", hash), false);
    equal(await hasher.matches("", hash), false);
    equal(await hasher.matches("sesame", undefined), false);
    equal(await hasher.matches("sesame", "not a hash"), false);
    equal(await hasher.matches("sesame", "x".repeat(60)), false);
  });

  it("knows what Go's bcrypt has made", async () => {
    // Of "secret", by golang.org/x/crypto/bcrypt at cost 4.
    const hash = "$2a$04$lZZPh5UXNkPg41qcLVedeOAu9K9vnDmd13H9l2Lw6ku1ebh/dPeQa";
    equal(await hasher.matches("secret", hash), true);
    equal(await hasher.matches("Secret", hash), false);
  });

  it("has of a long password only what bcrypt heeds", async () => {
    const asked = (password: string): string => {
      const bytes = encodeMessage((writer) => writer.fieldText(2, password));
      return decodeAuthenticateRequest(bytes).password;
    };
    for (const piece of ["x", "é", "€", "x😀", "😀"]) {
      const long = piece.repeat(100);
      const first72 = Buffer.from(long).subarray(0, 72);
      equal(asked(long).length, 73, piece);
      ok(Buffer.from(asked(long)).subarray(0, 72).equals(first72), piece);
    }
    const hash = await hasher.hash("x".repeat(72));
    equal(await hasher.matches(asked("x".repeat(9000)), hash), true);
    equal(await hasher.matches(asked("x".repeat(71)), hash), false);
  });

  it("refuses what would wait too long", async () => {
    const many = Array.from({ length: passwordsWaitingMax + 20 }, () => hasher.hash("x"));
    const failures = await Promise.all(many.map(failureOf));
    const refused = failures.filter((text) => text === "etcdserver: too many requests").length;
    ok(refused > 0 && refused <= 20, `${refused} refused`);
    equal(failures.filter((text) => text === "none").length, many.length - refused);
  });

  it("refuses a flood of comparisons, and lets those who set passwords pass it", async () => {
    const hash = await hasher.hash("x");
    const ended: string[] = [];
    const flood = Array.from({ length: authenticationsWaitingMax + 20 }, () =>
      failureOf(hasher.matches("x", hash)).finally(() => ended.push("comparison")),
    );
    const setting = failureOf(hasher.hash("y")).finally(() => ended.push("hash"));
    equal(await setting, "none");
    ok(ended.length < 40, `${ended.length} ended before it`);
    const failures = await Promise.all(flood);
    const refused = failures.filter((text) => text === "etcdserver: too many requests").length;
    ok(refused > 0 && refused <= 20, `${refused} refused`);
    equal(failures.filter((text) => text === "none").length, flood.length - refused);
  });

  it("keeps no place for those who have left", async () => {
    const hash = await hasher.hash("x");
    const caller = { ended: false };
    const gone = Array.from({ length: authenticationsWaitingMax + 20 }, () =>
      failureOf(hasher.matches("x", hash, caller)),
    );
    await hasher.matches("x", undefined, caller).catch(() => {}); // All others stand in line by now.
    caller.ended = true;
    equal(await failureOf(hasher.matches("x", hash)), "none");
    const left = (await Promise.all(gone)).filter((text) => text === "context canceled").length;
    ok(left > 0, "nobody was left out");
  });

  it("leaves out whom nobody waits for any more", async () => {
    const caller = { ended: false };
    const busy = Array.from({ length: 8 }, () => hasher.hash("x"));
    const late = failureOf(hasher.hash("y", caller));
    caller.ended = true;
    equal(await late, "context canceled");
    await Promise.all(busy);
  });

  it("leaves the event loop alone", async () => {
    const slow = new PasswordHasher(10);
    await slow.hash("warm");
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await Promise.all([slow.hash("a"), slow.hash("b"), slow.matches("c", undefined)]);
    delay.disable();
    slow.close();
    // Four hashes take more than 100 ms; a loop that waited for one would not have run in between.
    ok(delay.count > 20, `${delay.count} turns`);
  });

  it("ends who waits when it is closed", async () => {
    const closed = new PasswordHasher(12);
    const waiting = [failureOf(closed.hash("a")), failureOf(closed.hash("b"))];
    closed.close();
    for (const failure of await Promise.all(waiting)) equal(failure, "etcdserver: server stopped");
    equal(await failureOf(closed.hash("c")), "etcdserver: server stopped");
  });
});
