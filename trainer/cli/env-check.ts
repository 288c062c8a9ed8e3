/** @file `rls3 env check`: tests any server against the specification, one that runs already or one that it starts. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { CommandModule } from "yargs";
import {
  type CheckResult,
  type ConformanceReport,
  checkServer,
  type Level,
  Peer,
} from "../../protocol/conformance/index.js";
import {
  checkEndpoint,
  EnvironmentClient,
  type Keys,
  ProtocolError,
  readKeys,
  ServerProcess,
  spawnServer,
  type VectorEnvironment,
  type WireMap,
} from "../../protocol/index.js";
import { dotnetHostCommand } from "../environments/dotnet-host.js";
import { playerCommand } from "../environments/player.js";
import { InputError, UnavailableError } from "../errors.js";
import { DEFAULT_IMAGE_SIZE } from "../rooms/index.js";
import { plain } from "./plain.js";
import { trainingChecks } from "./train-level.js";

const PACKAGE_ROOT = path.resolve(import.meta.dirname, "../../..");

interface Arguments {
  endpoint: string | undefined;
  spawn: string | undefined;
  level: Level | "train" | undefined;
  keys: string | undefined;
  token: string | undefined;
  timeout: number;
  "longest-silence": number;
  "wrong-options": WireMap | undefined;
  "single-start": boolean;
  json: boolean;
  quiet: boolean;
}

export const command: CommandModule<object, Arguments> = {
  command: "check [endpoint]",
  describe: "check any server, in any language, against the protocol",
  builder: (yargs) =>
    plain<Arguments>(
      yargs
        .parserConfiguration({ "populate--": true })
        .positional("endpoint", { type: "string", describe: "a running server, as tcp://127.0.0.1:5005" }),
      {
        spawn: {
          type: "string",
          requiresArg: false,
          describe:
            "start one: embedded, dotnet, a player's path, or `--spawn -- COMMAND…`; it gets --connect ENDPOINT",
        },
        level: {
          choices: ["core", "full", "train"] as const,
          describe:
            "core: what every server must do; full: all capabilities too; train: what rls3 train needs, and the capabilities announced (default: core, and those)",
        },
        keys: { type: "string", describe: "keys file (CURVE keys and token); needed beyond loopback" },
        token: { type: "string", describe: "token of a server on loopback that requires one", conflicts: "keys" },
        "longest-silence": {
          type: "number",
          default: 20,
          describe: "seconds that a check may stay silent to see whether the session ends; 0 skips such checks",
        },
        "wrong-options": {
          type: "string",
          coerce: wrongOptions,
          describe: "options of a reset that the environment must refuse, as JSON: '{\"scene\": -1}'",
        },
        "single-start": {
          type: "boolean",
          default: false,
          describe: "the environment always starts the same, whatever the seed",
        },
        timeout: { type: "number", default: 30, describe: "seconds to wait for the server, and for each answer" },
      },
    ),
  handler: check,
};

function wrongOptions(text: string | undefined): WireMap | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // reported below
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as WireMap;
  throw new InputError(`--wrong-options must be a JSON object, as {"scene": -1}; it is ${text}`);
}

async function check(args: Arguments): Promise<void> {
  const started = commandOf(args.spawn);
  if (started === undefined && args.endpoint === undefined) {
    throw new InputError("say which server: an ENDPOINT, or --spawn embedded|dotnet|PATH, or --spawn -- COMMAND…");
  }
  if (!(args["longest-silence"] >= 0)) {
    throw new InputError(`--longest-silence must be a number of seconds, 0 or more, not ${args["longest-silence"]}`);
  }
  if (!(args.timeout > 0)) throw new InputError(`--timeout must be a number of seconds above 0, not ${args.timeout}`);
  const report = await withInputErrors(() => run(args, started));
  if (args.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else
    process.stdout.write(
      `${report.server}: ${report.passed} passed, ${report.failed} failed, ${report.notTried} not tried\n`,
    );
  process.exitCode = report.failed === 0 ? 0 : 1;
}

/** The command line that starts the server, or undefined to use one that runs already. */
function commandOf(spawn: string | undefined): readonly string[] | undefined {
  if (spawn === undefined) return undefined;
  const dashes = process.argv.indexOf("--");
  if (spawn === "") {
    const rest = dashes < 0 ? [] : process.argv.slice(dashes + 1);
    if (rest.length === 0) throw new InputError("--spawn needs embedded, dotnet, a path, or `-- COMMAND…` behind it");
    return rest;
  }
  if (spawn === "embedded") {
    return [
      process.execPath,
      path.join(PACKAGE_ROOT, "dist", "trainer", "cli", "main.js"),
      "env",
      "serve",
      "--envs",
      "2",
    ];
  }
  if (spawn === "dotnet") {
    const host = dotnetHostCommand();
    return [host.command, ...host.args, "--envs", "2"];
  }
  if (!existsSync(spawn))
    throw new InputError(`--spawn: ${spawn} does not exist; give a player's path, embedded or dotnet`);
  const player = playerCommand(spawn);
  return [player.command, ...player.args];
}

