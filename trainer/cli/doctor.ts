/** @file `rls3 doctor`: what works on this machine, what does not, and what to install. */

import { spawnSync } from "node:child_process";
import { availableParallelism, freemem, totalmem } from "node:os";
import type { CommandModule } from "yargs";
import { at, only } from "../at.js";
import { silentSdk } from "../environments/dotnet-host.js";
import { openEnvironments } from "../environments/open-environments.js";
import { chooseDevice, probeDevices } from "../graph/device.js";
import { silent } from "../progress.js";
import { modelDirectory } from "../runs/parts.js";
import { openModel } from "../vlm/index.js";
import { type Flags, text } from "./options.js";
import { EXIT, printJson } from "./outcome.js";
import { plain } from "./plain.js";

interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** `npm start` needs it. */
  readonly needed: boolean;
  readonly detail: string;
}

const NATIVE_TENSORFLOW = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];
const GIB = 2 ** 30;
/** `npm start` stays below this in total. */
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

const checkModel = (vlm: string): Promise<Check> =>
  attempt(vlm === "bundled" ? "bundled model" : `--vlm ${vlm}`, true, async () => {
    const model = await openModel(modelDirectory(vlm), { runtime: { device: "cpu", threads: 1 } });
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

const checkDevice = (device: string): Promise<Check> =>
  attempt(`--device ${device}`, true, async () => (await chooseDevice(device)).reason);

/** Starts or finds the environment and lets it render one frame. */
const checkEnvironment = (env: string, keys = ""): Promise<Check> =>
  attempt(env === "embedded" ? "embedded environment" : `--env ${env}`, true, async () => {
    const environments = await openEnvironments({ env, keys, world: "rooms", count: 1, imageSize: 64 }, silent);
    try {
      await environments.observe([{ env: 0, op: "reset", seed: 0 }]);
      const image = only(await environments.images([0]));
      if (image === null) throw new Error("its server was restarted, and the image is lost");
      return `served over the protocol, rendered an image of ${image.length} bytes`;
    } finally {
      await environments.close();
    }
  });

function checkProgram(name: string, commands: readonly string[], use: string, install: string): Check {
  for (const command of commands) {
    const { status, stdout } = spawnSync(command, ["--version"], {
      encoding: "utf8",
      timeout: 20_000,
      env: silentSdk(),
    });
    if (status === 0) return { name, ok: true, needed: false, detail: `${at(stdout.trim().split("\n"), 0)} (${use})` };
  }
  return { name, ok: false, needed: false, detail: `not found; ${install} (${use})` };
}

/** Only looks for it: the learner's own thread loads it. */
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
  const [env, keys, vlm, device] = ["env", "keys", "vlm", "device"].map((name) => text(flags, name));
  const checks: Check[] = [
    checkNode(),
    checkMemory(),
    await checkModel("bundled"),
    ...(vlm === undefined ? [] : [await checkModel(vlm)]),
    await checkEnvironment("embedded"),
    ...(env === undefined ? [] : [await checkEnvironment(env, keys)]),
    ...(device === undefined ? [] : [await checkDevice(device)]),
    ...(await checkDevices()),
    checkTensorflow(),
    checkProgram(".NET SDK", ["dotnet"], "for --env dotnet and the C# tests", "install it from dot.net"),
    checkProgram("Slurm", ["sinfo"], "for sweep --executor slurm", "on Debian: apt install slurm-client"),
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
    const shown = flags["quiet"] === true ? checks.filter((check) => !check.ok) : checks;
    for (const check of shown) process.stdout.write(`${mark(check)} ${check.name}: ${check.detail}\n`);
    const hasRequests = [env, vlm, device].some((value) => value !== undefined);
    const what = hasRequests ? "what you asked for, and npm start," : "npm start";
    process.stdout.write(ok ? `${what} will run here\n` : `${what} will not run here: see MISSING above\n`);
  }
  process.exitCode = ok ? EXIT.done : EXIT.no;
}

export const command: CommandModule = {
  command: "doctor",
  describe: "what works on this machine, what does not, and what to install",
  builder: (argv) =>
    plain(argv, {
      env: { type: "string", describe: "an environment to try too: dotnet, the path of a player, tcp://HOST:PORT" },
      keys: { type: "string", describe: "its keys file (CURVE keys and token)" },
      vlm: { type: "string", describe: "a model directory to try too" },
      device: { type: "string", describe: "a device that must work: cpu, webgpu, cuda[:N]" },
    }),
  handler: handle,
};
