/**
 * Resource quantities: "500m", "1.5Gi", "2e3".
 *
 * Source: apimachinery pkg/api/resource (grammar, canonical form). Exact: decimals are integers of
 * nano units, the smallest that Kubernetes keeps. Pure.
 */

const nano = 1_000_000_000n;
const decimalPrefixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binaryPrefixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/** Longer than any sensible quantity; keeps the arithmetic short on hostile input. */
const quantityLengthMax = 64;

type Format = "decimal" | "binary" | "exponent";

interface ExactQuantity {
  /** In billionths. */
  readonly nanos: bigint;
  readonly format: Format;
}

/** The value in base units (cores, bytes); undefined when `text` is not a quantity. */
export function parseQuantity(text: string): number | undefined {
  const exact = parseExact(text);
  return exact === undefined ? undefined : Number(exact.nanos) / Number(nano);
}

/** The form in which Kubernetes stores it: "1000m" is "1", "1024Ki" is "1Mi"; undefined if not a quantity. */
export function canonicalQuantity(text: string): string | undefined {
  const exact = parseExact(text);
  return exact === undefined ? undefined : render(exact);
}

/** Text of `value` base units, rounded up to a thousandth. `binary` prefers Ki, Mi, Gi. */
export function formatQuantity(value: number, format: "decimal" | "binary" = "decimal"): string {
  return render({ nanos: BigInt(Math.ceil(value * 1000)) * 1_000_000n, format });
}

/** Orders two quantities; undefined when one of them is none. */
export function compareQuantities(left: string, right: string): number | undefined {
  const a = parseExact(left)?.nanos;
  const b = parseExact(right)?.nanos;
  if (a === undefined || b === undefined) return undefined;
  return a < b ? -1 : a > b ? 1 : 0;
}

function parseExact(text: string): ExactQuantity | undefined {
  if (text.length > quantityLengthMax) return undefined;
  const parts = /^([+-]?)(\d+\.?\d*|\.\d+)([a-zA-Z]*)([+-]?\d*)$/.exec(text);
  if (parts === null) return undefined;
  const [, sign, digits = "", letters = "", exponent = ""] = parts;
  const scale = scaleOf(letters, exponent);
  if (scale === undefined) return undefined;
  const [whole = "", fraction = ""] = digits.split(".");
  const numerator = BigInt(whole + fraction) * scale.numerator * nano;
  const denominator = scale.denominator * 10n ** BigInt(fraction.length);
  const magnitude = (numerator + denominator - 1n) / denominator; // Away from zero, as Kubernetes rounds.
  return { nanos: sign === "-" ? -magnitude : magnitude, format: scale.format };
}

interface Scale {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly format: Format;
}

function scaleOf(letters: string, exponent: string): Scale | undefined {
  if ((letters === "e" || letters === "E") && exponent !== "") {
    const power = Number(exponent);
    if (!Number.isInteger(power) || Math.abs(power) > 30) return undefined;
    return { ...powerOfTen(power), format: "exponent" };
  }
  if (exponent !== "") return undefined;
  const binary = binaryPrefixes.indexOf(letters);
  if (binary > 0) {
    return { numerator: 1024n ** BigInt(binary), denominator: 1n, format: "binary" };
  }
  const decimal = decimalPrefixes.indexOf(letters);
  return decimal < 0 ? undefined : { ...powerOfTen((decimal - 3) * 3), format: "decimal" };
}

function powerOfTen(power: number): { numerator: bigint; denominator: bigint } {
  const magnitude = 10n ** BigInt(Math.abs(power));
  return power < 0
    ? { numerator: 1n, denominator: magnitude }
    : { numerator: magnitude, denominator: 1n };
}

/** Largest prefix that leaves an integer; a binary quantity that is none, or below 1024, is decimal. */
function render({ nanos, format }: ExactQuantity): string {
  if (nanos === 0n) return "0";
  if (format === "binary" && nanos % nano === 0n) {
    const [value, step] = divideOut(nanos / nano, 1024n, binaryPrefixes.length - 1);
    return `${value}${binaryPrefixes[step]}`;
  }
  const [value, step] = divideOut(nanos, 1000n, decimalPrefixes.length - 1);
  if (format !== "exponent") return `${value}${decimalPrefixes[step]}`;
  return step === 3 ? `${value}` : `${value}e${(step - 3) * 3}`;
}

function divideOut(value: bigint, base: bigint, stepsMax: number): readonly [bigint, number] {
  let rest = value;
  let step = 0;
  while (step < stepsMax && rest % base === 0n) {
    rest /= base;
    step++;
  }
  return [rest, step];
}
