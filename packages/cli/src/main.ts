/** The command `flotilla`: parses, loads the command that is asked for, and turns its end into an exit code. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { addMembershipVerbs } from "./commands/membership-verbs.ts";
import { addSnapshotVerbs } from "./commands/snapshot-verbs.ts";
import { addCredentialFlags } from "./credentials.ts";
import { CommandError, exitCode, reasonOf } from "./exit.ts";
import { flagsHelp } from "./member/help.ts";
import { flotillaVersion } from "./member/version.ts";

const dataDir = () =>
  new Option("--data-dir <dir>", "where the cluster keeps everything")
    .env("FLOTILLA_DATA_DIR")
    .default("./.flotilla");
const endpoints = () =>
  new Option("--endpoints <urls>", "etcd client addresses, by commas").env("ETCDCTL_ENDPOINTS");

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

function seconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)s?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("It must be seconds, like 5 or 5s.");
  return Number(match[1]);
}

const collect = (value: string, before: string[]): string[] => [...before, value];

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

function build(): Command {
  const program = new Command("flotilla")
    .description(
      "Keeps declared programs running on a few machines while machines fail, the controlling ones included.",
    )
    .version(flotillaVersion)
    .enablePositionalOptions() // What stands behind a command is that command's, not its parent's.
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      examples(
        "flotilla up                          three members, three nodes and the example shop",
        "flotilla up --detach --apply app.yaml",
        "flotilla status",
        "flotilla chaos power-off n1          see it heal",
        "flotilla down",
      ),
    );
  addCluster(program);
  addChaos(program);
  addServers(program);
  addKeys(program);
  addSnapshotVerbs(program, { dataDir, endpoints, examples });
  return program;
}

function addCluster(program: Command): void {
  program
    .command("up")
    .description("start a cluster on this machine, or what of it does not run")
    .option("--members <n>", "how many members agree on everything (odd is best)", count, 3)
    .option("--nodes <n>", "how many nodes run workloads", count, 3)
    .addOption(dataDir())
    .option("--detach", "return when everything is ready and leave it running", false)
    .option("--apply <file>", "apply a manifest; may be repeated", collect, [])
    .option("--no-example", "leave out the example shop")
    .option("--timeout <seconds>", "how long everything may take to become ready", seconds, 60)
    .addHelpText(
      "after",
      examples(
        "flotilla up",
        "flotilla up --detach --data-dir /tmp/demo",
        "flotilla up --members 5 --nodes 2 --no-example --apply app.yaml",
      ),
    )
    .action(async (options) => (await import("./commands/up.ts")).up(options));
  program
    .command("down")
    .description("stop a cluster that `up` started; its data stays")
    .addOption(dataDir())
    .option("--purge", "delete its data too", false)
    .addHelpText("after", examples("flotilla down", "flotilla down --purge"))
    .action(async (options) => (await import("./commands/down.ts")).down(options));
  program
    .command("status")
    .description("show members, nodes and pods; exit 1 when there is no leader")
    .addOption(dataDir())
    .addOption(new Option("-o, --output <format>", "output format").choices(["json"]))
    .addHelpText("after", examples("flotilla status", "flotilla status -o json"))
    .action(async (options) => (await import("./commands/status.ts")).status(options));
}

function addChaos(program: Command): void {
  const chaos = program
    .command("chaos")
    .description("break a local cluster on purpose")
    .addHelpText(
      "after",
      examples(
        "flotilla chaos power-off m1          SIGKILL a member",
        "flotilla chaos power-off n2          SIGKILL a node and all it runs",
        "flotilla chaos pause m1 --for 5s     SIGSTOP, and go on after 5 seconds",
        "flotilla chaos partition 'm1|m2,m3'  m1 and the others cannot reach each other",
      ),
    );
  const load = () => import("./commands/chaos.ts");
  chaos
    .command("power-off <name>")
    .description("end a member, or a node with its workloads, without a warning")
    .addOption(dataDir())
    .action(async (name, options) => (await load()).powerOff(name, options.dataDir));
  chaos
    .command("power-on <name>")
    .description("start what was powered off, with the data it had")
    .addOption(dataDir())
    .action(async (name, options) => (await load()).powerOn(name, options.dataDir));
  chaos
    .command("pause <name>")
    .description("stop a member or a node in its tracks; its connections stay open")
    .addOption(dataDir())
    .option("--for <seconds>", "go on after this time", seconds)
    .action(async (name, options) => (await load()).pause(name, options.dataDir, options.for));
  chaos
    .command("resume <name>")
    .description("let a paused member or node go on")
    .addOption(dataDir())
    .action(async (name, options) => (await load()).resume(name, options.dataDir));
  chaos
    .command("partition <groups>")
    .description("cut the network between groups of members; clients still reach all of them")
    .addOption(dataDir())
    .option("--for <seconds>", "heal it after this time", seconds)
    .action(async (groups, options) =>
      (await load()).partition(groups, options.dataDir, options.for),
    );
  chaos
    .command("heal")
    .description("let all members reach each other again")
    .addOption(dataDir())
    .action(async (options) => (await load()).heal(options.dataDir));
}

function addServers(program: Command): void {
  const member = program
    .command("member")
    .description(
      "run one member, with etcd's flags and ETCD_* variables in etcd's meaning; or, with a verb, change who takes part",
    )
    .enablePositionalOptions()
    .allowExcessArguments() // A verb that does not exist gets a better answer than their number.
    .addHelpText(
      "after",
      examples(
        "flotilla member --name m1 --data-dir m1 \\",
        "  --initial-advertise-peer-urls http://127.0.0.1:2380 --listen-peer-urls http://127.0.0.1:2380 \\",
        "  --initial-cluster m1=http://127.0.0.1:2380",
        "flotilla member list",
        "flotilla member add m4 --peer-urls http://127.0.0.1:2480 --learner",
      ),
    )
    .addHelpText("after", () => `\n${flagsHelp()}`)
    .action(() => checkVerb(member));
  addMembershipVerbs(member, { dataDir, endpoints, examples });
  program
    .command("node")
    .description("run one node: it registers, runs its pods and carries the services")
    .requiredOption("--server <urls>", "Kubernetes API addresses of the members, by commas")
    .requiredOption("--name <name>", "the node's name; unique in the cluster")
    .addOption(
      new Option(
        "--kubeconfig <file>",
        "this node's certificates, as `flotilla up` writes them",
      ).env("KUBECONFIG"),
    )
    .addOption(
      new Option("--runtime <runtime>", "what runs the pods")
        .choices(["process"])
        .default("process"),
    )
    .option("--data-dir <dir>", "where the node keeps its state", "./node")
    .option("--labels <k=v,...>", "labels of the Node object", "")
    .option("--address <ip>", "address of this node and its pods", "127.0.0.1")
    .option("--volume-root <dir>", "hostPath volumes are below this folder", "/")
    .addHelpText(
      "after",
      examples(
        "flotilla node --server https://10.0.0.1:6443,https://10.0.0.2:6443 --name n1 --kubeconfig n1.kubeconfig",
      ),
    )
    .action(async (options) => (await import("./commands/node.ts")).node(options));
}

/** Ends the command when it is given a word that is no verb. */
function checkVerb(member: Command): void {
  const [word] = member.args;
  if (word === undefined) return;
  throw new CommandError(
    "wrongArguments",
    `unknown command '${word}' for flotilla member`,
    `There are: ${member.commands.map((verb) => verb.name()).join(", ")}.`,
  );
}

