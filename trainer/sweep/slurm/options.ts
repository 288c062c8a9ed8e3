/** @file The Slurm options of a sweep in one table: flags, keys of the sweep's file, and sbatch's options. */

import { z } from "zod";
import { at } from "../../at.js";
import { InputError } from "../../errors.js";

export interface SlurmOption {
  readonly description: string;
  /** The value that it takes, for messages. */
  readonly takes: string;
  readonly pattern: RegExp;
  readonly fallback?: string;
  /** May be given more than once. */
  readonly repeated?: true;
}

/** A word that sbatch reads as one value. */
const WORD = /^[^\s]+$/;

/** `--slurm-NAME`, or NAME under `slurm:` in a sweep's file. All except setup and option are options of sbatch. */
export const SLURM_OPTIONS = {
  partition: { description: "partition, or several separated by commas", takes: "a partition's name", pattern: WORD },
  account: { description: "account to charge", takes: "an account's name", pattern: WORD },
  qos: { description: "quality of service", takes: "a quality of service", pattern: WORD },
  time: {
    description: "time limit of a job; a cell that needs longer is saved, requeued and resumed",
    takes: "minutes, HH:MM:SS or D-HH:MM:SS",
    pattern: /^(\d+|\d+:\d{1,2}(:\d{1,2})?|\d+-\d{1,2}(:\d{1,2}){0,2})$/,
  },
  mem: {
    description: "memory of a job",
    takes: "a size such as 4G",
    pattern: /^\d+[KMGT]?$/i,
    fallback: "2G",
  },
  gpus: {
    description: "GPUs of a job, such as 1 or a100:1; the cells' --device says whether they are used",
    takes: "a number, or TYPE:NUMBER",
    pattern: /^([\w.-]+:)?\d+$/,
  },
  gres: { description: "generic resources, where --slurm-gpus is not known", takes: "NAME:NUMBER", pattern: WORD },
  option: {
    description: "another option of sbatch without its dashes, such as constraint=a100; may be repeated",
    takes: "NAME or NAME=VALUE, as in constraint=a100",
    pattern: /^-{0,2}[a-z][a-z-]*(=.*)?$/s,
    repeated: true,
  },
  setup: {
    description: 'a line of shell before the cell, such as "module load nodejs"; may be repeated',
    takes: "a line of shell",
    pattern: /^[^\n]+$/,
    repeated: true,
  },
} as const satisfies Record<string, SlurmOption>;

export type SlurmOptionName = keyof typeof SLURM_OPTIONS;
export const SLURM_OPTION_NAMES = Object.keys(SLURM_OPTIONS) as SlurmOptionName[];

/** Options of sbatch that the executor sets itself. */
const OURS: readonly string[] = [
  "array",
  "chdir",
  "clusters",
  "cpus-per-task",
  "dependency",
  "error",
  "input",
  "job-name",
  "nodes",
  "no-requeue",
  "ntasks",
  "open-mode",
  "output",
  "parsable",
  "quiet",
  "requeue",
  "test-only",
  "wait",
  "wrap",
];

export interface SlurmSettings {
  /** For sbatch; later ones win. */
  readonly flags: readonly string[];
  /** Lines of shell before the cell. */
  readonly setup: readonly string[];
}

const values = z.preprocess(
  (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
  z.array(z.union([z.string(), z.number()]).transform(String)),
);

/** @throws InputError that names the flag; sbatch would complain only after the preparation */
export function parseSlurmSettings(given: Readonly<Record<string, unknown>>): SlurmSettings {
  const parsed = new Map<SlurmOptionName, readonly string[]>();
  for (const name of SLURM_OPTION_NAMES) {
    const { takes, pattern, fallback, repeated }: SlurmOption = SLURM_OPTIONS[name];
    const result = values.safeParse(given[name] ?? fallback);
    const bad = (value: unknown): InputError =>
      new InputError(`--slurm-${name}: takes ${takes}, not ${JSON.stringify(value)}`);
    if (!result.success) throw bad(given[name]);
    const words = result.data.map((word) => word.trim());
    const wrong = words.find((word) => !pattern.test(word));
    if (wrong !== undefined) throw bad(wrong);
    if (words.length > 1 && repeated !== true) throw new InputError(`--slurm-${name}: is given more than once`);
    parsed.set(name, words);
  }
  const { option = [], setup = [], ...flagged } = Object.fromEntries(parsed);
  const extra = option.map((word) => word.replace(/^-+/, ""));
  const taken = extra.find((word) => OURS.includes(at(word.split("="), 0)));
  if (taken !== undefined) {
    throw new InputError(`--slurm-option ${taken}: is set by rls3 sweep itself; leave it out`);
  }
  const flags = Object.entries(flagged).flatMap(([name, words]) => words.map((word) => `--${name}=${word}`));
  return { flags: [...flags, ...extra.map((word) => (word.length === 1 ? `-${word}` : `--${word}`))], setup };
}
