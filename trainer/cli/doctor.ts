/** @file `rls3 doctor`: what works on this machine, what does not, and what to install for it. */
import { spawnSync } from "node:child_process";
import { availableParallelism, freemem, totalmem } from "node:os";
import type { CommandModule } from "yargs";
import { probeDevices } from "../graph/device.js";
import { modelDirectory, openEnvironments } from "../rls3/parts.js";
import { silent } from "../rls3/progress.js";
import { openModel } from "../vlm/index.js";
import { COMMON_OPTIONS, type Flags, text } from "./options.js";
import { EXIT, printJson } from "./outcome.js";

interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Without it `npm start` does not run. */
  readonly needed: boolean;
  readonly detail: string;
}

const NATIVE_TENSORFLOW = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];
const GIB = 2 ** 30;
/** `npm start` stays below this in all. */
const MEMORY_NEEDED = 4;

function checkNode(): Check {
  const [major = 0] = process.versions.node.split(".").map(Number);
  const ok = major >= 20;
  return {
    name: "Node.js",
    ok,
    needed: true,
    detail: ok ? process.version : `${process.version}; install 20 or newer`,
  };
}

function checkMemory(): Check {
  const total = totalmem() / GIB;
  const ok = total >= MEMORY_NEEDED;
  const detail = `${total.toFixed(1)} GiB, ${(freemem() / GIB).toFixed(1)} free, ${availableParallelism()} cores`;
  return {
    name: "memory",
    ok,
    needed: true,
    detail: ok ? detail : `${detail}; run fewer at once with compare --jobs 1`,
  };
}

async function attempt(name: string, needed: boolean, what: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, needed, detail: await what() };
  } catch (error) {
    return { name, ok: false, needed, detail: error instanceof Error ? error.message : String(error) };
  }
}

const checkModel = (): Promise<Check> =>
  attempt("bundled model", true, async () => {
    const model = await openModel(modelDirectory("bundled"), { runtime: { device: "cpu", threads: 1 } });
    await model.close();
    return `${model.description.architecture}, ${model.description.parameters} parameters`;
  });

async function checkDevices(): Promise<Check[]> {
  const reports = await probeDevices();
  return reports.map(({ device, works, detail }) => ({
    name: `device ${device}`,
    ok: works,
    needed: device === "cpu",
    detail,
  }));
}

/** Starts or finds the environment and has it render one frame. */
const checkEnvironment = (env: string, keys = ""): Promise<Check> =>
  attempt(env === "embedded" ? "embedded environment" : `--env ${env}`, env === "embedded", async () => {
    const environments = await openEnvironments({ env, keys, world: "rooms", count: 1, imageSize: 64 }, silent);
    try {
      await environments.observe([{ env: 0, op: "reset", seed: 0 }]);
      const [image] = await environments.images([0]);
      return `served over the protocol, rendered an image of ${image?.length ?? 0} bytes`;
    } finally {
      await environments.close();
    }
  });

function checkProgram(name: string, commands: readonly string[], use: string, install: string): Check {
  for (const command of commands) {
    const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8", timeout: 20_000 });
    if (status === 0)
      return { name, ok: true, needed: false, detail: `${stdout.trim().split("\n")[0] ?? ""} (${use})` };
  }
  return { name, ok: false, needed: false, detail: `not found; ${install} (${use})` };
}

/** Only looked for: it is loaded by the learner's own thread. */
function checkTensorflow(): Check {
  const found = NATIVE_TENSORFLOW.find((name) => {
    try {
      return import.meta.resolve(name) !== "";
    } catch {
      return false;
    }
  });
  const detail = found ?? `none of ${NATIVE_TENSORFLOW.join(", ")} is installed: WebAssembly runs, much slower`;
  return {
    name: "native tensorflow.js",
    ok: found !== undefined,
    needed: false,
    detail: `${detail} (for --learner tfjs)`,
  };
}

async function handle(flags: Flags): Promise<void> {
  const asked = flags["env"];
  const keys = text(flags, "keys");
  const checks: Check[] = [
    checkNode(),
    checkMemory(),
    await checkModel(),
    await checkEnvironment("embedded"),
    ...(typeof asked === "string" ? [await checkEnvironment(asked, keys)] : []),
    ...(await checkDevices()),
    checkTensorflow(),
    checkProgram(".NET SDK", ["dotnet"], "for --env dotnet and the C# tests", "install it from dot.net"),
    checkProgram(
      "Chromium",
      ["chromium", "chromium-browser", "google-chrome"],
      "for the report's test only",
      "on Debian: apt install chromium",
    ),
  ];
  const ok = checks.every((check) => check.ok || !check.needed);
  if (flags["json"] === true) printJson({ schema: 1, ok, checks });
  else {
    const mark = (check: Check): string => (check.ok ? "ok     " : check.needed ? "MISSING" : "without");
    for (const check of checks) process.stdout.write(`${mark(check)} ${check.name}: ${check.detail}\n`);
    process.stdout.write(ok ? "npm start will run here\n" : "npm start will not run here: see MISSING above\n");
  }
  process.exitCode = ok ? EXIT.done : EXIT.no;
}

export const command: CommandModule = {
  command: "doctor",
  describe: "what works on this machine, what does not, and what to install",
  builder: (argv) =>
    argv.options({
      json: COMMON_OPTIONS.json,
      env: { type: "string", describe: "an environment to try too: the path of a player, tcp://HOST:PORT" },
      keys: { type: "string", requiresArg: true, describe: "its keys file (CURVE keys and token)" },
    }),
  handler: handle,
};
