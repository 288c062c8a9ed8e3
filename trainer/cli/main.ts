#!/usr/bin/env node
/** @file The command line `rls3`: one file per command; every error is one line and an exit code. */
import yargs, { type Argv, type CommandModule } from "yargs";
import { hideBin } from "yargs/helpers";
import { VERSION } from "../../protocol/package-name.js";
import { keepIgnoringHangup } from "../../protocol/signals.js";
import { InputError } from "../errors.js";
import { nearest } from "../settings/configuration.js";
import { EXAMPLES } from "./examples.js";
import { switchesOf } from "./options.js";
import { exitCodeOf, outliveReaders, printJson } from "./outcome.js";

/** Each command declares its own flags; yargs handles all commands alike. */
type Loader = () => Promise<{ readonly command: unknown }>;

const ENV: Readonly<Record<string, Loader>> = {
  serve: () => import("./env-serve.js"),
  check: () => import("./env-check.js"),
  view: () => import("./env-view.js"),
  step: () => import("./env-step.js"),
  keys: () => import("./env-keys.js"),
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
  env: async () => ({ command: await group("env", "serve, check, look at and step environments; make keys", ENV) }),
  vlm: async () => ({ command: await group("vlm", "make and look at vision-language models", VLM) }),
  eval: () => import("./eval.js"),
  export: () => import("./export.js"),
  report: () => import("./report.js"),
  dashboard: () => import("./dashboard.js"),
  doctor: () => import("./doctor.js"),
};

const typed = hideBin(process.argv);
/** `rls3 help train` means `rls3 train --help`. */
const words = typed[0] === "help" ? [...typed.slice(1), "--help"] : typed;

/** Flags of the typed command, for "did you mean"; first a group's, then its command's. */
let flags: readonly string[] = [];

/** What yargs' types leave out: its flags, and their other names. */
interface YargsOptions {
  readonly key: Readonly<Record<string, unknown>>;
  readonly alias: Readonly<Record<string, readonly string[]>>;
}

/** The same command with its examples; records its flags once they are declared. */
function noted(module: CommandModule, group: string): CommandModule {
  const { builder } = module;
  if (typeof builder !== "function") return module;
  const name = `${group} ${String(module.command).split(" ")[0]}`.trim();
  const examples = EXAMPLES[name] ?? [];
  // yargs has no other way to list the flags.
  const note = <T>(built: T): T => {
    (built as Argv).example(examples.map(([line, meaning]) => [line, meaning]));
    const { key, alias } = (built as { getOptions(): YargsOptions }).getOptions();
    flags = [...Object.keys(key), ...Object.values(alias).flat()];
    return built;
  };
  return {
    ...module,
    // A synchronous builder must stay synchronous: otherwise yargs would treat its complaints as crashes.
    builder: ((argv: Argv) => {
      const built = builder(argv);
      return built instanceof Promise ? built.then(note) : note(built);
    }) as typeof builder,
  };
}

/** The flag that was probably meant: by its letters, or by one of its words ("image-size" for "size"). */
function nearestFlag(typed: string): string {
  const shares = (a: string, b: string): boolean => a.split("-").includes(b);
  return nearest(typed, flags) || (flags.find((flag) => shares(typed, flag) || shares(flag, typed)) ?? "");
}

/**
 * Adds the typed command. Only where there is none (a mistake, or --help), adds all of them: a server should start at
 * once.
 */
async function withCommands(
  argv: Argv,
  commands: Readonly<Record<string, Loader>>,
  name: string | undefined,
  group = "",
): Promise<Argv> {
  const one = name === undefined ? undefined : commands[name];
  for (const load of one === undefined ? Object.values(commands) : [one]) {
    argv.command(noted((await load()).command as CommandModule, group));
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
      (await withCommands(argv, commands, words[1], name)).demandCommand(
        1,
        `rls3 ${name}: which command? --help lists them`,
      ),
    handler: () => undefined,
  };
}

