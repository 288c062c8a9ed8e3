/** @file An experiment, from its YAML file: a question, factors with levels, seeds, and the analysis of its runs. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { only } from "../../trainer/at.js";
import { describeComplaint } from "../../trainer/complaint.js";
import { InputError } from "../../trainer/errors.js";
import { nearest } from "../../trainer/settings/configuration.js";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
/** The folder of the YAML files and the pages. */
export const EXPERIMENTS = path.join(root, "benchmarks/experiments");

const settings = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
export type Settings = z.infer<typeof settings>;

const schema = z.strictObject({
  title: z.string(),
  question: z.string(),
  analysis: z.string(),
  /** For all its runs; levels win over them. */
  settings: settings.default({}),
  /** Factor → level → the level's settings. Every combination of levels is run. */
  factors: z.record(z.string(), z.record(z.string(), settings)),
  /** The level of the first factor that others are compared with. */
  baseline: z.string().optional(),
  /** Arms that the arm rls3 is compared with by the analysis "claim", if not random and β 0. */
  against: z.array(z.string()).optional(),
  seeds: z.strictObject({ first: z.number().int().min(0), count: z.number().int().min(1) }),
  /** Levels of each factor at the quick setting; a factor that is not named has all its levels. */
  quick: z.record(z.string(), z.array(z.string())).default({}),
  /** Levels that are run last, and that a partial result leaves out until all their runs are there. */
  later: z.record(z.string(), z.array(z.string())).default({}),
});

export interface Experiment extends z.infer<typeof schema> {
  readonly name: string;
  /** The levels of each factor in the file's order: an object puts a level such as "1" before ".25". */
  readonly levels: ReadonlyMap<string, readonly string[]>;
}

export const experimentNames = (): string[] =>
  readdirSync(EXPERIMENTS)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.slice(0, -".yaml".length))
    .sort();

export function readExperiment(name: string): Experiment {
  const names = experimentNames();
  if (!names.includes(name)) {
    const best = nearest(name, names);
    throw new InputError(
      `there is no experiment "${name}"${best === "" ? "" : `; did you mean "${best}"?`} (${names.join(", ")})`,
    );
  }
  const file = path.join(EXPERIMENTS, `${name}.yaml`);
  const text = readFileSync(file, "utf8");
  const document: unknown = parse(text);
  const result = schema.safeParse(document);
  if (!result.success) throw new InputError(`${file}, ${describeComplaint(result.error, document)}`);
  const experiment = { name, ...result.data, levels: levelsIn(text) };
  checkLevels(file, experiment);
  return experiment;
}

const orderSchema = z.object({ factors: z.map(z.coerce.string(), z.map(z.coerce.string(), z.unknown())) });

/** The names of levels, in the order of the file; `text` has passed the schema. */
function levelsIn(text: string): Map<string, readonly string[]> {
  const ordered: unknown = parse(text, { mapAsMap: true });
  const { factors } = orderSchema.parse(Object.fromEntries(ordered as ReadonlyMap<string, unknown>));
  return new Map([...factors].map(([factor, levels]) => [factor, [...levels.keys()]]));
}

function checkLevels(file: string, { factors, baseline, against = [], quick, later }: Omit<Experiment, "name">): void {
  const [first] = Object.values(factors);
  if (baseline !== undefined && first?.[baseline] === undefined) {
    throw new InputError(`${file}: its baseline "${baseline}" is no level of the first factor`);
  }
  for (const [key, chosen] of Object.entries({ quick, later, against: { arm: against } })) {
    for (const [factor, levels] of Object.entries(chosen)) {
      const missing = levels.find((level) => factors[factor]?.[level] === undefined);
      if (missing !== undefined)
        throw new InputError(`${file}: ${key} names "${factor}: ${missing}", which is not there`);
    }
  }
}

/** The levels of a combination that are run last. */
export const laterLevels = ({ later }: Experiment, levels: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(levels).flatMap(([factor, level]) => (later[factor]?.includes(level) ? [`${factor} ${level}`] : []));

/** Every combination of levels, the last factor changing fastest. */
export function combinations(
  { levels: all, quick }: Pick<Experiment, "levels" | "quick">,
  isQuick: boolean,
): Readonly<Record<string, string>>[] {
  let made: Record<string, string>[] = [{}];
  for (const [factor, levels] of all) {
    const chosen = isQuick ? (quick[factor] ?? levels) : levels;
    made = made.flatMap((before) => chosen.map((level) => ({ ...before, [factor]: level })));
  }
  return made;
}

/** The settings of one combination's levels. */
export const settingsOf = ({ factors }: Experiment, levels: Readonly<Record<string, string>>): readonly Settings[] =>
  Object.entries(levels).map(([factor, level]) => {
    const found = factors[factor]?.[level];
    if (found === undefined) throw new RangeError(`there is no level "${level}" of the factor "${factor}"`);
    return found;
  });

/** "β 1, E 10"; with one factor just the level. */
export function combinationName(levels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(levels);
  return entries.length === 1 ? only(entries)[1] : entries.map(([factor, level]) => `${factor} ${level}`).join(", ");
}
