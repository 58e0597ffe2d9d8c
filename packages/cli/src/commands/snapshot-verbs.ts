/** The verbs of `flotilla snapshot` and their flags, etcdutl's where it has them. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { addCredentialFlags } from "../credentials.ts";
import { CommandError } from "../exit.ts";
import { statusFormats } from "../snapshot/status-text.ts";

/** What the commands of this program share. */
export interface SharedOptions {
  dataDir(): Option;
  endpoints(): Option;
  examples(...lines: string[]): string;
}

/** Adds `snapshot save`, `status` and `restore`. */
export function addSnapshotVerbs(program: Command, shared: SharedOptions): void {
  const snapshot = program
    .command("snapshot")
    .description(
      "save what the members hold, look into such a file, or begin a new cluster from it",
    )
    .addHelpText(
      "after",
      shared.examples(
        "flotilla snapshot save backup.db --endpoints 127.0.0.1:2379",
        "flotilla snapshot status backup.db -o table",
        "flotilla snapshot restore backup.db --name m1 --data-dir m1 \\",
        "  --initial-cluster m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380,m3=http://10.0.0.3:2380 \\",
        "  --initial-advertise-peer-urls http://10.0.0.1:2380",
      ),
    );
  const load = () => import("./snapshot.ts");
  addCredentialFlags(snapshot.command("save [file]"))
    .description("save the store of a running member to a file")
    .addOption(shared.endpoints())
    .addOption(shared.dataDir())
    .allowExcessArguments()
    .action(async (_, options, command: Command) =>
      (await load()).saveSnapshot(onlyFile(command), options),
    );
  snapshot
    .command("status [file]")
    .description("say what a file holds; exit 1 when it is damaged")
    .addOption(
      new Option("-o, --output <format>", "output format").choices(statusFormats).default("simple"),
    )
    .addOption(
      new Option("-w, --write-out <format>", "the same, as etcdutl calls it").choices(
        statusFormats,
      ),
    )
    .allowExcessArguments()
    .action(async (_, { output, writeOut }, command: Command) =>
      (await load()).snapshotStatus(onlyFile(command), writeOut ?? output),
    );
  addRestore(snapshot, load);
}

function addRestore(snapshot: Command, load: () => Promise<typeof import("./snapshot.ts")>): void {
  snapshot
    .command("restore [file]")
    .description("make the data directory of one founder of a new cluster; do it for each of them")
    .option("--data-dir <dir>", "where to; must be empty (default: <name>.etcd)")
    .option(
      "--wal-dir <dir>",
      "where to put the log; must not exist (default: within the data directory)",
    )
    .option("--name <name>", "human-readable name of this member", "default")
    .option("--initial-cluster <name=url,...>", "the founders", "default=http://localhost:2380")
    .option("--initial-cluster-token <token>", "tells clusters apart", "etcd-cluster")
    .option(
      "--initial-advertise-peer-urls <urls>",
      "this member's peer URLs",
      "http://localhost:2380",
    )
    .option("--bump-revision <n>", "how much to add to the revision", count, 0)
    .option("--mark-compacted", "refuse what is older, so that watchers begin anew", false)
    .option("--skip-hash-check", "the file has no hash, or a wrong one", false)
    .allowExcessArguments()
    .action(async (_, options, command: Command) =>
      (await load()).restoreSnapshot(onlyFile(command), options),
    );
}

function onlyFile(command: Command): string {
  const [file, ...more] = command.args;
  if (file !== undefined && more.length === 0) return file;
  const verb = command.name();
  const text =
    verb === "save"
      ? "snapshot save expects one argument <filename>"
      : `snapshot ${verb} requires exactly one argument`;
  throw new CommandError("wrongArguments", text);
}

function count(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}
