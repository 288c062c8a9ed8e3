/** @file The colours of lines, in light and in dark pages. Each place has a dash too, so that no line is known by its colour alone. */
import { at } from "../../at.js";

/** Light and dark; each has at least 4.5 : 1 against the card behind it. */
const HUES: readonly (readonly [light: string, dark: string])[] = [
  ["#0b5fc0", "#6fb1ff"],
  ["#c2500a", "#ff9d57"],
  ["#6a3fb5", "#bd9cff"],
  ["#0d7a5f", "#5fd0ae"],
  ["#b3256e", "#ff8fc4"],
  ["#5c6b12", "#c3d45e"],
  ["#00727f", "#55c8d8"],
  ["#4a525c", "#b8c0c8"],
];
const DASHES = ["none", "7 3", "2 3", "9 3 2 3", "12 3", "1 4", "5 2 1 2", "3 2"];

/** How many lines can be told apart: where a hue comes again, it has another dash. */
export const PLACES = 24;
export const GREY = 7;

/** An arm looks the same wherever it is drawn. */
const USUAL: Readonly<Record<string, number>> = { rls3: 0, random: 1, paper: 2 };

/** A place in the palette for each arm: its usual one, or the first that is free. */
export function placesOf(arms: readonly string[]): number[] {
  const reserved = new Set(arms.flatMap((arm) => USUAL[arm] ?? []));
  const taken = new Set<number>();
  return arms.map((arm) => {
    const usual = USUAL[arm];
    let place = 0;
    if (usual !== undefined && !taken.has(usual)) place = usual;
    else while (taken.has(place) || reserved.has(place)) place += 1;
    taken.add(place);
    return place % PLACES;
  });
}

const hues = (side: 0 | 1): string => HUES.map((hue, i) => `--c${i}:${hue[side]}`).join(";");
const places = Array.from({ length: PLACES }, (_, place) => {
  const dash = at(DASHES, (place + 3 * Math.floor(place / HUES.length)) % DASHES.length);
  const dashed = dash === "none" ? "" : `.c${place} .line{stroke-dasharray:${dash}}`;
  return `.c${place}{--c:var(--c${place % HUES.length})}${dashed}`;
});

export const PALETTE_STYLE = `:root{${hues(0)}}
@media (prefers-color-scheme:dark){:root{${hues(1)}}}
${places.join("")}`;
