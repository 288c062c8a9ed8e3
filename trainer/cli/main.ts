#!/usr/bin/env node
/** @file The command line `rls3`: every command in its file, every error one line and an exit code. */
import yargs, { type Argv, type CommandModule } from "yargs";
import { hideBin } from "yargs/helpers";
import { InputError } from "../errors.js";
import { nearest } from "../rls3/configuration.js";
import { FLAG_NAMES } from "./options.js";
import { exitCodeOf } from "./outcome.js";

/** Each command knows its own flags; yargs takes them all alike. */
type Loader = () => Promise<{ readonly command: unknown }>;

const ENV: Readonly<Record<string, Loader>> = {
  serve: () => import("./env-serve.js"),
  check: () => import("./env-check.js"),
  view: () => import("./env-view.js"),
  step: () => import("./env-step.js"),
};
const VLM: Readonly<Record<string, Loader>> = {
  pretrain: () => import("./vlm-pretrain.js"),
  inspect: () => import("./vlm-inspect.js"),
  verify: () => import("./vlm-verify.js"),
  merge: () => import("./vlm-merge.js"),
  score: () => import("./vlm-score.js"),
};
const COMMANDS: Readonly<Record<string, Loader>> = {
  train: () => import("./train.js"),
  compare: () => import("./compare.js"),
  sweep: () => import("./sweep.js"),
  env: async () => ({ command: await group("env", "serve, check, look at and step environments", ENV) }),
  vlm: async () => ({ command: await group("vlm", "make and look at vision-language models", VLM) }),
  eval: () => import("./eval.js"),
  report: () => import("./report.js"),
  dashboard: () => import("./dashboard.js"),
  doctor: () => import("./doctor.js"),
};

const words = hideBin(process.argv);

/** Adds the command that was typed; only where none is (a mistake, or --help) all of them: a server should start at once. */
async function withCommands(
  argv: Argv,
  commands: Readonly<Record<string, Loader>>,
  typed: string | undefined,
): Promise<Argv> {
  const one = typed === undefined ? undefined : commands[typed];
  for (const load of one === undefined ? Object.values(commands) : [one]) {
    argv.command((await load()).command as CommandModule);
  }
  return argv;
}

async function group(
  name: string,
  describe: string,
  commands: Readonly<Record<string, Loader>>,
): Promise<CommandModule> {
  return {
    command: `${name} <command>`,
    describe,
    builder: async (argv) =>
      (await withCommands(argv, commands, words[1])).demandCommand(1, `rls3 ${name}: which command? --help lists them`),
    handler: () => undefined,
  };
}

/** yargs' complaint as one line, with the nearest flag where one is unknown. */
function complaint(message: string): string {
  const unknown = /^Unknown arguments?: ([^,]+)/.exec(message)?.[1]?.trim();
  if (unknown === undefined) return `${message.replace(/\s*\n\s*/g, " ")} (--help shows what there is)`;
  const isFlag = words.some((word) => word.startsWith("-") && word.replace(/^-+/, "").startsWith(unknown));
  if (!isFlag) return `"${unknown}" is not expected here; --help shows what is`;
  const best = nearest(unknown, FLAG_NAMES);
  return `--${unknown}: there is no such flag${best === "" ? "; --help shows what there is" : `; did you mean --${best}?`}`;
}

async function main(): Promise<void> {
  const argv = yargs(words)
    .scriptName("rls3")
    .usage("$0 <command>: an agent finds what a vision-language model gets wrong, and the model learns from it");
  await (await withCommands(argv, COMMANDS, words[0]))
    .demandCommand(1, "which command? rls3 --help lists them")
    .recommendCommands()
    .strict()
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .help()
    .alias("help", "h")
    .version()
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new InputError(complaint(message ?? ""));
    })
    .parseAsync();
}

// A reader that has seen enough (`rls3 report … | head`) is no fault, and no reason to lose what runs.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  process.stderr.write(`rls3: ${message}\n`);
  process.exitCode = code;
});
