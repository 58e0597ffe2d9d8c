// A reporter of node:test that writes down what failed: one line of JSON for each test that is no suite.
import { relative } from "node:path";
import { root } from "./setup.mjs";

// biome-ignore lint/style/noDefaultExport: node:test takes nothing else for a reporter.
export default async function* failures(events) {
  for await (const { type, data } of events) {
    if (type !== "test:fail" || data.details.type === "suite") continue;
    const { name, file = "", line = 0, details } = data;
    const { failureType, cause } = details.error;
    if (failureType === "subtestsFailed") continue;
    const reason = String(cause?.message ?? cause ?? details.error.message);
    yield `${JSON.stringify({ name, place: `${relative(root, file)}:${line}`, reason })}\n`;
  }
}
