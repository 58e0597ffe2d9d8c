/**
 * Asks a real etcd what auth.test.ts compares with. It must be empty, and a cluster of one:
 *
 *     node dist/test/record-auth.js 127.0.0.1:2379 > test/testdata/auth.json
 */
import { askAuth, authCases, type Wallet } from "./auth-cases.ts";
import { TestClient } from "./fixtures.ts";

const [, , endpoint = "127.0.0.1:2379"] = process.argv;
const client = new TestClient(endpoint);
const wallet: Wallet = new Map([["forged", "abcdefghijklmnop.1"]]);
const answers: string[] = [];
for (const one of authCases) answers.push(await askAuth(client, wallet, one));
client.close();
process.stdout.write(`[\n${answers.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`);
