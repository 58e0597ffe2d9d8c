/**
 * Asks a real etcd what gateway.test.ts compares with. It must be empty, and a cluster of one:
 *
 *     node dist/test/record-gateway.js http://127.0.0.1:2379 > test/testdata/gateway.json
 */
import { ask, type GatewayAnswer, gatewayCases } from "./gateway-cases.ts";

const [, , origin = "http://127.0.0.1:2379"] = process.argv;
const answers: GatewayAnswer[] = [];
for (const one of gatewayCases) answers.push(await ask(origin, one));
process.stdout.write(`[\n${answers.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`);
