/** @file report.html of a sweep: what each level did, how the settings worked together, and every cell with the command that repeats it. */
import path from "node:path";
import { greatest } from "d3-array";
import { writeDurably } from "../../files/durable-file.js";
import { type Column, DataTable, Estimated, tableOf } from "../charts/table.js";
import { count, percent, plural, points, probability } from "../format.js";
import { levelName } from "../sweep/design.js";
import { MAIN_MEASURE, MEASURES, type MeasureColumn } from "../sweep/measures.js";
import { readSweep, type SweepContents } from "../sweep/read.js";
import {
  best,
  bestSentence,
  combinationName,
  factorNames,
  levelTitle,
  missingSentence,
  strongest,
  strongestSentence,
  sweepHeadline,
} from "../sweep/sentences.js";
import { type SweepSummary, summarizeSweep } from "../sweep/summary.js";
import { configurationSection } from "./configuration.js";
import { inPoints, pageOf, type Section, type Tile, Tiles, writePage } from "./page.js";
import { ACCURACY_NOTE, INTERVAL_NOTE } from "./results.js";
import { curvesSection, effectsSection, interactionsSection, trendsSection, varianceSection } from "./sweep-effects.js";

function tilesOf(summary: SweepSummary): Tile[] {
  const { finished, missing, common, seeds, variance } = summary;
  const [found, top] = [strongest(summary), best(summary)];
  const done = (
    <>
      {count(finished.length)} <small>of {count(finished.length + missing.length)}</small>
    </>
  );
  const tiles: Tile[] = [{ name: "Cells finished", value: done, text: plural(seeds.length, "seed") }];
  if (found !== null) {
    const { factor, level, contrast } = found;
    const tested = contrast.pHolm === null ? "not tested" : `${probability(contrast.pHolm)} (Holm)`;
    tiles.push({
      name: levelTitle(factor, level),
      value: inPoints(points(contrast.difference)),
      text: `against ${levelName(factor, factor.reference)}; ${tested}`,
    });
    const needed = contrast.power?.seedsNeeded ?? null;
    const text = `to find that difference in 80 % of sweeps; this one has ${count(contrast.seeds)}`;
    if (needed !== null) tiles.push({ name: "Seeds it would take", value: count(needed), text });
  }
  if (top !== null) {
    const text = `${combinationName(summary, top.levels)}; at ${count(common.valid)} valid samples`;
    tiles.push({ name: "Highest accuracy", value: percent(top.means[MAIN_MEASURE]), text });
  }
  const first = greatest(variance[MAIN_MEASURE]?.sources ?? [], ({ share }) => share);
  if (first !== undefined) {
    const text = first.source === "seed" ? "between seeds" : first.source;
    tiles.push({ name: "Most of the variance", value: percent(first.share, 0), text });
  }
  return tiles;
}

function Header(summary: SweepSummary) {
  const missing = missingSentence(summary);
  return (
    <>
      <Tiles tiles={tilesOf(summary)} />
      <p>{strongestSentence(summary)}</p>
      <p>{bestSentence(summary)}</p>
      {missing !== null && <p class="warnings">{missing}</p>}
      <p class="note">
        {ACCURACY_NOTE} Between two evaluations it is linear. All cells are compared where the shortest one ends.{" "}
        {INTERVAL_NOTE}
      </p>
    </>
  );
}

