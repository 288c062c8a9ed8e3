/**
 * @file The pages: this code writes numbers from committed results between marks; the text around them is written by
 * hand.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../trainer/errors.js";
import { writeDurably } from "../../trainer/files/durable-file.js";
import { LANGUAGE_VERSION } from "../../trainer/language/index.js";
import { parseJson } from "../../trainer/run-format/readers.js";
import { readCellFile } from "./cell-files.js";
import { wishesOf } from "./cells.js";
import { EXPERIMENTS, type Experiment, experimentNames, readExperiment, root } from "./definition.js";
import { markdownTable } from "./outcome.js";
import { type ExperimentSummary, readExperimentSummary } from "./results.js";
import { collectedFiles } from "./sources.js";
import { codeBefore, openingOf } from "./versions.js";

export const RESULTS = path.join(root, "benchmarks/results");
const LIST = path.join(root, "benchmarks/EXPERIMENTS.md");
const COMPARISONS = path.join(RESULTS, "README.md");

/** Two comments in a page; this code writes the text between them. */
interface Marks {
  readonly begin: string;
  readonly end: string;
}

const RESULT: Marks = { begin: "<!-- written by npm run experiment -- pages -->", end: "<!-- end -->" };
/** Right below the title: what a reader must know before any number. */
const OPENING: Marks = {
  begin: "<!-- opening, written by npm run experiment -- pages -->",
  end: "<!-- end of opening -->",
};
const OPEN_RUNS: Marks = {
  begin: "<!-- open runs, written by npm run experiment -- pages -->",
  end: "<!-- end of open runs -->",
};

const committed = (name: string): ExperimentSummary | null => {
  const file = path.join(RESULTS, name, "summary.json");
  return existsSync(file) ? readExperimentSummary(file) : null;
};

const plain = (text: string): string => text.replaceAll("\u00a0", " ");
const machinesOf = ({ machines }: ExperimentSummary): string =>
  [
    ...new Set(
      machines.map(
        ({ cpu = "unknown", cores = "?", memoryGiB = "?" }) =>
          `${cpu}, ${cores} ${cores === 1 ? "core" : "cores"}, ${memoryGiB} GiB`,
      ),
    ),
  ].join("; ");
/** "+" where files differed from the commit. */
const commitsOf = ({ commits }: ExperimentSummary): string =>
  commits.map((commit) => commit.slice(0, 7) + (commit.endsWith("+") ? "+" : "")).join(", ");
/** Only Latin letters: a symbol such as β stays as it is. */
const capital = (text: string): string => text.replace(/^[a-z]/, (letter) => letter.toUpperCase());
const restsOn = ({ cells }: ExperimentSummary): string => `rests on ${cells.finished} of ${cells.of} cells`;

function resultOf(name: string, summary: ExperimentSummary | null): string {
  if (summary === null) return "The full setting has not been run yet.";
  const link = `../results/${name}`;
  const head = `${summary.date}; ${machinesOf(summary)}; commit ${commitsOf(summary)}; \`${summary.command}\`, ${restsOn(summary)}, seeds ${summary.seeds.join(", ")}; [summary.json](${link}/summary.json), [sweep.csv](${link}/sweep.csv), [curves.csv](${link}/curves.csv).`;
  return [
    head,
    `${capital(plain(summary.headline))}.`,
    ...(summary.sentences.length === 0 ? [] : [summary.sentences.map((line) => `- ${plain(line)}`).join("\n")]),
    ...summary.tables.map(markdownTable),
    ...summary.pictures.map((picture) => `![${picture}](${link}/${picture})`),
  ].join("\n\n");
}

/** `text` with the part between the marks replaced. */
export function inserted(file: string, text: string, between: string, { begin, end }: Marks = RESULT): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new InputError(`${file}: lacks the marks "${begin}" and "${end}"`);
  const written = between === "" ? "" : `${between}\n\n`;
  return `${text.slice(0, from + begin.length)}\n\n${written}${text.slice(to)}`;
}

/** The page with its opening, if its results are older than today's questions about pictures. */
export function opened(file: string, text: string, opening: string | null): string {
  if (!/^# [^\n]+\n+<!-- opening/.test(text)) {
    throw new InputError(`${file}: lacks the marks "${OPENING.begin}" and "${OPENING.end}" right below its title`);
  }
  return inserted(file, text, opening ?? "", OPENING);
}

/** An experiment's page with its summary inserted. */
export function experimentPage(file: string, text: string, name: string, summary: ExperimentSummary | null): string {
  const opening = summary === null ? null : openingOf(summary.languageVersion);
  return opened(file, inserted(file, text, resultOf(name, summary)), opening);
}

