/**
 * @file One typed configuration from defaults, preset, file and flags, each parsed once. A mistake gives one line that
 * names the key.
 */
import { readFileSync } from "node:fs";
import { least } from "d3-array";
import { distance } from "fastest-levenshtein";
import { parse as parseYaml } from "yaml";
import type { z } from "zod";
import { at } from "../at.js";
import { InputError } from "../errors.js";
import {
  ARM_DEFAULTS,
  type Configuration,
  PRESETS,
  QUICK,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
  SYMBOLS,
} from "./settings.js";

export type { Configuration, SettingName } from "./settings.js";

/** One source of settings before validation: its name for messages, and its keys and values. */
export interface Source {
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface ResolveOptions {
  readonly preset?: string;
  readonly quick?: boolean;
  /** Overrides the agent of every source; a comparison sets it for each arm. */
  readonly agent?: Configuration["agent"];
}

/** The known name that was probably meant; "" where none differs in less than about a third of its letters. */
export function nearest(name: string, known: readonly string[]): string {
  const letters = (one: string): number => distance(name.toLowerCase(), one.toLowerCase());
  const best = least(known, letters);
  if (best === undefined || letters(best) > Math.min(name.length - 1, Math.ceil(name.length / 3))) return "";
  return best;
}

export function unknownKeyMessage(where: string, key: string, known: readonly string[]): string {
  const best = nearest(key, known);
  return `${where}: there is no setting "${key}"${best === "" ? "" : `; did you mean "${best}"?`}`;
}

const isSettingName = (name: string): name is SettingName => Object.hasOwn(SETTINGS, name);

/** Values by setting name, with symbols resolved, each checked against its schema. */
export function parseSource(source: Source): Partial<Configuration> {
  const parsed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(source.values)) {
    const name = SYMBOLS[key] ?? key;
    if (!isSettingName(name)) {
      throw new InputError(unknownKeyMessage(source.name, key, [...SETTING_NAMES, ...Object.keys(SYMBOLS)]));
    }
    if (Object.hasOwn(parsed, name)) {
      throw new InputError(`${source.name}: "${key}" and another name of ${name} are both given; keep one`);
    }
    parsed[name] = parseSetting(source.name, key, SETTINGS[name] as Setting, value);
  }
  return parsed as Partial<Configuration>;
}

function parseSetting(where: string, key: string, { schema, choices }: Setting, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const what = where.startsWith("--") ? "" : `${key} `;
  throw new InputError(`${where}: ${what}${complaint(result.error.issues[0], choices)}, not ${JSON.stringify(value)}`);
}