function planSection(summary: SweepSummary): Section {
  const { factors, design, seeds, finished, missing, combinations } = summary;
  const amount = count(combinations.length);
  const grid =
    factors.length > 1 ? `A grid: every combination of these, ${amount} in all.` : `${amount} levels of one setting.`;
  const kind =
    design === "grid" ? grid : `${amount} combinations that are no full grid, so each is a level of its own.`;
  const levels = tableOf("Levels, and the one that the others are tested against", factors, [
    ["setting", ({ name }) => name],
    ["levels", (factor) => factor.levels.join(", ")],
    ["reference", ({ reference }) => reference],
  ]);
  const gaps = tableOf(
    "Combinations with cells that have not finished",
    combinations.filter(({ seeds: done, planned }) => done < planned),
    [
      ["combination", (gap) => combinationName(summary, gap.levels)],
      ["finished", (gap) => `${gap.seeds} of ${gap.planned}`],
      [
        "missing cells",
        (gap) =>
          missing
            .filter((cell) => cell.levels.every((level, i) => level === gap.levels[i]))
            .map(({ name }) => name)
            .join(", "),
      ],
    ],
  );
  return {
    id: "plan",
    name: "Plan",
    title: "What was varied",
    intro: `${kind} ${plural(seeds.length, "seed")} (${seeds.join(", ")}); ${count(finished.length)} of ${count(finished.length + missing.length)} cells have finished. A seed varies rooms, layouts, agent, subsampling and batches; all cells share the base model and the test sets.`,
    body: (
      <>
        {design === "grid" && <DataTable {...levels} />}
        {gaps.rows.length > 0 && (
          <details>
            <summary>Cells that are missing</summary>
            <DataTable {...gaps} />
          </details>
        )}
      </>
    ),
  };
}

/** From so many on the list of single cells is folded. */
const FOLDED_FROM = 25;

type Values = Readonly<Record<MeasureColumn, number | null>>;

/** A column for each measure. */
const measureColumns = <Row,>(valuesOf: (row: Row) => Values): Column<Row>[] =>
  MEASURES.map(({ short, column, unit }) => [short, (row) => <Estimated of={unit} value={valuesOf(row)[column]} />]);

function cellsSection(summary: SweepSummary): Section {
  const { finished, combinations, common } = summary;
  const overview = tableOf(
    `Every combination: means over its seeds. Equal samples: ${count(common.valid)} valid, ${count(common.generated)} generated`,
    combinations,
    [
      ["combination", ({ levels }) => combinationName(summary, levels)],
      ["seeds", ({ seeds, planned }) => (seeds === planned ? String(seeds) : `${seeds} of ${planned}`)],
      ...measureColumns<(typeof combinations)[number]>(({ means }) => means),
    ],
  );
  const each = tableOf("Every finished cell, and the command that repeats it alone", finished, [
    ["cell", ({ name, levels }) => combinationName(summary, levels) || name],
    ["seed", ({ seed }) => seed],
    ...measureColumns<(typeof finished)[number]>(({ measures }) => measures),
    ["command", ({ command }) => <code>{command}</code>],
  ]);
  const body =
    finished.length < FOLDED_FROM ? (
      <DataTable {...each} />
    ) : (
      <details>
        <summary>The {count(finished.length)} cells one by one, with their commands</summary>
        <DataTable {...each} />
      </details>
    );
  return {
    id: "cells",
    name: "All cells",
    title: "All cells",
    body: (
      <>
        <DataTable {...overview} />
        {body}
      </>
    ),
  };
}

/** Pure: equal contents give equal bytes. */
export function sweepPage(contents: SweepContents, summary: SweepSummary): string {
  const { factors, seeds, combinations, commit, machine } = summary;
  const size = `${count(combinations.length)} ${factors.length > 1 ? "combinations" : "levels"}`;
  return pageOf({
    kind: "sweep",
    kicker: `RLS3 · sweep over ${factorNames(summary)} · ${size} × ${plural(seeds.length, "seed")}`,
    title: sweepHeadline(summary),
    header: <Header {...summary} />,
    sections: [
      planSection(summary),
      effectsSection(summary),
      trendsSection(summary),
      interactionsSection(summary),
      varianceSection(summary),
      curvesSection(contents, summary),
      cellsSection(summary),
      configurationSection(summary, seeds),
    ],
    commit,
    machine,
  });
}

/** sweep-summary.json and report.html from a sweep's folder. Throws InputError where no cell has finished. */
export async function writeSweepReport(folder: string): Promise<SweepSummary> {
  const contents = await readSweep(folder);
  const summary = summarizeSweep(contents);
  writeDurably(path.join(folder, "sweep-summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  writePage(folder, sweepPage(contents, summary));
  return summary;
}
