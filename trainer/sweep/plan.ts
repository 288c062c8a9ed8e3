/**
 * @file What a sweep varies: grid × list × random draws × seeds, each combination resolved to a configuration like
 * `rls3 train` does.
 */

import { createHash } from "node:crypto";
import { at } from "../at.js";
import { InputError } from "../errors.js";
import { Random } from "../random/random.js";
import {
  type Configuration,
  followingDefaults,
  parseSource,
  resolveConfiguration,
  type Source,
} from "../settings/configuration.js";
import { ARM_DEFAULTS, SETTING_NAMES, SETTINGS, type Setting, type SettingName } from "../settings/settings.js";

/** Settings that belong together, with or without a name. */
export interface Variant {
  readonly name?: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A random setting is drawn from a list or from a range, uniformly or log-uniformly. */
export type Draw =
  | readonly unknown[]
  | { readonly low: number; readonly high: number; readonly scale?: "linear" | "log" };

export interface RandomRequest {
  /** Number of draws; increasing it later keeps the first ones. */
  readonly samples: number;
  /** Seed of the draws, not of the runs. */
  readonly seed?: number;
  readonly keys: Readonly<Record<string, Draw>>;
}

/** A request before checking. `where` says, for messages, which flag or part of a file a key comes from. */
export interface SweepRequest {
  /** Settings of all cells; later ones win. */
  readonly base: readonly Source[];
  readonly preset?: string;
  readonly quick?: boolean;
  readonly grid?: Readonly<Record<string, readonly unknown[]>>;
  readonly list?: readonly Variant[];
  readonly random?: RandomRequest;
  readonly seeds: readonly number[];
  /** Where `key` is, for messages, such as a flag, or a file and line; default: the part's name. */
  readonly where?: (part: "grid" | "list" | "random", key: string) => string;
}

/** A planned cell: its settings, and the name derived from them. */
export interface CellRequest {
  readonly name: string;
  readonly variant: string | null;
  readonly configuration: Configuration;
}

/** The cells of a sweep, each with its settings and name. */
export interface SweepPlan {
  /** In the given order, without `seed`. */
  readonly varied: readonly SettingName[];
  /** Seed by seed, so that an interrupted sweep has complete comparisons. */
  readonly cells: readonly CellRequest[];
  /** Combinations with the same resulting settings as another one. */
  readonly repeated: number;
  /** How many of the random samples asked for are missing: no more different draws were found. */
  readonly undrawn: number;
}

type Settings = Partial<Configuration>;
/** Draws for each sample asked for, and in any case: among few possible ones, new ones become rare. */
const DRAWS_PER_SAMPLE = 20;
const LEAST_DRAWS = 100;

const whereOf = (part: "grid" | "list" | "random", key: string): string =>
  part === "list" ? `list, ${key}` : `${part}: ${key}`;

/**
 * Every combination, checked.
 * @throws InputError that says in one line what is wrong, and where
 */
export function planSweep(request: SweepRequest): SweepPlan {
  const where = request.where ?? whereOf;
  if (request.seeds.length === 0) throw new InputError("--seeds: names no seed; give how many, such as 5, or a list");
  const variants = checkedVariants(request.list, where);
  const axes = checkedAxes(request.grid ?? {}, where);
  const draws = checkedDraws(request.random, where);
  for (const source of request.base) refuseSeed(parseSource(source), source.name);
  refuseTwice([
    ["grid", axes.map(([name]) => name)],
    ["list", [...new Set(variants.flatMap(({ settings }) => Object.keys(settings) as SettingName[]))]],
    ["random", Object.keys(at(draws, 0)) as SettingName[]],
  ]);
  const points = product(axes);
  const combinations = variants.flatMap(({ name, settings: ofVariant }) =>
    points.flatMap((point) =>
      draws.map((draw) => ({ variant: name, ofVariant, settings: { ...ofVariant, ...point, ...draw } })),
    ),
  );
  const varied = [...new Set(combinations.flatMap(({ settings }) => Object.keys(settings) as SettingName[]))];
  const resolved = combinations.map(({ variant, ofVariant, settings }) => ({
    variant,
    stem: (variant === null
      ? parts(settings, varied, {})
      : [safe(variant), ...parts(settings, varied, ofVariant)]
    ).join("_"),
    configuration: resolveConfiguration([...request.base, { name: "sweep", values: settings }], {
      quick: request.quick === true,
      ...(request.preset === undefined ? {} : { preset: request.preset }),
    }),
  }));
  const seen = new Set<string>();
  const different = resolved.filter(({ configuration }) => {
    const key = configurationKey(configuration);
    return seen.has(key) ? false : seen.add(key) !== undefined;
  });
  const cells = request.seeds.flatMap((seed) =>
    different.map(({ variant, stem, configuration }): CellRequest => {
      return { variant, name: `${short(stem)}-${seed}`, configuration: { ...configuration, seed } };
    }),
  );
  return {
    varied,
    cells: withoutCollisions(cells),
    repeated: resolved.length - different.length,
    undrawn: request.random === undefined ? 0 : request.random.samples - draws.length,
  };
}

/** Equal for equal settings. */
export const configurationKey = (configuration: Configuration): string =>
  JSON.stringify(SETTING_NAMES.map((name) => configuration[name]));

function checkedVariants(
  list: readonly Variant[] | undefined,
  where: NonNullable<SweepRequest["where"]>,
): { name: string | null; settings: Settings }[] {
  if (list === undefined) return [{ name: null, settings: {} }];
  if (list.length === 0) throw new InputError(`${where("list", "")}: names no variant; leave it out, or give one`);
  const named = list.map(({ name, settings }, i) => {
    const place = where("list", name ?? `variant ${i + 1}`);
    const parsed = parseSource({ name: place, values: settings });
    refuseSeed(parsed, place);
    return { name: name ?? null, settings: parsed };
  });
  const twice = named.find(({ name }, i) => name !== null && named.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) throw new InputError(`${where("list", "")}: names the variant "${twice.name}" twice`);
  return named;
}

function checkedAxes(
  grid: Readonly<Record<string, readonly unknown[]>>,
  where: NonNullable<SweepRequest["where"]>,
): [SettingName, readonly unknown[]][] {
  const axes = Object.entries(grid).map(([key, values]): [SettingName, readonly unknown[]] => {
    const place = where("grid", key);
    if (values.length === 0)
      throw new InputError(`${place}: names no value; give at least one, such as ${key}: [1, 2]`);
    return checkedValues(place, key, values);
  });
  const twice = axes.find(([name], i) => axes.findIndex(([other]) => other === name) < i);
  if (twice !== undefined) throw new InputError(`grid: gives ${twice[0]} twice, by its name and its symbol; keep one`);
  return axes;
}

/** Parsed, distinct values of one setting. */
function checkedValues(place: string, key: string, values: readonly unknown[]): [SettingName, readonly unknown[]] {
  const parsed = values.map((value) => {
    const settings = parseSource({ name: place, values: { [key]: value } });
    refuseSeed(settings, place);
    return Object.entries(settings)[0] as [SettingName, unknown];
  });
  const twice = parsed.find(([, value], i) => parsed.findIndex(([, other]) => other === value) < i);
  if (twice !== undefined) throw new InputError(`${place}: names ${JSON.stringify(twice[1])} twice`);
  return [at(parsed, 0)[0], parsed.map(([, value]) => value)];
}

function refuseSeed(settings: Settings, place: string): void {
  if (settings.seed !== undefined) throw new InputError(`${place}: seeds are varied by --seeds (or seeds:), not here`);
}

/** A setting that varies in two ways would have two values in one cell. */
function refuseTwice(parts: readonly (readonly [string, readonly SettingName[]])[]): void {
  for (const [i, [part, names]] of parts.entries()) {
    for (const [other, others] of parts.slice(i + 1)) {
      const both = names.find((name) => others.includes(name));
      if (both !== undefined) throw new InputError(`${both} is varied by ${part} and by ${other}; keep one of them`);
    }
  }
}

const product = (axes: readonly (readonly [SettingName, readonly unknown[]])[]): Settings[] =>
  axes.reduce<Settings[]>(
    (points, [name, values]) => points.flatMap((point) => values.map((value) => ({ ...point, [name]: value }))),
    [{}],
  );

/** Distinct draws. The same seed and keys give the same ones, and more samples only add to them. */
function checkedDraws(random: RandomRequest | undefined, where: NonNullable<SweepRequest["where"]>): Settings[] {
  if (random === undefined) return [{}];
  const { samples, seed = 0 } = random;
  if (!Number.isInteger(samples) || samples < 1 || samples > 100_000) {
    throw new InputError(`${where("random", "samples")}: must be a whole number from 1 to 100000, not ${samples}`);
  }
  const keys = Object.entries(random.keys).map(([key, draw]) => drawer(where("random", key), key, draw));
  if (keys.length === 0) throw new InputError(`${where("random", "keys")}: names no setting to draw`);
  const drawn = new Map<string, Settings>();
  for (let i = 0; drawn.size < samples && i < DRAWS_PER_SAMPLE * samples + LEAST_DRAWS * keys.length; i++) {
    const settings = Object.fromEntries(
      keys.map(([name, draw]) => [name, draw(Random.stream(seed, "sweep", i, name))]),
    );
    drawn.set(JSON.stringify(settings), settings as Settings);
  }
  return [...drawn.values()];
}

function drawer(place: string, key: string, draw: Draw): [SettingName, (random: Random) => unknown] {
  if (Array.isArray(draw)) {
    if (draw.length === 0) throw new InputError(`${place}: names no value to draw from`);
    const [name, values] = checkedValues(place, key, draw);
    return [name, (random) => values[random.below(values.length)]];
  }
  const { low, high, scale = "linear" } = draw as Exclude<Draw, readonly unknown[]>;
  const [name] = checkedValues(place, key, [low]);
  checkedValues(place, key, [high]);
  if (typeof (SETTINGS[name] as Setting).fallback !== "number") {
    throw new InputError(`${place}: is not a number; give a list of values to draw from`);
  }
  if (low >= high) throw new InputError(`${place}: low (${low}) must be below high (${high})`);
  if (scale === "log" && low <= 0)
    throw new InputError(`${place}: a range on a log scale starts above 0, not at ${low}`);
  const takes = (value: number): boolean => (SETTINGS[name] as Setting).schema.safeParse(value).success;
  // If the setting takes only integers, its range includes both ends.
  const whole = Number.isInteger(low) && Number.isInteger(high) && !takes(low + 0.5);
  return [
    name,
    (random) => {
      const share = random.float();
      const [from, to] = whole ? [low - 0.5, high + 0.5] : [low, high];
      const start = Math.max(from, whole ? 0.5 : 0);
      const value = scale === "log" ? start * (to / start) ** share : from + share * (to - from);
      const rounded = whole ? Math.round(value) : Number(value.toPrecision(4));
      return Math.min(high, Math.max(low, rounded));
    },
  ];
}

/** `beta=1`, `eta=0.25` …, without the settings of a named variant. */
function parts(settings: Settings, varied: readonly SettingName[], ofVariant: Settings): string[] {
  return varied
    .filter((name) => Object.hasOwn(settings, name) && !Object.hasOwn(ofVariant, name))
    .map((name) => `${(SETTINGS[name] as Setting).symbol ?? name}=${safe(String(settings[name]))}`);
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
const LONGEST_VALUE = 40;
const LONGEST_STEM = 120;

/** A value as part of a file name; if that changes it, with a digest of the full value. */
function safe(value: string): string {
  const clean = value
    .replace(/[^A-Za-z0-9.+-]+/g, "-")
    .replace(/^[-.]+/, "")
    .slice(-LONGEST_VALUE);
  return clean === value ? clean : `${clean === "" ? "x" : clean}.${digest(value)}`;
}

const short = (stem: string): string => {
  if (stem === "") return "base";
  return stem.length <= LONGEST_STEM ? stem : `${stem.slice(0, LONGEST_STEM)}.${digest(stem)}`;
};

/** Appends a digest of the settings to names that are equal, or differ only in case. */
export function withoutCollisions(cells: readonly CellRequest[], taken: readonly string[] = []): CellRequest[] {
  const used = new Set(taken.map((name) => name.toLowerCase()));
  return cells.map((cell) => {
    const { seed } = cell.configuration;
    const stem = cell.name.slice(0, -`-${seed}`.length);
    const name = used.has(cell.name.toLowerCase())
      ? `${stem}.${digest(configurationKey({ ...cell.configuration, seed: 0 }))}-${seed}`
      : cell.name;
    used.add(name.toLowerCase());
    return { ...cell, name };
  });
}

/** Settings with defaults that depend on the agent: they differ between agents without being varied. */
const FOLLOWS_AGENT: ReadonlySet<string> = new Set(Object.values(ARM_DEFAULTS).flatMap((layer) => Object.keys(layer)));

/**
 * The first setting that varies in neither set of cells but differs between the two: then they are not one sweep.
 * Settings that depend on the agent are compared only between cells of the same agent.
 */
export function conflictOf(
  varied: readonly SettingName[],
  before: readonly Configuration[],
  now: readonly Configuration[],
): { readonly name: SettingName; readonly before: unknown; readonly now: unknown } | null {
  const fixed = SETTING_NAMES.filter((name) => name !== "seed" && !varied.includes(name));
  for (const a of firstOfEachAgent(before)) {
    for (const b of firstOfEachAgent(now)) {
      const differs = fixed.find(
        (name) =>
          a[name] !== b[name] &&
          (a.agent === b.agent || !varied.includes("agent") || !FOLLOWS_AGENT.has(name)) &&
          !followsIn([a, b], name),
      );
      if (differs !== undefined) return { name: differs, before: a[differs], now: b[differs] };
    }
  }
  return null;
}

/** The settings that vary between cells: all that differ, except those that differ only because the agent does. */
export function variedIn(all: readonly Configuration[]): SettingName[] {
  const differs = (some: readonly Configuration[], name: SettingName): boolean =>
    new Set(some.map((configuration) => configuration[name])).size > 1 && !followsIn(some, name);
  const agents = [...new Set(all.map(({ agent }) => agent))].map((agent) =>
    all.filter((configuration) => configuration.agent === agent),
  );
  return SETTING_NAMES.filter(
    (name) =>
      name !== "seed" &&
      (agents.some((ofAgent) => differs(ofAgent, name)) || (differs(all, name) && !FOLLOWS_AGENT.has(name))),
  );
}

/**
 * Whether none of them sets the setting, but leaves it to its dependent default (β: from the agent, its reward and T₀).
 */
function followsIn(some: readonly Configuration[], name: SettingName): boolean {
  return some.every((configuration) => {
    const following: Partial<Configuration> = followingDefaults(configuration);
    return following[name] !== undefined && following[name] === configuration[name];
  });
}

const firstOfEachAgent = (configurations: readonly Configuration[]): Configuration[] => [
  ...new Map([...configurations].reverse().map((configuration) => [configuration.agent, configuration])).values(),
];
