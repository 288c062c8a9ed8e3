/** @file Where a sweep's cells can run, and the flags for it; `rls3 sweep` and the experiments share them. */
import type { Options } from "yargs";
import { InputError } from "../errors.js";
import { nearest } from "../settings/configuration.js";
import type { Executor } from "../sweep/executor.js";
import { local } from "../sweep/local.js";
import { SLURM_OPTIONS, type SlurmOption } from "../sweep/slurm/options.js";
import type { Flags } from "./options.js";

interface Registered {
  readonly load: () => Promise<Executor>;
  /** The executor's own flags. Each begins with its name and a dash, which the executor's settings leave out. */
  readonly options: Readonly<Record<string, Options>>;
}

/** Where cells can run. */
const EXECUTORS: Readonly<Record<string, Registered>> = {
  local: { load: async () => local, options: {} },
  slurm: {
    load: async () => (await import("../sweep/slurm/executor.js")).slurm,
    options: Object.fromEntries(
      Object.entries<SlurmOption>(SLURM_OPTIONS).map(([name, { description, fallback }]) => [
        `slurm-${name}`,
        {
          group: "Slurm (--executor slurm):",
          type: "string",
          requiresArg: true,
          describe: description,
          defaultDescription: fallback,
        } satisfies Options,
      ]),
    ),
  },
};
export const EXECUTOR_NAMES = Object.keys(EXECUTORS);

/** The flag that chooses an executor, and the flags of each. */
export const EXECUTOR_OPTIONS: Readonly<Record<string, Options>> = {
  executor: {
    type: "string",
    requiresArg: true,
    describe: `where cells run: ${EXECUTOR_NAMES.join(", ")}`,
    defaultDescription: "local",
  },
  ...Object.assign({}, ...Object.values(EXECUTORS).map(({ options }) => options)),
};

function executorNamed(name: string): Registered {
  const executor = EXECUTORS[name];
  if (executor !== undefined) return executor;
  const best = nearest(name, EXECUTOR_NAMES);
  throw new InputError(
    `--executor: there is no "${name}"${best === "" ? "" : `; did you mean "${best}"?`} (${EXECUTOR_NAMES.join(", ")})`,
  );
}

export const loadExecutor = (name: string): Promise<Executor> => executorNamed(name).load();

/** An executor's settings: its section of a file, overridden by flags. */
export function executorSettings(name: string, flags: Flags, fromFile: Readonly<Record<string, unknown>> = {}) {
  const fromFlags = Object.keys(executorNamed(name).options).flatMap((flag) =>
    flags[flag] === undefined ? [] : [[flag.slice(name.length + 1), flags[flag]] as const],
  );
  return { ...fromFile, ...Object.fromEntries(fromFlags) };
}
