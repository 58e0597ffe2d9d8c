/** What `flotilla member` can be told to do to a cluster: the verbs, their arguments and options. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { addCredentialFlags } from "../credentials.ts";
import type { ListFormat } from "../membership/listing.ts";

/** Shared by `main.ts`, which declares the same two for other commands. */
interface SharedOptions {
  dataDir(): Option;
  endpoints(): Option;
  examples(...lines: string[]): string;
}

/** Adds every verb to `flotilla member`. */
export function addMembershipVerbs(member: Command, shared: SharedOptions): void {
  const verb = (usage: string, description: string, ...lines: string[]): Command =>
    addCredentialFlags(member.command(usage))
      .description(description)
      .addOption(shared.endpoints())
      .addOption(shared.dataDir())
      .addHelpText("after", shared.examples(...lines));
  addListing(verb);
  addAdditions(verb);
  addRemovals(verb);
  addLeadership(verb);
  addRecovery(member, shared);
}

type Verb = (usage: string, description: string, ...examples: string[]) => Command;

const load = () => import("./membership.ts");
const yes = () => new Option("-y, --yes", "do not ask").default(false);
const force = () =>
  new Option("--force", "even if the members that run could not go on").default(false);

function votes(text: string): number {
  const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 1_000_000) {
    throw new InvalidArgumentError("It must be a whole number from 1 to 1000000.");
  }
  return count;
}

function addListing(verb: Verb): void {
  verb(
    "list",
    "show who takes part, and how far each is behind",
    "flotilla member list",
    "flotilla member list -o json --endpoints 10.0.0.1:2379",
  )
    .addOption(
      new Option("-o, --output <format>", "output format")
        .choices(["table", "json", "simple"] satisfies ListFormat[])
        .default("table"),
    )
    .action(async (options) => (await load()).list(options));
}

function addAdditions(verb: Verb): void {
  verb(
    "add <name>",
    "add a member, and say how to start it",
    "flotilla member add m4 --peer-urls http://10.0.0.4:2380 --learner",
    "flotilla member add w --peer-urls http://10.0.0.5:2380 --witness",
  )
    .requiredOption("--peer-urls <urls>", "where other members reach it, by commas")
    .option("--learner", "receives the log and does not vote, until it is promoted", false)
    .option("--witness", "votes and holds no data", false)
    .option("--votes <n>", "weight of its vote (default: 1)", votes)
    .addOption(force())
    .addOption(yes())
    .action(async (name, options) => (await load()).add(name, options));
  verb(
    "promote <member>",
    "make a learner that has caught up a voter",
    "flotilla member promote m4",
    "flotilla member promote m4 --votes 2",
  )
    .option("--votes <n>", "weight of its vote", votes, 1)
    .addOption(force())
    .addOption(yes())
    .action(async (member, options) => (await load()).promote(member, options));
}

function addRemovals(verb: Verb): void {
  verb(
    "remove <member>",
    "remove a member, by name or id, for good",
    "flotilla member remove m3",
    "flotilla member remove 8e9e05c52164694d --yes",
  )
    .addOption(force())
    .addOption(yes())
    .action(async (member, options) => (await load()).remove(member, options));
  verb(
    "weight <member-votes...>",
    "change the weight of votes, of several members at once",
    "flotilla member weight m1 3",
    "flotilla member weight m1 1 m2 3",
  )
    .addOption(force())
    .addOption(yes())
    .action(async (pairs, options) => (await load()).weight(pairs, options));
}

function addLeadership(verb: Verb): void {
  verb(
    "prefer [members...]",
    "say who should lead, most wanted first",
    "flotilla member prefer m1 m2",
    "flotilla member prefer --none",
    "flotilla member prefer --static m1",
  )
    .option("--none", "prefer nobody any more", false)
    .option("--static <member>", "let only this member lead")
    .option("--no-static", "let every voter with data lead again")
    .addOption(force())
    .addOption(yes())
    .action(async (members, options) => (await load()).prefer(members, options));
  verb("transfer <member>", "hand leadership to a member", "flotilla member transfer m2")
    .addOption(yes())
    .action(async (member, options) => (await import("./transfer.ts")).transfer(member, options));
}

function addRecovery(member: Command, { examples }: SharedOptions): void {
  member
    .command("recover")
    .description(
      "make a cluster of what one stopped member holds, when a majority is lost for good",
    )
    .requiredOption("--data-dir <dir>", "the stopped member's own data directory")
    .addOption(yes())
    .addHelpText("after", examples("flotilla member recover --data-dir ./.flotilla/m1"))
    .action(async (options) => (await import("./recover.ts")).recover(options));
}
