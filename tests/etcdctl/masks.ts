/** What a client prints, without what no two clusters share: times, sizes, terms, places in the log. Pure. */

/** Each with what stands in its place. */
const masks: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/https:\/\/127\.0\.0\.1:\d+|127\.0\.0\.1:\d+/g, "URL"],
  [/\b[0-9a-f]{13,16}\b/g, "ID"],
  [/\b\d{16,20}\b/g, "ID"],
  [/took[ :=]+[\d.]+(µs|ms|s)/g, "took TIME"],
  [/"(raft_term|raftTerm|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse|hash)":\d+/g, '"$1":N'],
  [/"(Raft ?Term|RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse|Hash)" : \d+/gi, '"$1" : N'],
  [/[\d.]+ (kB|MB|B)\b/g, "SIZE"],
  [/remaining\(\d+s\)/g, "remaining(N)"],
  [/"took":"[^"]*"/g, '"took":"TIME"'],
  [/("(?:member_id|MemberID)" ?: ?)\$m\d/g, "$1$$member"], // Whoever was asked.
  [/no leader endpoint given at \[.*\]/g, "no leader endpoint given at [URL]"],
  [/(, (?:true|false), (?:true|false)), \d+, \d+, \d+,/g, "$1, N, N, N,"], // endpoint status
  [/((?:true|false) +[│|]) +\d+ +([│|]) +\d+ +([│|]) +\d+ +/g, "$1 N $2 N $3 N "],
  [/\b\d+%/g, "N%"],
  [/(\$c\d), \d+\b/g, "$1, HASH"], // endpoint hashkv
  [/([│|] \$c\d +[│|]) +\d+/g, "$1 HASH"],
  [/ {2,}/g, " "],
  [/-{2,}/g, "--"],
  [/─{2,}/g, "──"],
];

/** Lists that come out of Go's maps: members in a command line, keys of a lease. */
const lists: readonly (readonly [pattern: RegExp, separator: string])[] = [
  [/(ETCD_INITIAL_CLUSTER=")([^"]*)/g, ","],
  [/(attached keys\(\[)([^\]]*)/g, " "],
];

function inOrder(text: string): string {
  let told = text;
  for (const [pattern, separator] of lists) {
    told = told.replace(
      pattern,
      (_, before: string, list: string) =>
        before + list.split(separator).toSorted().join(separator),
    );
  }
  return told;
}

/** Told once, by however many it is said. */
const repeated = /(memberID:\$m alarm:\w+)(?:[", ]+\1)+|(NOSPACE )\2+/g;

/** `unordered`: lines that come in no order are put into one. `anyone`: members are all called the same. */
export function masked(
  text: string,
  looks: { readonly unordered?: boolean; readonly anyone?: boolean },
): string {
  let told = inOrder(text);
  for (const [pattern, instead] of masks) told = told.replace(pattern, instead);
  if (looks.anyone) told = told.replace(/\$([mc])\d/g, "$$$1").replace(repeated, "$1$2");
  if (!looks.unordered) return told;
  const lines = told.split("\n").toSorted();
  return (looks.anyone ? [...new Set(lines)] : lines).join("\n").trim();
}
