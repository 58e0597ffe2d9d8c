/**
 * The syntax of names, labels and ports. Each check returns what is wrong, in Kubernetes' words,
 * which clients show as they are; nothing when all is well.
 *
 * Source: apimachinery pkg/api/validate/content and pkg/util/validation. Pure.
 */

const label1123 = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomain1123 = `${label1123}(\\.${label1123})*`;
const label1035 = "[a-z]([-a-z0-9]*[a-z0-9])?";
const qualifiedName = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelValue = `(${qualifiedName})?`;

const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const label1035Rule =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const nameRule =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const valueRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** Says which expression did not match, with examples: "rule (e.g. 'a',  or 'b', regex used ...)". */
function mismatch(rule: string, pattern: string, examples: readonly string[]): string {
  const quoted = examples.map((example) => `'${example}', `).join(" or ");
  return `${rule} (e.g. ${quoted}regex used for validation is '${pattern}')`;
}

const compiled = new Map<string, RegExp>();

function isMatch(value: string, pattern: string): boolean {
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    expression = new RegExp(`^(?:${pattern})$`);
    compiled.set(pattern, expression);
  }
  return expression.test(value);
}

function tooLong(value: string, max: number, unit: "characters" | "bytes"): string[] {
  return value.length > max ? [`must be no more than ${max} ${unit}`] : [];
}

/** At most 63 characters, for host names and containers: "my-name". */
export function checkDnsLabel(value: string): string[] {
  const found = tooLong(value, 63, "characters");
  if (!isMatch(value, label1123)) {
    found.push(mismatch(labelRule, label1123, ["my-name", "123-abc"]));
  }
  return found;
}

/** As a label, but starting with a letter. */
export function checkDns1035Label(value: string): string[] {
  const found = tooLong(value, 63, "characters");
  if (!isMatch(value, label1035)) {
    found.push(mismatch(label1035Rule, label1035, ["my-name", "abc-123"]));
  }
  return found;
}

/** At most 253 characters: the names of most objects. */
export function checkDnsSubdomain(value: string): string[] {
  const found = tooLong(value, 253, "characters");
  if (!isMatch(value, subdomain1123)) {
    found.push(mismatch(subdomainRule, subdomain1123, ["example.com"]));
  }
  return found;
}

/** A label key: "app", "example.com/app". */
export function checkQualifiedName(value: string): string[] {
  const parts = value.split("/");
  if (parts.length > 2) {
    const rule = `a valid label key ${nameRule}`;
    const tail = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    return [mismatch(rule, qualifiedName, ["MyName", "my.name", "123-abc"]) + tail];
  }
  const name = parts.at(-1) ?? "";
  const found: string[] = [];
  if (parts.length === 2) found.push(...checkPrefix(parts[0] ?? ""));
  if (name === "") found.push("name part must be non-empty");
  else found.push(...tooLong(name, 63, "bytes").map((text) => `name part ${text}`));
  if (!isMatch(name, qualifiedName)) {
    found.push(mismatch(`name part ${nameRule}`, qualifiedName, ["MyName", "my.name", "123-abc"]));
  }
  return found;
}

function checkPrefix(prefix: string): string[] {
  if (prefix === "") return ["prefix part must be non-empty"];
  return checkDnsSubdomain(prefix).map((text) => `prefix part ${text}`);
}

/** A label value: empty, or at most 63 bytes. */
export function checkLabelValue(value: string): string[] {
  const found = tooLong(value, 63, "bytes");
  if (!isMatch(value, labelValue)) {
    found.push(mismatch(valueRule, labelValue, ["MyValue", "my_value", "12345"]));
  }
  return found;
}

/** The name of a container's port: "http", at most 15 characters with a letter among them. */
export function checkPortName(value: string): string[] {
  const found = tooLong(value, 15, "characters");
  if (!/^[-a-z0-9]+$/.test(value)) {
    found.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(value)) found.push("must contain at least one letter (a-z)");
  if (value.includes("--")) found.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) {
    found.push("must not begin or end with a hyphen");
  }
  return found;
}

/** A port number. */
export function checkPortNumber(value: number): string[] {
  return inRange(value, 1, 65_535) ? [] : ["must be between 1 and 65535, inclusive"];
}

/** The name of an environment variable. */
export function checkEnvName(value: string): string[] {
  if (/^[ -<>-~]+$/.test(value)) return [];
  return [
    "a valid environment variable name must consist only of printable ASCII characters other than '='",
  ];
}

/** The key of a config map: a file name. */
export function checkConfigMapKey(value: string): string[] {
  const found = tooLong(value, 253, "characters");
  if (!/^[-._a-zA-Z0-9]+$/.test(value)) {
    const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    found.push(mismatch(rule, "[-._a-zA-Z0-9]+", ["key.name", "KEY_NAME", "key-name"]));
  }
  if (value === "." || value === "..") found.push(`must not be '${value}'`);
  else if (value.startsWith("..")) found.push("must not start with '..'");
  return found;
}

/** The name of an HTTP header. */
export function checkHeaderName(value: string): string[] {
  if (/^[-A-Za-z0-9]+$/.test(value)) return [];
  const rule = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return [mismatch(rule, "[-A-Za-z0-9]+", ["X-Header-Name"])];
}

/** A share: "25%". */
export function checkPercent(value: string): string[] {
  if (/^[0-9]+%$/.test(value)) return [];
  const rule = "a valid percent string must be a numeric string followed by an ending '%'";
  return [mismatch(rule, "[0-9]+%", ["1%", "93%"])];
}

/** An IPv4 or IPv6 address in text. */
export function isIpAddress(value: string): boolean {
  return isIpv4(value) || isIpv6(value);
}

/** Four decimal numbers up to 255, without leading zeros. */
export function isIpv4(value: string): boolean {
  const parts = value.split(".");
  return (
    parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && +part < 256)
  );
}

/** RFC 4291 section 2.2, with an IPv4 tail allowed; no zone. */
export function isIpv6(value: string): boolean {
  const halves = value.split("::");
  if (halves.length > 2) return false;
  let count = 0;
  for (const [at, half] of halves.entries()) {
    const groups = half === "" ? [] : half.split(":");
    const isLastHalf = at === halves.length - 1;
    for (const [index, group] of groups.entries()) {
      const isTail = isLastHalf && index === groups.length - 1;
      if (isTail && isIpv4(group)) count += 2;
      else if (/^[0-9a-fA-F]{1,4}$/.test(group)) count++;
      else return false;
    }
  }
  return halves.length === 2 ? count < 8 : count === 8;
}

function inRange(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}
