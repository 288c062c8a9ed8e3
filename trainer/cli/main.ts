#!/usr/bin/env node
/** @file The command line `rls3`: every command in its file, every error one line and an exit code. */
import yargs, { type Argv } from "yargs";
import { hideBin } from "yargs/helpers";
import { InputError } from "../errors.js";
import { nearest } from "../rls3/configuration.js";
import { command as compare } from "./compare.js";
import { command as doctor } from "./doctor.js";
import { command as envCheck } from "./env-check.js";
import { command as envServe } from "./env-serve.js";
import { command as envStep } from "./env-step.js";
import { command as envView } from "./env-view.js";
import { command as evaluation } from "./eval.js";
import { FLAG_NAMES } from "./options.js";
import { exitCodeOf } from "./outcome.js";
import { command as report } from "./report.js";
import { command as train } from "./train.js";

/** yargs' complaint as one line, with the nearest flag where one is unknown. */
function complaint(message: string): string {
  const unknown = /^Unknown arguments?: ([^,]+)/.exec(message)?.[1]?.trim();
  if (unknown === undefined) return `${message.replace(/\s*\n\s*/g, " ")} (--help shows what there is)`;
  const isFlag = process.argv.some((word) => word.startsWith("-") && word.replace(/^-+/, "").startsWith(unknown));
  if (!isFlag) return `"${unknown}" is not expected here; --help shows what is`;
  const best = nearest(unknown, FLAG_NAMES);
  return `--${unknown}: there is no such flag${best === "" ? "; --help shows what there is" : `; did you mean --${best}?`}`;
}

const group = (name: string, describe: string, build: (argv: Argv) => Argv) => ({
  command: `${name} <command>`,
  describe,
  builder: (argv: Argv) => build(argv).demandCommand(1, `rls3 ${name}: which command? --help lists them`),
  handler: () => undefined,
});

async function main(): Promise<void> {
  await yargs(hideBin(process.argv))
    .scriptName("rls3")
    .usage("$0 <command>: an agent finds what a vision-language model gets wrong, and the model learns from it")
    .command(train)
    .command(compare)
    .command(evaluation)
    .command(
      group("env", "serve, check, look at and step environments", (argv) =>
        argv.command(envServe).command(envCheck).command(envView).command(envStep),
      ),
    )
    .command(report)
    .command(doctor)
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

main().catch((error: unknown) => {
  const { code, message } = exitCodeOf(error);
  process.stderr.write(`rls3: ${message}\n`);
  process.exitCode = code;
});
