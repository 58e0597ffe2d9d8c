/**
 * Separate streams of randomness, split from one seed by name.
 *
 * A stream depends on the seed and its name and on nothing else, so that switching one source of
 * trouble off does not reshuffle the others: that is what makes shrinking possible. Pure.
 */
import { Prng } from "@flotilla/base";

/** The stream called `name` of the run with `seed`; the same name gives the same numbers again. */
export function streamOf(seed: number, name: string): Prng {
  let low = 0x811c9dc5 ^ (seed | 0);
  let high = 0x9e3779b1 ^ Math.floor(seed / 0x1_0000_0000);
  for (let at = 0; at < name.length; at++) {
    const unit = name.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ (unit + at), 0x85ebca6b);
    high ^= high >>> 13;
  }
  return new Prng((high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0));
}
