/**
 * @file Serves the tests' counter in a separate process: `node counter-server.js (--connect|--bind) ENDPOINT [--envs N]
 * [--fail] [--stuck FILE]`. While FILE exists, setting a parameter throws or hangs, as FILE says.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { type EnvironmentDefinition, EnvironmentServer } from "../../protocol/index.js";
import { counterDefinition } from "./counter.js";

const args = process.argv.slice(2);
/** The counter, which sets no parameter while `file` exists. */
function stuck(file: string): EnvironmentDefinition {
  const definition = counterDefinition();
  return {
    ...definition,
    create: (index) => {
      const environment = definition.create(index);
      const { configure } = environment;
      environment.configure = (name, given) => {
        if (!existsSync(file)) return configure?.call(environment, name, given);
        if (readFileSync(file, "utf8") === "throws") throw new Error("no such scale");
        for (;;);
      };
      return environment;
    },
  };
}

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
  const file = value("--stuck");
  const definition = file === undefined ? counterDefinition() : stuck(file);
  const server =
    connect === undefined
      ? await EnvironmentServer.bind(definition, {
          ...options,
          endpoint: value("--bind") ?? "tcp://127.0.0.1:*",
        })
      : EnvironmentServer.connect(definition, { ...options, endpoint: connect });
  console.log(`serving ${server.endpoint}`);
  await server.closed;
  console.log("counter: done");
  process.exit(0);
}
