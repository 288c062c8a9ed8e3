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
  const sources: [key: string, name: string, of: LevelOf][] = [
    ...(named ? [["variant", "variant", variantOf] as [string, string, LevelOf]] : []),
    ...keys.map((key): [string, string, LevelOf] => [key, settingName(key), settingOf(key)]),
  ];
  const combination = (cell: PlannedCell): string => JSON.stringify(sources.map(([, , of]) => of(cell)));
  const product = sources.reduce((size, [, , of]) => size * new Set(cells.map(of)).size, 1);
  const isGrid = product === new Set(cells.map(combination)).size;
  const label: LevelOf = (cell) =>
    sources.map(([key, name, of]) => (key === "variant" ? of(cell) : `${name} ${of(cell)}`)).join(", ");
  const used: typeof sources = isGrid && sources.length > 0 ? sources : [["settings", "settings", label]];
  const factors = used.map(([key, name, of]): Factor => {
    const levels = inOrder(cells.map(of));
    const preferred = key in defaults ? levelText(defaults[key]) : undefined;
    const reference = preferred !== undefined && levels.includes(preferred) ? preferred : at(levels, 0);
    return { key, name, levels, reference };
  });
  return {
    kind: isGrid ? "grid" : "combinations",
    factors: factors.filter(({ levels }, i) => levels.length > 1 || (i === 0 && factors.length === 1)),
    levelsOf: (cell) =>
      used.flatMap(([, , of], i) => (at(factors, i).levels.length > 1 || factors.length === 1 ? [of(cell)] : [])),
  };
}
