/** @file The design of a sweep: its factors with their levels, and each cell's level of each. */

import { at } from "../../at.js";

/** A value as it stands in the sweep's plan. */
type Value = unknown;

/** A cell, as the plan has it. */
export interface PlannedCell {
  readonly name: string;
  /** Its name, if a list gave it one. */
  readonly variant: string | null;
  readonly configuration: Readonly<Record<string, Value>>;
}

export interface Factor {
  /** A setting's name; "variant" for a named list, "settings" if the cells are no grid. */
  readonly key: string;
  /** The name for readers: the paper's symbol if there is one. */
  readonly name: string;
  /** From low to high if they are numbers, else in the order of the cells. */
  readonly levels: readonly string[];
  /** The level that the others are compared with: the setting's default if it was swept, else the first level. */
  readonly reference: string;
}

export interface Design {
  /** "combinations" if the cells are not every level of each setting with every level of the others. */
  readonly kind: "grid" | "combinations";
  readonly factors: readonly Factor[];
  /** The levels of a cell, in the order of the factors. */
  levelsOf(cell: PlannedCell): readonly string[];
}

const SYMBOLS: Readonly<Record<string, string>> = {
  extrinsicWeight: "β",
  episodesPerIteration: "E",
  samplingRate: "η",
  samplesPerEpisode: "T₀",
};

export const settingName = (key: string): string => SYMBOLS[key] ?? key;

export function levelText(value: Value): string {
  if (value === null || value === undefined || value === "") return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A list's variants and combinations of settings are known by their names alone. */
export const isNamed = ({ key }: Pick<Factor, "key">): boolean => key === "variant" || key === "settings";

/** "β = 10" for a setting, the level alone for a name. */
export const levelName = (factor: Pick<Factor, "key" | "name">, level: string): string =>
  isNamed(factor) ? level : `${factor.name} = ${level}`;

function inOrder(levels: readonly string[]): string[] {
  const distinct = [...new Set(levels)];
  const numeric = distinct.every((level) => level !== "" && Number.isFinite(Number(level)));
  return numeric ? distinct.sort((a, b) => Number(a) - Number(b)) : distinct;
}

type LevelOf = (cell: PlannedCell) => string;
const settingOf =
  (key: string): LevelOf =>
  ({ configuration }) =>
    levelText(configuration[key]);
const variantOf: LevelOf = ({ variant }) => variant ?? "unnamed";

/** Whether cells that agree in `of` agree in `other`. */
function follows(cells: readonly PlannedCell[], other: LevelOf, of: LevelOf): boolean {
  const seen = new Map<string, string>();
  return cells.every((cell) => {
    const [key, value] = [of(cell), other(cell)];
    const before = seen.get(key) ?? value;
    seen.set(key, before);
    return before === value;
  });
}

/** What a factor's levels come from. */
interface Source {
  readonly key: string;
  readonly name: string;
  readonly of: LevelOf;
}

/**
 * A grid's factors are its settings; a named list is one factor, "variant", instead of the settings that follow from it.
 * Cells that are no full grid of these, such as random draws, become levels of a single factor.
 */
export function designOf(
  cells: readonly PlannedCell[],
  varied: readonly string[],
  defaults: Readonly<Record<string, Value>> = {},
): Design {
  const named = cells.some(({ variant }) => variant !== null);
  const keys = varied.filter((key) => !(named && follows(cells, settingOf(key), variantOf)));
  const sources: Source[] = keys.map((key) => ({ key, name: settingName(key), of: settingOf(key) }));
  if (named) sources.unshift({ key: "variant", name: "variant", of: variantOf });
  const combination = (cell: PlannedCell): string => JSON.stringify(sources.map(({ of }) => of(cell)));
  const product = sources.reduce((size, { of }) => size * new Set(cells.map(of)).size, 1);
  const isGrid = product === new Set(cells.map(combination)).size;
  const label: LevelOf = (cell) =>
    sources.map(({ key, name, of }) => (key === "variant" ? of(cell) : `${name} ${of(cell)}`)).join(", ");
  const used = isGrid && sources.length > 0 ? sources : [{ key: "settings", name: "settings", of: label }];
  const all = used.map(({ key, name, of }) => {
    const levels = inOrder(cells.map(of));
    const usual = key in defaults ? levelText(defaults[key]) : "";
    return { of, factor: { key, name, levels, reference: levels.includes(usual) ? usual : at(levels, 0) } };
  });
  const factors = all.length === 1 ? all : all.filter(({ factor }) => factor.levels.length > 1);
  return {
    kind: isGrid ? "grid" : "combinations",
    factors: factors.map(({ factor }) => factor),
    levelsOf: (cell) => factors.map(({ of }) => of(cell)),
  };
}
