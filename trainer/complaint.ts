/**
 * @file Says in plain words what is wrong with a value from outside. Zod's own messages say too little, above all for
 * unions ("Invalid input").
 */
import type { z } from "zod";

type Issue = z.core.$ZodIssue;
type Key = PropertyKey;

/**
 * The place in the value (`cells[2].name`; "" for the whole), and what is expected there: `takes a number, not "1"`.
 */
export interface Complaint {
  readonly path: string;
  readonly message: string;
}

/** The first issue's complaint. `value` is what was parsed. */
export function complaintOf(error: z.ZodError, value: unknown): Complaint {
  const [first] = error.issues;
  return first === undefined ? { path: "", message: "is not as it should be" } : complaint(deepest(first), value);
}

/** The same on one line; `whole` names the value itself. */
export function describeComplaint(error: z.ZodError, value: unknown, whole = "the whole"): string {
  const { path, message } = complaintOf(error, value);
  return `${path === "" ? whole : path}: ${message}`;
}

interface Found {
  readonly path: readonly Key[];
  readonly issue: Issue;
}

/** In a union, reports the alternative that fits best; where none fits at all, the union itself. */
function deepest(issue: Issue, above: readonly Key[] = []): Found {
  const path = [...above, ...issue.path];
  if (issue.code === "invalid_union") {
    const inner = issue.errors.flatMap(([first]) => (first === undefined ? [] : [deepest(first, path)]));
    const furthest = inner.reduce((best, one) => Math.max(best, one.path.length), path.length);
    const [only, ...others] = inner.filter((one) => one.path.length === furthest);
    return only === undefined || furthest === path.length || others.length > 0 ? { path, issue } : only;
  }
  const inner = "issues" in issue && Array.isArray(issue.issues) ? (issue.issues as Issue[])[0] : undefined;
  return inner === undefined ? { path, issue } : deepest(inner, path);
}

function complaint({ path, issue }: Found, value: unknown): Complaint {
  const shown = path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}${text === "" ? "" : "."}${String(key)}`),
    "",
  );
  const given = path.reduce<unknown>((inner, key) => (inner as Record<Key, unknown> | undefined | null)?.[key], value);
  if (issue.code === "unrecognized_keys") {
    return {
      path: shown,
      message: `has the unknown key ${issue.keys.map((key) => `"${key}"`).join(", ")}: leave it out`,
    };
  }
  const wanted = wantedBy(issue);
  if (wanted.length === 0) return { path: shown, message: issue.message };
  const last = wanted.at(-1);
  const list = wanted.length === 1 ? last : `${wanted.slice(0, -1).join(", ")} or ${last}`;
  return {
    path: shown,
    message: given === undefined ? `is missing: takes ${list}` : `takes ${list}, not ${brief(given)}`,
  };
}

const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  array: "a list",
  object: "a map",
  record: "a map",
  null: "null",
  nan: "NaN",
};

/** What would be right, each alternative once; empty where only the issue's own message says it. */
function wantedBy(issue: Issue): readonly string[] {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "boolean" ? ["true", "false"] : [TYPES[issue.expected] ?? `a ${issue.expected}`];
    case "invalid_value":
      return issue.values.map((one) => JSON.stringify(one) ?? String(one));
    case "invalid_union":
      return [
        ...new Set(issue.errors.flatMap(([first]) => (first === undefined ? [] : wantedBy(deepest(first).issue)))),
      ];
    case "too_small":
      return [bound(issue.origin, issue.inclusive === false ? "more than" : "at least", Number(issue.minimum))];
    case "too_big":
      return [bound(issue.origin, issue.inclusive === false ? "less than" : "at most", Number(issue.maximum))];
    case "not_multiple_of":
      return [`a multiple of ${issue.divisor}`];
    case "invalid_format":
      return [`a text of the form ${issue.pattern ?? issue.format}`];
    default:
      return [];
  }
}

function bound(origin: string, relation: string, limit: number): string {
  if (origin === "string")
    return relation === "at least" && limit === 1
      ? "a text that is not empty"
      : `a text of ${relation} ${limit} characters`;
  if (origin === "array" || origin === "set" || origin === "map")
    return `a list of ${relation} ${limit} ${limit === 1 ? "entry" : "entries"}`;
  return `a number of ${relation} ${limit}`;
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
