/** @file report.html of a sweep: what each level did, how the settings worked together, and every cell with the command that repeats it. */

import path from "node:path";
import { writeDurably } from "../../files/durable-file.js";
import { count, percent, points, probability } from "../format.js";
import { levelName } from "../sweep/design.js";
import { MAIN_MEASURE, MEASURES } from "../sweep/measures.js";
import { readSweep, type SweepContents } from "../sweep/read.js";
import {
  best,
  bestSentence,
  combinationName,
  factorNames,
  levelTitle,
  missingSentence,
  seedCount,
  strongest,
  strongestSentence,
  sweepHeadline,
} from "../sweep/sentences.js";
import { type SweepSummary, summarizeSweep } from "../sweep/summary.js";
import { describe } from "./configuration.js";
import { html, type Markup, section, table } from "./markup.js";
import { pageOf, writePage } from "./page.js";
import { curvesSection, effectsSection, interactionsSection, trendsSection, varianceSection } from "./sweep-effects.js";

function tiles(summary: SweepSummary): Markup {
  const { finished, missing, common, seeds, variance } = summary;
  const [found, top] = [strongest(summary), best(summary)];
  const needed = found?.contrast.power?.seedsNeeded;
  const [first] = [...(variance[MAIN_MEASURE]?.sources ?? [])].sort((a, b) => b.share - a.share);
  return html`<ul class="tiles"><li><span class="name">Cells finished</span><b>${count(finished.length)} <small>of ${count(finished.length + missing.length)}</small></b>${seedCount(seeds.length)}</li>${
    found !== null &&
    html`<li><span class="name">${levelTitle(found.factor, found.level)}</span><b>${points(found.contrast.difference)} <small>points</small></b>against ${levelName(found.factor, found.factor.reference)}; ${found.contrast.pHolm === null ? "not tested" : `${probability(found.contrast.pHolm)} (Holm)`}</li>`
  }${
    needed !== undefined &&
    needed !== null &&
    html`<li><span class="name">Seeds it would take</span><b>${count(needed)}</b>to find that difference in 80 % of sweeps; this one has ${count(found?.contrast.seeds)}</li>`
  }${
    top !== null &&
    html`<li><span class="name">Highest accuracy</span><b>${percent(top.means[MAIN_MEASURE])}</b>${combinationName(summary, top.levels)}; at ${count(common.valid)} valid samples</li>`
  }${
    first !== undefined &&
    html`<li><span class="name">Most of the variance</span><b>${percent(first.share, 0)}</b>${first.source === "seed" ? "between seeds" : first.source}</li>`
  }</ul>`;
}

function header(summary: SweepSummary): Markup {
  const missing = missingSentence(summary);
  return html`${tiles(summary)}<p>${strongestSentence(summary)}</p><p>${bestSentence(summary)}</p>${missing !== null && html`<p class="warnings">${missing}</p>`}
<p class="note">Accuracy: share of images whose right caption beats the same caption with one term flipped, mean over the six terms, on a test set balanced over the 26 relations; between two evaluations linear. All cells are compared where the shortest one ends. Intervals: 95 %, bootstrap over seeds.</p>`;
}

function planSection(summary: SweepSummary): Markup {
  const { factors, design, seeds, finished, missing, combinations } = summary;
  const whole =
    factors.length > 1
      ? `A grid: every combination of these, ${count(combinations.length)} in all.`
      : `${count(combinations.length)} levels of one setting.`;
  const kind =
    design === "grid"
      ? whole
      : `${count(combinations.length)} combinations that are no full grid, so each is a level of its own.`;
  const shown = design === "grid" ? factors : [];
  const rows = shown.map(({ name, levels, reference }) => [name, levels.join(", "), reference]);
  const gaps = combinations.filter(({ seeds: done, planned }) => done < planned);
  return section(
    "plan",
    "What was varied",
    html`<p>${kind} ${seedCount(seeds.length)} (${seeds.join(", ")}); ${count(finished.length)} of ${count(finished.length + missing.length)} cells have finished. A seed varies rooms, layouts, agent, subsampling and batches; the base model and the test sets are shared.</p>`,
    rows.length > 0 &&
      table({
        caption: "Levels, and the one that the others are tested against",
        head: ["setting", "levels", "reference"],
        rows,
      }),
    gaps.length > 0 &&
      html`<details><summary>Cells that are missing</summary>${table({
        caption: "Combinations with cells that have not finished",
        head: ["combination", "finished", "missing cells"],
        rows: gaps.map(({ levels, seeds: done, planned }) => [
          combinationName(summary, levels),
          `${done} of ${planned}`,
          missing
            .filter((cell) => cell.levels.every((level, i) => level === levels[i]))
            .map(({ name }) => name)
            .join(", "),
        ]),
      })}</details>`,
  );
}