type Report = Omit<ConformanceReport, "level"> & { readonly level: ConformanceReport["level"] | "train" };

async function run(args: Arguments, started: readonly string[] | undefined): Promise<Report> {
  if (args.level !== "train") return suite(args, started, args.level);
  // In a separate session, like a run; if the server must be started, in a new one.
  const training = await withServer(args, started, (server) => trainingChecks(server, args.quiet ? failing : progress));
  const failed = training.filter(({ outcome }) => outcome === "failed").length;
  // No world has such a scene; what other servers refuse is unknown.
  const wrongOptions = args["wrong-options"] ?? (failed === 0 ? { scene: -1 } : undefined);
  const report = await suite({ ...args, "wrong-options": wrongOptions }, started, undefined);
  return {
    ...report,
    level: "train",
    checks: [...training, ...report.checks],
    passed: report.passed + training.length - failed,
    failed: report.failed + failed,
  };
}

async function withServer<T>(
  { endpoint = "", timeout, keys, token }: Arguments,
  started: readonly string[] | undefined,
  work: (server: VectorEnvironment) => Promise<T>,
): Promise<T> {
  const patience = timeout * 1000;
  const client = {
    imageSize: DEFAULT_IMAGE_SIZE,
    timeouts: { connect: patience, hello: patience, reset: patience, step: patience },
    ...(keys === undefined ? {} : { keys: readKeys(keys) }),
    ...(token === undefined ? {} : { token }),
  };
  const [command, ...args] = started ?? [];
  const server =
    command === undefined
      ? await EnvironmentClient.connect({ ...client, endpoint })
      : await spawnServer({ command, args, client, spawnTimeout: patience });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

async function suite(
  args: Arguments,
  started: readonly string[] | undefined,
  level: Level | undefined,
): Promise<ConformanceReport> {
  const keys: Keys | undefined = args.keys === undefined ? undefined : readKeys(args.keys);
  const endpoint = started === undefined ? (args.endpoint ?? "") : "tcp://127.0.0.1:*";
  checkEndpoint(endpoint, keys, started === undefined);
  const peer = await Peer.open({
    endpoint,
    bind: started !== undefined,
    patience: args.timeout * 1000,
    longestSilence: args["longest-silence"] * 1000,
    singleStart: args["single-start"],
    ...(args["wrong-options"] === undefined ? {} : { wrongOptions: args["wrong-options"] }),
    ...(keys === undefined ? {} : { keys }),
    ...(args.token === undefined ? {} : { token: args.token }),
  });
  const [program, ...rest] = started ?? [];
  const server =
    program === undefined
      ? undefined
      : new ServerProcess({ command: program, args: [...rest, "--connect", peer.endpoint] });
  try {
    await reach(peer, server);
    return await checkServer(peer, level, args.quiet ? failing : progress);
  } finally {
    peer.close();
    await server?.stop();
  }
}

/** Exchanges one message first, so that an absent server is not reported as breaking every rule. */
async function reach(peer: Peer, server: ServerProcess | undefined): Promise<void> {
  const answered = peer.drain();
  const ended = server?.ended.then((how) => {
    throw new UnavailableError(`the server ${how} before it connected${said(server)}`);
  });
  ended?.catch(() => undefined); // reported by the race, or no longer of interest
  try {
    await (ended === undefined ? answered : Promise.race([answered, ended]));
  } catch (error) {
    if (error instanceof UnavailableError) throw error;
    const tail = server === undefined ? "; is the server started?" : said(server);
    throw new UnavailableError(`nothing answers at ${peer.endpoint} within ${peer.patience / 1000} s${tail}`);
  }
}

const said = ({ tail }: ServerProcess): string => (tail === "" ? "; it said nothing" : `; its last lines:\n${tail}`);

const MARKS = { passed: "ok  ", failed: "FAIL", "not tried": "--  " } as const;

function progress({ name, outcome, detail }: CheckResult): void {
  process.stderr.write(`${MARKS[outcome]} ${name}: ${detail}\n`);
}

function failing(result: CheckResult): void {
  if (result.outcome === "failed") progress(result);
}

async function withInputErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "CONFIGURATION") throw new InputError(error.message);
    throw error;
  }
}
