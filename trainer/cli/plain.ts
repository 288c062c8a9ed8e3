/**
 * @file Flags of the commands that start no run (env, vlm, report, doctor), with the shared ones and `--config`; each
 * may be given once.
 */
import type { Argv, Options } from "yargs";
import { InputError } from "../errors.js";
import { nearest, readConfigurationFile } from "../settings/configuration.js";
import { COMMON_OPTIONS } from "./options.js";

const SHARED = {
  ...COMMON_OPTIONS,
  config: { type: "string", requiresArg: true, describe: "YAML or JSON file of flags; those typed win over it" },
} as const satisfies Record<string, Options>;

type Arguments = Readonly<Record<string, unknown>>;

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The file's keys as flags of this command; "imageSize" and "image-size" mean the same. */
function flagsIn(file: string, names: readonly string[]): Record<string, unknown> {
  const { name: where, values } = readConfigurationFile(file);
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const flag = kebab(key);
      if (names.includes(flag)) return [flag, value];
      const best = nearest(flag, names);
      throw new InputError(`${where}: this command has no "${key}"${best === "" ? "" : `; did you mean "${best}"?`}`);
    }),
  );
}

/** yargs gives a list for a repeated flag, and NaN for text that is no number; few commands expect a list. */
function refuseOddValues(args: Arguments, options: Readonly<Record<string, Options>>): void {
  for (const [name, { array, coerce, type }] of Object.entries(options)) {
    if (type === "number" && Number.isNaN(args[name])) throw new InputError(`--${name}: takes a number`);
    if (Array.isArray(args[name]) && array !== true && coerce === undefined) {
      throw new InputError(`--${name}: is given more than once; give it once`);
    }
  }
}

export const THREADS_OPTION = {
  type: "number",
  default: 1,
  describe: "onnxruntime's threads",
} as const satisfies Options;

export function parseThreads(threads: number): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= 1024) return threads;
  throw new InputError(`--threads: takes a whole number from 1 to 1024, not ${threads}`);
}

/** Adds a command's own flags and the shared ones. */
export function plain<T>(argv: Argv, ofCommand: Readonly<Record<string, Options>>): Argv<T> {
  const options: Record<string, Options> = { ...ofCommand, ...SHARED };
  for (const [name, option] of Object.entries(ofCommand)) {
    if (option.type !== "boolean")
      options[name] = { ...option, requiresArg: option.requiresArg ?? option.nargs === undefined };
  }
  return argv
    .options(options)
    .config("config", SHARED.config.describe, (file) => flagsIn(file, Object.keys({ ...ofCommand, ...COMMON_OPTIONS })))
    .check((args) => {
      refuseOddValues(args, options);
      return true;
    }) as unknown as Argv<T>;
}