/** From so many on the list of single cells is folded. */
const FOLDED_FROM = 25;

function cellsSection(summary: SweepSummary): Markup {
  const { factors, finished, combinations, common } = summary;
  const heads = MEASURES.map(({ short }) => short);
  const overview = table({
    caption: `Every combination: means over its seeds. Equal samples: ${count(common.valid)} valid, ${count(common.generated)} generated`,
    head: ["combination", "seeds", ...heads],
    rows: combinations.map(({ levels, seeds, planned, means }) => [
      combinationName(summary, levels),
      seeds === planned ? String(seeds) : `${seeds} of ${planned}`,
      ...MEASURES.map(({ column, value }) => (means[column] === null ? "–" : value(means[column]))),
    ]),
  });
  const each = table({
    caption: "Every finished cell, and the command that repeats it alone",
    head: ["cell", "seed", ...heads, "command"],
    rows: finished.map(({ name, levels, seed, measures, command }) => [
      combinationName({ factors }, levels) || name,
      seed,
      ...MEASURES.map(({ column, value }) => (measures[column] === null ? "–" : value(measures[column]))),
      <code>{command}</code>,
    ]),
  });
  return section(
    "cells",
    "All cells",
    overview,
    finished.length < FOLDED_FROM
      ? each
      : html`<details><summary>The ${count(finished.length)} cells one by one, with their commands</summary>${each}</details>`,
  );
}

const repeatSection = ({ command, commit, machine, seeds }: SweepSummary): Markup =>
  section(
    "configuration",
    "How to repeat it",
    html`<pre><code>${command}</code></pre><dl class="facts"><dt>Commit</dt><dd>${commit}</dd><dt>Machine</dt><dd>${describe(machine)}</dd><dt>Seeds</dt><dd>${seeds.join(", ")}</dd></dl>`,
  );

/** Pure: equal contents give equal bytes. */
export function sweepPage(contents: SweepContents, summary: SweepSummary): string {
  const { factors, seeds, combinations } = summary;
  return pageOf({
    kind: "sweep",
    kicker: `RLS3 · sweep over ${factorNames(summary)} · ${count(combinations.length)} ${factors.length > 1 ? "combinations" : "levels"} × ${seedCount(seeds.length)}`,
    title: sweepHeadline(summary),
    header: header(summary),
    sections: [
      ["plan", "Plan", planSection(summary)],
      ["effects", "Effects", effectsSection(summary)],
      ["trends", "Trends", trendsSection(summary)],
      ["interactions", "Interactions", factors.length > 1 ? interactionsSection(summary) : null],
      ["variance", "Variance", varianceSection(summary)],
      ["curves", "Curves", curvesSection(contents, summary)],
      ["cells", "All cells", cellsSection(summary)],
      ["configuration", "How to repeat it", repeatSection(summary)],
    ],
    commit: summary.commit,
    machine: summary.machine,
  });
}

/** sweep-summary.json and report.html from a sweep's folder. Throws InputError where no cell has finished. */
export async function writeSweepReport(folder: string): Promise<SweepSummary> {
  const contents = await readSweep(folder);
  const summary = summarizeSweep(contents);
  const file = path.join(folder, "sweep-summary.json");
  writeDurably(file, `${JSON.stringify(summary, null, 2)}\n`);
  writePage(folder, sweepPage(contents, summary));
  return summary;
}