function addKeys(program: Command): void {
  addCredentialFlags(program.command("get <key>"))
    .description("print a key of the store and its value")
    .option("--prefix", "every key that begins with <key>", false)
    .option("--keys-only", "leave out the values", false)
    .addOption(endpoints())
    .addOption(dataDir())
    .addHelpText(
      "after",
      examples("flotilla get greeting", "flotilla get /registry --prefix --keys-only"),
    )
    .action(async (key, options) => (await import("./commands/keys.ts")).get(key, options));
  addCredentialFlags(program.command("put <key> <value>"))
    .description("store a value under a key")
    .addOption(endpoints())
    .addOption(dataDir())
    .addHelpText("after", examples("flotilla put greeting hello"))
    .action(async (key, value, options) =>
      (await import("./commands/keys.ts")).put(key, value, options),
    );
}

/** Every command and subcommand throws instead of exiting, so that one place decides the exit code. */
function throwInsteadOfExiting(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExiting(child);
}

function fail(error: unknown): number {
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? exitCode.ok : exitCode.wrongArguments;
  if (error instanceof CommandError) {
    process.stderr.write(`Error: ${error.message}\n`);
    if (error.hint !== undefined) process.stderr.write(`${error.hint}\n`);
    return exitCode[error.code];
  }
  process.stderr.write(`Error: ${reasonOf(error)}\n`);
  if (process.env["FLOTILLA_DEBUG"] !== undefined && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  return exitCode.refused;
}

/** What stands behind `member` when no verb does: those flags are read as etcd reads them. */
function memberFlagsOf([command, first, ...more]: readonly string[]):
  | readonly string[]
  | undefined {
  if (command !== "member" || (first !== undefined && !first.startsWith("-"))) return undefined;
  if (first === "-h" || first === "-help" || first === "--help") return undefined;
  return first === undefined ? [] : [first, ...more];
}

const program = build();
throwInsteadOfExiting(program);
try {
  const flags = memberFlagsOf(process.argv.slice(2));
  if (flags === undefined) await program.parseAsync();
  else await (await import("./member/run-member.ts")).runMember(flags);
} catch (error) {
  process.exitCode = fail(error);
}
