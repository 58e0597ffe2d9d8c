/**
 * `$(NAME)` in commands, arguments and values.
 *
 * Source: Kubernetes third_party/forked/golang/expansion: a known name is replaced, an unknown one
 * is left as it stands, `$$` is one dollar. Pure.
 */

/** Replaces every reference to a variable that `lookup` knows. */
export function expand(text: string, lookup: Readonly<Record<string, string | undefined>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (reference, name: string | undefined) => {
    if (reference === "$$") return "$";
    return name !== undefined && Object.hasOwn(lookup, name) ? (lookup[name] ?? "") : reference;
  });
}
