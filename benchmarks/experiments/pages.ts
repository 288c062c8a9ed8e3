/** @file The pages: numbers are put between two marks by this code, from what is committed; the words around them are written by hand. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { InputError } from "../../trainer/errors.js";
import { writeDurably } from "../../trainer/rls3/durable-file.js";
import { EXPERIMENTS, experimentNames, readExperiment, root } from "./definition.js";
import { markdownTable } from "./outcome.js";
import { type ExperimentSummary, readExperimentSummary } from "./results.js";

export const RESULTS = path.join(root, "benchmarks/results");
const LIST = path.join(root, "benchmarks/EXPERIMENTS.md");
const BEGIN = "<!-- written by npm run experiment -- pages -->";
const END = "<!-- end -->";

const committed = (name: string): ExperimentSummary | null => {
  const file = path.join(RESULTS, name, "summary.json");
  return existsSync(file) ? readExperimentSummary(file) : null;
};

const plain = (text: string): string => text.replaceAll("\u00a0", " ");
const machineOf = ({ machine }: ExperimentSummary): string =>
  `${machine["cpu"] ?? "unknown"}, ${machine["cores"] ?? "?"} cores, ${machine["memoryGiB"] ?? "?"} GiB`;
/** "+" where files differed from the commit. */
const commitsOf = ({ commits }: ExperimentSummary): string =>
  commits.map((commit) => commit.slice(0, 7) + (commit.endsWith("+") ? "+" : "")).join(", ");
/** Latin letters alone: a symbol such as β stays what it is. */
const capital = (text: string): string => text.replace(/^[a-z]/, (letter) => letter.toUpperCase());

function resultOf(name: string): string {
  const summary = committed(name);
  if (summary === null) return "The full setting has not been run yet.";
  const link = `../results/${name}`;
  const head = `${summary.date}; ${machineOf(summary)}; commit ${commitsOf(summary)}; \`${summary.command}\`, ${summary.runs} runs, seeds ${summary.seeds.join(", ")}; [summary.json](${link}/summary.json), [sweep.csv](${link}/sweep.csv), [curves.csv](${link}/curves.csv).`;
  return [
    head,
    `${capital(plain(summary.headline))}.`,
    ...(summary.sentences.length === 0 ? [] : [summary.sentences.map((line) => `- ${plain(line)}`).join("\n")]),
    ...summary.tables.map(markdownTable),
    ...summary.pictures.map((picture) => `![${picture}](${link}/${picture})`),
  ].join("\n\n");
}

/** `text` with what is between the marks replaced. */
export function inserted(file: string, text: string, between: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new InputError(`${file}: lacks the marks "${BEGIN}" and "${END}"`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${between}\n\n${text.slice(end)}`;
}

function list(): string {
  const rows = experimentNames().map((name) => {
    const summary = committed(name);
    const { title } = readExperiment(name);
    const link = `[${name}](experiments/${name}.md)`;
    if (summary === null) return `| ${link} | ${title} | – | – | not run at the full setting yet |`;
    const what = `${summary.runs} runs, ${summary.seeds.length} ${summary.seeds.length === 1 ? "seed" : "seeds"}`;
    return `| ${link} | ${title} | ${summary.date} | ${machineOf(summary)}; ${commitsOf(summary)}; ${what} | ${capital(plain(summary.headline)).replaceAll("|", "\\|")} |`;
  });
  return ["| experiment | question | date | machine, commit, runs | outcome |", "|---|---|---|---|---|", ...rows].join(
    "\n",
  );
}

/** Every page with its text as it should be. */
export function pages(): { readonly file: string; readonly found: string; readonly wanted: string }[] {
  const page = (file: string, between: string) => {
    if (!existsSync(file))
      throw new InputError(`${file}: there is no such page; write it, with the marks "${BEGIN}" and "${END}"`);
    const found = readFileSync(file, "utf8");
    return { file, found, wanted: inserted(file, found, between) };
  };
  return [
    ...experimentNames().map((name) => page(path.join(EXPERIMENTS, `${name}.md`), resultOf(name))),
    page(LIST, list()),
  ];
}

export function writePages(): string[] {
  return pages().flatMap(({ file, found, wanted }) => {
    if (found === wanted) return [];
    writeDurably(file, wanted);
    return [path.relative(root, file)];
  });
}
