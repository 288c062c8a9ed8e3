/**
 * @file A trainer for the tests to kill: starts the counter's server, prints its process id, and steps until it ends.
 */
import path from "node:path";
import { spawnServer } from "../../protocol/index.js";

const environment = await spawnServer({
  command: process.execPath,
  args: [path.join(import.meta.dirname, "counter-server.js")],
  onEvent: ({ message }) => console.error(message),
});
await environment.batch([{ env: 0, op: "reset", seed: 1 }], []);
const { results } = await environment.batch([{ env: 0, op: "step", action: [0, -1] }], []);
console.log(`server ${results[0]?.info["pid"]}`);
for (;;) await environment.batch([{ env: 0, op: "reset", seed: 1 }], []);
