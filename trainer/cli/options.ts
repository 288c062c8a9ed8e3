/** @file Flags that several commands share, made from the table of settings, and the configuration that they give. */

import path from "node:path";
import type { Argv, Options } from "yargs";
import { InputError } from "../errors.js";
import { loadPlugin, refuseMissingParts } from "../plugins/load.js";
import type { LoadedPlugin } from "../plugins/loaded.js";
import { type PluginSource, pluginSource } from "../plugins/source.js";
import { SHIPPED_WORLDS } from "../rooms/index.js";
import {
  type Configuration,
  readConfigurationFile,
  resolveConfiguration,
  type Source,
} from "../settings/configuration.js";
import { PRESETS, SETTING_NAMES, SETTINGS, type Setting, type SettingName, SYMBOLS } from "../settings/settings.js";

/** yargs' flags by name, also in camel case. */
export type Flags = Readonly<Record<string, unknown>>;

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Flags of the given settings. Help shows their defaults, but they are not set: a file may set them. */
export function settingOptions(names: readonly SettingName[]): Record<string, Options> {
  return Object.fromEntries(
    names.map((name) => {
      const { group, description, fallback, symbol, choices } = SETTINGS[name] as Setting;
      const numeric = typeof fallback === "number";
      const meaning = choices === undefined ? description : `${description} (${choices.join(", ")})`;
      const options: Options = {
        group: `${group}:`,
        // yargs gets no type for a number, because flagValue parses its text; help shows the type here.
        describe: numeric ? `${meaning}  [number]` : meaning,
        ...(numeric ? {} : { type: typeof fallback === "boolean" ? "boolean" : "string" }),
        defaultDescription: fallback === "" ? "none" : String(fallback),
        ...(symbol === undefined ? {} : { alias: symbol }),
        ...(typeof fallback === "boolean" ? {} : { requiresArg: true }),
      };
      return [kebab(name), options];
    }),
  );
}

/** The values of --world. */
export const WORLD_MEANING = `a catalog that ships (${SHIPPED_WORLDS.join(", ")}) or a file`;

/** Flags of every command with a result. */
export const COMMON_OPTIONS = {
  json: { type: "boolean", describe: "one JSON document on standard output, all else on standard error" },
  quiet: { type: "boolean", describe: "print only warnings and the result" },
} as const satisfies Record<string, Options>;

export const CONFIGURATION_OPTIONS = {
  config: { type: "string", requiresArg: true, describe: "YAML or JSON file of settings; flags win over it" },
  preset: { type: "string", requiresArg: true, describe: `sizes and agent of: ${Object.keys(PRESETS).join(", ")}` },
  quick: { type: "boolean", describe: "the same code path at CI's size: 3 iterations of E 8 × T₀ 20" },
  out: { type: "string", requiresArg: true, describe: "the run's folder", defaultDescription: "runs/<command>-<time>" },
  plugin: {
    type: "string",
    requiresArg: true,
    describe: "JavaScript module with your own parts: reward, agent, vocabulary, evaluation, callbacks",
  },
} as const satisfies Record<string, Options>;

/** A command's flags without a value. In a sweep, a setting that is on or off takes a list of values. */
export const switchesOf = (command: string | undefined): readonly string[] => [
  ...(command === "sweep"
    ? []
    : SETTING_NAMES.filter((name) => typeof SETTINGS[name].fallback === "boolean").map(kebab)),
  ...["quick", "json", "quiet", "dry-run", "once", "color", "open", "floor-only", "check", "restart", "keep-pictures"],
];

/** Adds the settings and their common flags. */
export function withConfiguration<T>(argv: Argv<T>, names: readonly SettingName[] = SETTING_NAMES): Argv<T> {
  return argv.options(CONFIGURATION_OPTIONS).options(COMMON_OPTIONS).options(settingOptions(names)) as Argv<T>;
}