/** A row of the list of experiments. */
export function listRow(name: string, title: string, summary: ExperimentSummary | null): string {
  const link = `[${name}](experiments/${name}.md)`;
  if (summary === null) return `| ${link} | ${title} | – | – | not run at the full setting yet |`;
  const what = `${restsOn(summary)}, ${summary.seeds.length} ${summary.seeds.length === 1 ? "seed" : "seeds"}`;
  const before = codeBefore(summary.languageVersion);
  const outcome = `${before === null ? "" : `${before}: `}${capital(plain(summary.headline)).replaceAll("|", "\\|")}`;
  return `| ${link} | ${title} | ${summary.date} | ${machinesOf(summary)}; ${commitsOf(summary)}; ${what} | ${outcome} |`;
}

const list = (): string =>
  [
    "| experiment | question | date | machine, commit, cells | outcome |",
    "|---|---|---|---|---|",
    ...experimentNames().map((name) => listRow(name, readExperiment(name).title, committed(name))),
  ].join("\n");

/**
 * Experiments without all cells with today's questions: how many there are, and the commands that continue. Whether the
 * algorithm has changed since a cell was made is checked only then, since pages do not depend on git.
 */
export function openRunsTable(results: string): string {
  const rows = experimentNames().flatMap((name) => {
    const experiment = readExperiment(name);
    const { first, count } = experiment.seeds;
    const seeds = Array.from({ length: count }, (_, i) => first + i);
    const runs = [...new Set(wishesOf(experiment, "", seeds, false).map((request) => request.name))];
    const finished = runs.filter((run) => isCollected(results, name, run)).length;
    const before = finished === 0 ? "" : `\`npm run experiment -- repeat ${name}\`, then `;
    return finished >= runs.length
      ? []
      : [`| ${name} | ${finished} of ${runs.length} | ${before}\`npm run experiment -- ${name}\` |`];
  });
  if (rows.length === 0) return "None: every experiment has all its cells.";
  return ["| experiment | cells there | goes on with |", "|---|--:|---|", ...rows].join("\n");
}

/** Whether a cell with today's questions exists. */
const isCollected = (results: string, experiment: string, run: string): boolean =>
  collectedFiles(results, experiment, run).some((file) => {
    const cell = readCellFile(file);
    return cell.kind === "whole" && cell.record.languageVersion === LANGUAGE_VERSION;
  });

const comparison = z.looseObject({ languageVersion: z.number().int().default(1) });

/** The opening of the page of comparisons, by the oldest of them. */
function comparisonsOpening(): string | null {
  const names = readdirSync(RESULTS).filter(
    (name) => !experimentNames().includes(name) && existsSync(path.join(RESULTS, name, "summary.json")),
  );
  const old = names.flatMap((name) => {
    const file = path.join(RESULTS, name, "summary.json");
    const { languageVersion } = parseJson(readFileSync(file, "utf8"), comparison, file);
    return codeBefore(languageVersion) === null ? [] : [{ name, languageVersion }];
  });
  const opening = openingOf(Math.min(LANGUAGE_VERSION, ...old.map(({ languageVersion }) => languageVersion)));
  return opening === null ? null : `${opening} That holds for ${old.map(({ name }) => `\`${name}\``).join(" and ")}.`;
}

/** What somebody still has to write in a new page. */
export const TO_WRITE = "(to write:";

/** The page of an experiment that has none yet, with what only its author knows left to write. */
export function newPage({ name, title, question }: Experiment): string {
  return [
    `# ${title}`,
    OPENING.begin,
    OPENING.end,
    `**Question.** ${question.trim()}`,
    `**Method.** ${TO_WRITE} what differs between the runs, what is equal, and how they are compared)`,
    `\`\`\`sh\nnpm run experiment -- ${name}\n\`\`\``,
    "## Result",
    RESULT.begin,
    RESULT.end,
    "## Limits",
    `- [What all experiments share](README.md#what-all-experiments-share).\n- ${TO_WRITE} what else the result does not show)\n`,
  ].join("\n\n");
}

/** Every page, with its text as it should be. */
export function pages(): { readonly file: string; readonly found: string; readonly wanted: string }[] {
  const page = (file: string, wanted: (found: string) => string, fresh?: string) => {
    const isThere = existsSync(file);
    if (!isThere && fresh === undefined) throw new InputError(`${file}: is missing; restore it (git checkout)`);
    const found = isThere ? readFileSync(file, "utf8") : "";
    return { file, found, wanted: wanted(isThere ? found : (fresh ?? "")) };
  };
  return [
    ...experimentNames().map((name) => {
      const file = path.join(EXPERIMENTS, `${name}.md`);
      return page(file, (text) => experimentPage(file, text, name, committed(name)), newPage(readExperiment(name)));
    }),
    page(LIST, (found) => inserted(LIST, inserted(LIST, found, list()), openRunsTable(RESULTS), OPEN_RUNS)),
    page(COMPARISONS, (found) => opened(COMPARISONS, found, comparisonsOpening())),
  ];
}

export function writePages(): string[] {
  return pages().flatMap(({ file, found, wanted }) => {
    if (found === wanted) return [];
    writeDurably(file, wanted);
    return [path.relative(root, file)];
  });
}