/** The first flag on the line that the command does not have. */
const unknownFlag = (): string | undefined =>
  words
    .slice(0, words.includes("--") ? words.indexOf("--") : undefined)
    .flatMap((word) => /^--(?:no-)?([a-z][\w-]*)/i.exec(word)?.[1] ?? [])
    .find((flag) => ![...flags, "help", "version"].includes(flag));

/** yargs' complaint as one line, with the nearest flag where a flag is unknown. */
function complaint(message: string): string {
  const lacks = message.startsWith("Missing required argument") ? unknownFlag() : undefined;
  const unknown = lacks ?? /^Unknown arguments?: ([^,]+)/.exec(message)?.[1]?.trim();
  const meant = /^Did you mean (.+)\?$/.exec(message)?.[1];
  if (meant !== undefined) {
    const before = Object.hasOwn(COMMANDS, words[0] ?? "") ? words.slice(0, 1) : [];
    return `there is no command "${words[before.length]}"; did you mean ${["rls3", ...before, meant].join(" ")}?`;
  }
  if (/^Not enough non-option arguments/.test(message)) {
    const typed = words.filter((word) => !word.startsWith("-")).slice(0, 2);
    return `rls3 ${typed.join(" ")}: something is missing after it; --help shows what`;
  }
  if (unknown === undefined && message.includes("--help")) return message;
  if (unknown === undefined) return `${message.replace(/\s*\n\s*/g, " ")} (--help lists the flags)`;
  const isFlag = words.some((word) => word.startsWith("-") && word.replace(/^-+/, "").startsWith(unknown));
  if (unknown === words[0]) {
    const best = nearest(unknown, Object.keys(COMMANDS));
    return `there is no command "${unknown}"${best === "" ? "; rls3 --help lists them" : `; did you mean rls3 ${best}?`}`;
  }
  if (!isFlag) return `"${unknown}" is not expected here; --help shows what is`;
  const best = nearestFlag(unknown);
  return `--${unknown}: there is no such flag${best === "" ? "; --help lists the flags" : `; did you mean --${best}?`}`;
}

/**
 * Turns into a user's mistake what yargs' parser says about a word, and what a configuration file's reader says through
 * it.
 */
function asTyped(error: Error): Error {
  if (error.name !== "YError") return error;
  const flag = /^Not enough arguments following: (.+)/.exec(error.message)?.[1];
  return new InputError(flag === undefined ? error.message : `--${flag}: needs a value`);
}

/** yargs reads any word after `--quick=` other than "true" as false, silently. */
function refuseOddSwitches(): void {
  const switches = switchesOf(words[0]);
  for (const word of words) {
    if (word === "--") return;
    const [, flag = "", value = ""] = /^--(?:no-)?([^=]+)=(.*)$/.exec(word) ?? [];
    if (switches.includes(flag) && value !== "true" && value !== "false") {
      throw new InputError(`--${flag}: is on or off: write --${flag} or --no-${flag}, not ${JSON.stringify(value)}`);
    }
  }
}

/** Columns of a line of help: the terminal's; in a pipe COLUMNS, else 80. */
const WIDTH = process.stdout.columns ?? (Number(process.env["COLUMNS"]) || 80);

async function main(): Promise<void> {
  refuseOddSwitches();
  const bare = words.length === 0;
  const argv = yargs(bare ? ["--help"] : words)
    .scriptName("rls3")
    .usage("$0 <command>: an agent finds what a vision-language model gets wrong, and the model learns from it");
  await (await withCommands(argv, COMMANDS, words[0]))
    .demandCommand(1, "which command? rls3 --help lists them")
    .recommendCommands()
    .strict()
    .wrap(WIDTH)
    .completion("completion", "a script that completes commands and flags in bash or zsh")
    .help()
    .alias("help", "h")
    .version(VERSION)
    .fail((message: string | null, error: Error | undefined) => {
      throw error === undefined ? new InputError(complaint(message ?? "")) : asTyped(error);
    })
    .parseAsync();
}

keepIgnoringHangup();

outliveReaders();

main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  // With --json, the error is in the document, too.
  if (words.includes("--json") || words.includes("--json=true")) printJson({ error: { message, exitCode: code } });
  process.stderr.write(`rls3: ${message}\n`);
  process.exitCode = code;
});
