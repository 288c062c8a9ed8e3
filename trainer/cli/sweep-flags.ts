/**
 * @file The request of `rls3 sweep`, from flags and a file: a flag with several values is an axis of the grid, one with
 * a single value is fixed.
 */

import { z } from "zod";
import { at } from "../at.js";
import { InputError } from "../errors.js";
import { nearest, readConfigurationFile, type Source } from "../settings/configuration.js";
import { flagOf, SETTING_NAMES, SETTINGS, type Setting, type SettingName, SYMBOLS } from "../settings/settings.js";
import type { RandomRequest, SweepRequest, Variant } from "../sweep/plan.js";
import { type Flags, parseSeeds, text } from "./options.js";

export interface GivenSweep {
  readonly request: SweepRequest;
  readonly executor: string;
  readonly executorSettings: Readonly<Record<string, unknown>>;
  readonly jobs: number | undefined;
  /** The plugin's file. */
  readonly plugin: string | undefined;
}

const DEFAULT_SEEDS = 5;
const QUICK_SEEDS = 2;

const values = z.array(z.union([z.number(), z.string(), z.boolean()]));
const settings = z.record(z.string(), z.unknown());
/** Keys of a sweep's file for the sweep itself; every other key is a setting of all cells. */
const SWEEP_KEYS = {
  base: settings,
  grid: z.record(z.string(), values),
  list: z.array(z.looseObject({ name: z.string().min(1).optional() })),
  random: z
    .object({
      samples: z.number(),
      seed: z.number().int().min(0).optional(),
      keys: z.record(
        z.string(),
        z.union([
          values,
          z.object({ low: z.number(), high: z.number(), scale: z.enum(["linear", "log"]).optional() }).strict(),
        ]),
      ),
    })
    .strict(),
  seeds: z.union([z.number(), z.string(), z.array(z.number())]),
  preset: z.string(),
  quick: z.boolean(),
  executor: z.string(),
  jobs: z.number(),
  plugin: z.string(),
} as const;
type SweepKey = keyof typeof SWEEP_KEYS;

/** What each key takes, for the message about a wrong value. */
const TAKES: Readonly<Record<SweepKey, string>> = {
  base: "a map from settings to values, such as {iterations: 3}",
  grid: "a map from settings to lists of values, such as {beta: [1, 10]}",
  list: "a list of variants such as {name: narrow, beta: 1, E: 8}, the name as you like",
  random: "{samples, keys}, each key a list of values or {low, high, scale: linear|log}, and a seed if wanted",
  seeds: "how many, or a list such as [0, 1, 2]",
  preset: "a preset's name",
  quick: "true or false",
  executor: "an executor's name",
  jobs: "a whole number",
  plugin: "the path of a JavaScript module",
};

