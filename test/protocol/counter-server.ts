/**
 * @file Serves the tests' counter in a separate process: `node counter-server.js (--connect|--bind) ENDPOINT [--envs N]
 * [--fail]`.
 */
import { spawn } from "node:child_process";
import { EnvironmentServer } from "../../protocol/index.js";
import { counterDefinition } from "./counter.js";

const args = process.argv.slice(2);
const value = (flag: string): string | undefined => {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args[at + 1];
};

console.log("counter: loading the counting engine");
if (args.includes("--fail")) {
  console.error("counter: no engine found in /nowhere");
  process.exit(3);
}
if (args.includes("--mute")) {
  setInterval(() => undefined, 1000);
} else {
  // A child process of the server, as a player may have: it must not outlive the server.
  if (args.includes("--helper")) {
    const helper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    console.log(`helper ${helper.pid}`);
  }
  const options = { envCount: Number(value("--envs") ?? 2) };
  const connect = value("--connect");
  const server =
    connect === undefined
      ? await EnvironmentServer.bind(counterDefinition(), {
          ...options,
          endpoint: value("--bind") ?? "tcp://127.0.0.1:*",
        })
      : EnvironmentServer.connect(counterDefinition(), { ...options, endpoint: connect });
  console.log(`serving ${server.endpoint}`);
  await server.closed;
  console.log("counter: done");
  process.exit(0);
}
