/** Bisection of a quantity. Pure. */

/** Halves `value` for as long as `tries` says yes, and not below `enough`. */
export function halve(value: number, enough: number, tries: (less: number) => boolean): void {
  if (value <= enough) return;
  if (tries(0)) return;
  for (let less = value / 2; less >= enough && tries(less); less /= 2);
}