export interface GivenConfiguration {
  readonly sources: readonly Source[];
  /** Keys of a configuration file for the command itself, such as compare's `arms`. */
  readonly extra: Readonly<Record<string, unknown>>;
  readonly preset: string | undefined;
  readonly quick: boolean;
  /** The plugin's file. */
  readonly plugin: string | undefined;
  readonly out: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Opens the plugin in that file; null without one. */
export const openPlugin = async (file: string | undefined): Promise<LoadedPlugin | null> =>
  file === undefined ? null : loadPlugin(pluginSource(file));

/** A plugin's parts are used by default, unless a setting says otherwise. */
export function pluginDefaults(plugin: LoadedPlugin | null): Source[] {
  if (plugin === null) return [];
  const { reward, agent } = plugin.parts;
  const values = { ...(reward ? { reward: "plugin" } : {}), ...(agent ? { agent: "plugin" } : {}) };
  return [{ name: "--plugin", values }];
}

/**
 * The plan of an existing run or comparison, with its plugin read from its current place; the code must be the same.
 */
export function withMovedPlugin<Plan extends { readonly plugin?: PluginSource }>(
  plan: Plan,
  { plugin: moved }: GivenConfiguration,
): Plan {
  if (moved === undefined) return plan;
  if (plan.plugin !== undefined) return { ...plan, plugin: { ...plan.plugin, file: path.resolve(moved) } };
  throw new InputError("--plugin: --resume uses the run's own configuration, which has no plugin; leave it out");
}

/** Reads flags and a file. `extraKeys` are the command's own keys in a file. */
export function readFlags(flags: Flags, extraKeys: readonly string[] = []): GivenConfiguration {
  const file = text(flags, "config");
  const extra: Record<string, unknown> = {};
  const sources: Source[] = [];
  const words: { preset?: string; plugin?: string } = {};
  if (file !== undefined) {
    const { name, values } = readConfigurationFile(file);
    const settings: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(values)) {
      if (key === "preset" || key === "plugin") words[key] = wordOf(name, key, value);
      else if (extraKeys.includes(key)) extra[key] = value;
      else settings[key] = value;
    }
    sources.push({ name, values: settings });
  }
  const given = SETTING_NAMES.flatMap((name) => {
    const value = flags[name];
    return value === undefined ? [] : [[`--${shownName(name)}`, name, flagValue(name, value)] as const];
  });
  for (const [shown, name, value] of given) sources.push({ name: shown, values: { [name]: value } });
  for (const key of extraKeys) if (flags[key] !== undefined) extra[key] = flags[key];
  const plugin = text(flags, "plugin") ?? words.plugin;
  const preset = text(flags, "preset") ?? words.preset;
  return {
    sources,
    extra,
    preset,
    quick: flags["quick"] === true,
    plugin,
    out: text(flags, "out"),
    json: flags["json"] === true,
    quiet: flags["quiet"] === true,
  };
}

/** @throws InputError where the file's value is no text */
function wordOf(file: string, key: "preset" | "plugin", value: unknown): string {
  if (typeof value === "string") return value;
  const wanted = key === "preset" ? "a preset's name" : "the path of a JavaScript module";
  throw new InputError(`${file}: ${key} takes ${wanted}, not ${JSON.stringify(value)}`);
}

/** A resumed run has its configuration, so other settings would have no effect. */
export function refuseBesideResume({ sources, extra, preset, quick, out }: GivenConfiguration): void {
  if (sources.length === 0 && Object.keys(extra).length === 0 && preset === undefined && !quick && out === undefined)
    return;
  throw new InputError("--resume uses the run's own configuration: leave the other settings out");
}

/** `plugin` is the loaded plugin that `given` names. */
export function configurationOf(
  given: GivenConfiguration,
  agent?: Configuration["agent"],
  plugin: LoadedPlugin | null = null,
): Configuration {
  const configuration = resolveConfiguration([...pluginDefaults(plugin), ...given.sources], {
    ...(given.preset === undefined ? {} : { preset: given.preset }),
    quick: given.quick,
    ...(agent === undefined ? {} : { agent }),
  });
  refuseMissingParts(configuration, plugin);
  return configuration;
}

/** The paper's symbol where a setting has one, since users type it. */
const shownName = (name: SettingName): string => {
  const symbol = Object.entries(SYMBOLS).find(([, setting]) => setting === name)?.[0];
  return symbol === undefined ? kebab(name) : `${kebab(name)} (--${symbol})`;
};

/** Parses numbers here and not in yargs, so that a mistake can be shown as it was typed. */
function flagValue(name: SettingName, value: unknown): unknown {
  const numeric = typeof (SETTINGS[name] as Setting).fallback === "number";
  return numeric && typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))
    ? Number(value)
    : value;
}

/** The value of a flag that takes one text; giving it twice is a mistake. */
export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  if (value === "") throw new InputError(`--${name}: needs a value`);
  if (value === undefined || typeof value === "string") return value;
  throw new InputError(`--${name}: is given more than once; give it once`);
}

/** `--seeds 5` means 0 to 4; `--seeds 3,7,11` means these three. */
export function parseSeeds(value: unknown): number[] {
  const words = Array.isArray(value) ? value.map(String) : String(value).split(/[\s,]+/);
  const numbers = words.filter((word) => word !== "").map(Number);
  const [first] = numbers;
  const bad = words.find((word) => word !== "" && !/^\d{1,10}$/.test(word));
  if (first === undefined || bad !== undefined || numbers.some((seed) => seed >= 2 ** 32)) {
    throw new InputError(`--seeds: takes how many, such as 5, or a list, such as 0,1,2, not ${JSON.stringify(value)}`);
  }
  const isCount = numbers.length === 1 && !Array.isArray(value) && !String(value).includes(",");
  if (isCount && (first < 1 || first > 1000)) throw new InputError(`--seeds: takes 1 to 1000 seeds, not ${first}`);
  if (isCount) return Array.from({ length: first }, (_, seed) => seed);
  if (new Set(numbers).size < numbers.length) throw new InputError(`--seeds: ${numbers.join(",")} names a seed twice`);
  return numbers;
}
