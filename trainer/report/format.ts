/** @file How pages and terminal write numbers, names and commands. */
import type { Description } from "../run-format/summary.js";

/** Stands where there is nothing. */
export const EMPTY = "–";
/** Between a number and its sign, so that no line breaks there. */
const FIXED = "\u00a0";
const thousands = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export const count = (value: number | null | undefined): string =>
  value === null || value === undefined ? EMPTY : thousands.format(value);

export const percent = (share: number | null | undefined, digits = 1): string =>
  share === null || share === undefined ? EMPTY : `${(100 * share).toFixed(digits)}${FIXED}%`;

/** A difference of two shares, signed. */
export const points = (difference: number, digits = 1): string => {
  const text = Math.abs(100 * difference).toFixed(digits);
  if (Number(text) === 0) return `±${text}`;
  return `${difference < 0 ? "−" : "+"}${text}`;
};

export const decimal = (value: number | null | undefined, digits = 3): string =>
  value === null || value === undefined ? EMPTY : value.toFixed(digits).replace("-", "−");

/** Two significant digits without the leading zero, as statistics are printed; never a zero. */
export function probability(p: number | null): string {
  if (p === null) return "p not defined";
  if (p < 0.0001) return `p${FIXED}<${FIXED}.0001`;
  if (p >= 0.995) return `p${FIXED}=${FIXED}1`;
  const digits = p < 0.001 ? 4 : p < 0.1 ? 3 : 2;
  return `p${FIXED}=${FIXED}${p.toFixed(digits).replace(/^0/, "")}`;
}

const NAMES: Readonly<Record<string, string>> = {
  rls3: "RLS3",
  random: "random sampling",
  paper: "the paper's agent",
  plugin: "the plugin's agent",
};

/** An arm's name in a sentence. */
export const armName = (arm: string): string => NAMES[arm] ?? arm;

export const capital = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1);

export const plural = (amount: number, one: string): string => `${count(amount)} ${one}${amount === 1 ? "" : "s"}`;

/** A setting's value as text. */
export const plain = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Settings' values as text. */
export const texts = (values: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, plain(value)]));

export const describe = (description: Description): string =>
  typeof description === "string"
    ? description
    : Object.entries(description)
        .map(([key, value]) => `${key}: ${plain(value)}`)
        .join(" · ");

/** A word as a shell takes it. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

export const commandLine = (command: string | readonly string[]): string =>
  typeof command === "string" ? command : command.map(quoted).join(" ");