function complaint(issue: z.core.$ZodIssue | undefined, choices: readonly string[] | undefined): string {
  if (choices !== undefined) return `is one of ${choices.join(", ")}`;
  switch (issue?.code) {
    case "too_small":
      return `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    case "invalid_type":
      return `must be ${issue.expected === "int" ? "a whole number" : `a ${issue.expected}`}`;
    default:
      return `must be ${issue?.message ?? "something else"}`;
  }
}

/** Resolves sources in order (file, then flags); later ones win. */
export function resolveConfiguration(sources: readonly Source[], options: ResolveOptions = {}): Configuration {
  const given = Object.assign({}, ...sources.map(parseSource)) as Partial<Configuration>;
  const preset = options.preset === undefined ? {} : presetNamed(options.preset);
  const agent = options.agent ?? given.agent ?? preset.agent ?? SETTINGS.agent.fallback;
  const fallbacks = Object.fromEntries(SETTING_NAMES.map((name) => [name, SETTINGS[name].fallback]));
  const quick = options.quick === true ? QUICK : {};
  const resolved: Configuration = {
    ...(fallbacks as Configuration),
    ...ARM_DEFAULTS[agent],
    ...preset,
    ...quick,
    ...given,
    ...(agent === "random" ? ARM_DEFAULTS.random : {}),
    agent,
  };
  const { extrinsicWeight, agentLearns } = { ...followingDefaults(resolved), ...given };
  if (agentLearns === "during" && !isPaperRecipe(resolved)) {
    throw new InputError(
      "--agent-learns during: takes --agent paper and --reward episode: other rewards are not known while the agent acts",
    );
  }
  if (agent === "rls3" && resolved.pretraining === "online" && resolved.feasibilityUpdates > 0) {
    throw new InputError(
      "--pretraining online: takes an agent that learns from each of its own steps, as --agent paper does; the default agent's heads learn feasibility from random placements (--pretraining offline)",
    );
  }
  const { objective, negatives } = resolved;
  if (objective !== "answer" && negatives === "none") {
    throw new InputError(
      `--objective ${objective}: ranks the right answer above wrong ones, and --negatives none has none; take --negatives all, full or one, or --objective answer`,
    );
  }
  return { ...resolved, extrinsicWeight, agentLearns };
}

const isPaperRecipe = ({ agent, reward }: Pick<Configuration, "agent" | "reward">): boolean =>
  agent === "paper" && reward === "episode";

/**
 * Defaults that depend on other settings. The paper's β is 10 at T₀ 200, where an episode's ±1 sum to 200. With β
 * proportional to T₀, J₂ has the same weight at any T₀.
 */
export function followingDefaults(
  configuration: Pick<Configuration, "agent" | "reward" | "samplesPerEpisode">,
): Pick<Configuration, "extrinsicWeight" | "agentLearns"> {
  return isPaperRecipe(configuration)
    ? { extrinsicWeight: (PAPER_BETA * configuration.samplesPerEpisode) / PAPER_T0, agentLearns: "during" }
    : { extrinsicWeight: SETTINGS.extrinsicWeight.fallback, agentLearns: "after" };
}

const PAPER_BETA = 10;
const PAPER_T0 = 200;

function presetNamed(name: string): Partial<Configuration> {
  const preset = PRESETS[name];
  if (preset === undefined) {
    throw new InputError(`--preset: there is no preset "${name}"; there is ${Object.keys(PRESETS).join(", ")}`);
  }
  return preset;
}

/** A YAML or JSON file of settings. */
export function readConfigurationFile(file: string): Source {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new InputError(`--config: cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    const reason = error instanceof Error ? at(error.message.split("\n"), 0) : String(error);
    throw new InputError(`${file}: not YAML or JSON: ${reason}`);
  }
  if (value === null || value === undefined) return { name: file, values: {} };
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new InputError(`${file}: a configuration is a map from settings to values, such as "beta: 8"`);
  }
  return { name: file, values: value as Record<string, unknown> };
}

/** A configuration that was resolved before (a run's config.json): every key must be present and valid. */
export function parseResolved(name: string, values: unknown): Configuration {
  if (typeof values !== "object" || values === null) throw new InputError(`${name}: holds no configuration`);
  const parsed = parseSource({ name, values: values as Record<string, unknown> });
  const missing = SETTING_NAMES.filter((key) => !Object.hasOwn(parsed, key));
  if (missing.length > 0) {
    throw new InputError(`${name}: lacks ${missing.join(", ")}: it was written by another version of rls3`);
  }
  return parsed as Configuration;
}

/** Number of random transitions for feasibility pre-training: 0 where the agent learns it online. */
export const randomTransitionsNeeded = ({
  pretraining,
  feasibilitySteps,
}: Pick<Configuration, "pretraining" | "feasibilitySteps">): number =>
  pretraining === "offline" ? feasibilitySteps : 0;

/** Valid samples between changes of scene. */
export const scenePeriod = (configuration: Configuration): number =>
  Math.max(1, Math.floor(configuration.samplesPerEpisode / configuration.scenesPerEpisode));
/**
 * The iterations that a run will take. With a budget of valid samples it takes more only where episodes reach their
 * step limit first.
 */
export const iterationsPlanned = (configuration: Configuration): number => {
  const { validSamples, episodesPerIteration, samplesPerEpisode, iterations } = configuration;
  return validSamples > 0 ? Math.ceil(validSamples / (episodesPerIteration * samplesPerEpisode)) : iterations;
};
export const stepsAtMost = (configuration: Configuration): number =>
  Math.ceil(configuration.samplesPerEpisode * configuration.stepLimit);