type FileParts = { readonly [K in SweepKey]?: z.infer<(typeof SWEEP_KEYS)[K]> } & {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly executorSettings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

function readFile(file: string, executors: readonly string[]): FileParts {
  const { name, values: all } = readConfigurationFile(file);
  const parts: Record<string, unknown> = {};
  const rest: Record<string, unknown> = {};
  const executorSettings: Record<string, Readonly<Record<string, unknown>>> = {};
  for (const [key, value] of Object.entries(all)) {
    if (Object.hasOwn(SWEEP_KEYS, key)) parts[key] = checked(name, key as SweepKey, value);
    else if (executors.includes(key)) {
      const parsed = settings.safeParse(value);
      if (!parsed.success) throw new InputError(`${name}: ${key}: is a map of the executor's settings`);
      executorSettings[key] = parsed.data;
    } else if (Object.hasOwn(SETTINGS, key) || Object.hasOwn(SYMBOLS, key)) rest[key] = value;
    else {
      const known = [...Object.keys(SWEEP_KEYS), ...executors, ...SETTING_NAMES, ...Object.keys(SYMBOLS)];
      const best = nearest(key, known);
      throw new InputError(`${name}: there is no key "${key}"${best === "" ? "" : `; did you mean "${best}"?`}`);
    }
  }
  return { name, settings: rest, executorSettings, ...parts };
}

function checked(file: string, key: SweepKey, value: unknown): unknown {
  const result = SWEEP_KEYS[key].safeParse(value);
  if (result.success) return result.data;
  const place = at(result.error.issues, 0).path.map(String).join(".");
  throw new InputError(
    `${file}: ${key}${place === "" ? "" : `.${place}`}: takes ${TAKES[key]}, not ${JSON.stringify(value)}`,
  );
}

/** The values in `1,5,10`. Numbers and booleans are parsed here, so that a mistake can be shown as it was typed. */
function flagValues(name: SettingName, given: unknown): unknown[] {
  const words = (Array.isArray(given) ? given.map(String) : [String(given)]).flatMap((word) => word.split(","));
  const { fallback } = SETTINGS[name] as Setting;
  // A single text may be empty (--keys ""), but none of several values.
  if (words.length > 1 && words.some((word) => word.trim() === "")) {
    throw new InputError(`${flagOf(name)}: ${JSON.stringify(words.join(","))} has an empty value; leave the comma out`);
  }
  return words.map((word) => {
    const trimmed = word.trim();
    if (typeof fallback === "number" && trimmed !== "" && Number.isFinite(Number(trimmed))) return Number(trimmed);
    if (typeof fallback === "boolean" && /^(true|false)$/.test(trimmed)) return trimmed === "true";
    return trimmed;
  });
}

export function readSweepFlags(flags: Flags, executors: readonly string[]): GivenSweep {
  const file = text(flags, "config");
  const from: FileParts =
    file === undefined ? { name: "", settings: {}, executorSettings: {} } : readFile(file, executors);
  const typed = SETTING_NAMES.flatMap((name) => {
    const value = flags[name];
    return value === undefined ? [] : [[name, flagValues(name, value)] as const];
  });
  const named = new Set<string>(typed.map(([name]) => name));
  const settingOf = (key: string): string => SYMBOLS[key] ?? key;
  // A flag replaces the file's values of its setting. In variants and draws, that would leave nothing to vary.
  for (const key of [
    ...(from.list ?? []).flatMap((variant) => Object.keys(variantOf(variant).settings)),
    ...Object.keys(from.random?.keys ?? {}),
  ]) {
    if (named.has(settingOf(key))) {
      throw new InputError(
        `${flagOf(settingOf(key) as SettingName)}: is varied by list or random of ${from.name}; leave it out`,
      );
    }
  }
  const grid = Object.fromEntries([
    ...Object.entries(from.grid ?? {}).filter(([key]) => !named.has(settingOf(key))),
    ...typed.filter(([, all]) => all.length > 1),
  ]);
  const fixed = typed.flatMap(([name, all]): Source[] =>
    all.length === 1 ? [{ name: flagOf(name), values: { [name]: all[0] } }] : [],
  );
  const quick = flags["quick"] === true || from.quick === true;
  const preset = text(flags, "preset") ?? from.preset;
  const given: GivenSweep = {
    request: {
      base: [
        // Equal budgets: early stopping favours cells that stop late.
        { name: "sweep", values: { earlyStopping: false } },
        ...(file === undefined ? [] : [{ name: from.name, values: { ...from.settings, ...from.base } }]),
        ...fixed,
      ],
      quick,
      ...(preset === undefined ? {} : { preset }),
      grid,
      ...(from.list === undefined ? {} : { list: from.list.map(variantOf) }),
      ...(from.random === undefined ? {} : { random: from.random as RandomRequest }),
      seeds: parseSeeds(flags["seeds"] ?? from.seeds ?? (quick ? QUICK_SEEDS : DEFAULT_SEEDS)),
      where: (part, key) =>
        part === "grid" && named.has(settingOf(key))
          ? flagOf(settingOf(key) as SettingName)
          : `${from.name}, ${part}${key === "" ? "" : ` ${key}`}`,
    },
    executor: text(flags, "executor") ?? from.executor ?? "local",
    executorSettings: from.executorSettings[text(flags, "executor") ?? from.executor ?? "local"] ?? {},
    jobs: jobsOf(flags["jobs"] ?? from.jobs),
    plugin: text(flags, "plugin") ?? from.plugin,
  };
  // Seeds alone are a sweep where they are named: one setting several times, on a cluster too.
  const seeded = (flags["seeds"] ?? from.seeds) !== undefined;
  if (!seeded && Object.keys(grid).length === 0 && from.list === undefined && from.random === undefined) {
    throw new InputError(
      "sweep: nothing is varied; give a setting several values, such as --beta 1,5,10, or name --seeds, or give a --config file with grid, list or random",
    );
  }
  return given;
}

function variantOf({ name, ...settings }: NonNullable<FileParts["list"]>[number]): Variant {
  return { settings, ...(name === undefined ? {} : { name }) };
}

function jobsOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const jobs = Number(value);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 10_000) return jobs;
  throw new InputError(`--jobs: takes a whole number from 1 to 10000, not ${JSON.stringify(value)}`);
}
