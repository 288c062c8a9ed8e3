/** @file report.html: one file without scripts and without anything fetched, for a comparison's folder or a single run's. */
import { at } from "../../at.js";
import { armName, capital, count, percent } from "../format.js";
import { feasibilityNote } from "../verdicts.js";
import { configurationSection, signaturesSection } from "./configuration.js";
import { loadContents, type ReportContents } from "./contents.js";
import { html, type Markup } from "./markup.js";
import { type Page, pageOf, writePage } from "./page.js";
import { paperSection } from "./paper.js";
import { curvesSection, statisticsSection, Tile, verdictHeader } from "./results.js";
import { gallerySection, placementMapSection } from "./samples.js";
import { iterationsSection, placementsSection, rewardsSection, termsSection } from "./training.js";

/** A single run has no verdict: its header says where it began and where it is. */
function runHeader({ arms }: ReportContents): { title: string; body: Markup } {
  const arm = at(arms, 0);
  const run = at(arm.runs, 0);
  const [first, last] = [run.curve.curve[0], run.curve.curve.at(-1)];
  const name = capital(armName(arm.name));
  if (first === undefined || last === undefined) return { title: `${name}: not evaluated yet`, body: html`` };
  const title =
    last === first
      ? `${name} starts from ${percent(first.accuracy.oneTerm)} one-term accuracy; no iteration is done yet`
      : `${name} took one-term accuracy from ${percent(first.accuracy.oneTerm)} to ${percent(last.accuracy.oneTerm)} with ${count(last.valid)} valid samples`;
  const tiles = (
    <ul class="tiles">
      <Tile name="One-term accuracy" value={percent(last.accuracy.oneTerm)}>
        from {percent(first.accuracy.oneTerm)}, balanced test set, one term flipped
      </Tile>
      <Tile name="Full-flip accuracy" value={percent(last.accuracy.full)}>
        from {percent(first.accuracy.full)}, balanced test set, all terms flipped
      </Tile>
      {last.natural !== undefined && (
        <Tile name="Natural mix, one-term accuracy" value={percent(last.natural.oneTerm)}>
          pairs as random sampling draws them
        </Tile>
      )}
      <Tile name="Generated samples" value={count(last.generated)}>
        after {count(run.curve.feasibilitySteps)} feasibility steps (no images, no model)
      </Tile>
      <Tile name="Valid placements" value={percent(run.curve.validRate, 0)}>
        of its generated samples
      </Tile>
    </ul>
  );
  const body = html`${tiles}<p class="note">One run of one seed: this says nothing about whether it is better than another. rls3 compare does.</p>`;
  return { title, body };
}

/** The page for what was loaded. Pure: equal contents give equal bytes. */
export function reportPage(contents: ReportContents): string {
  const { summary, config, arms, gallery, world } = contents;
  const { title, body } = summary === null ? runHeader(contents) : verdictHeader(summary);
  const feasibility =
    summary === null
      ? `Feasibility steps before the first generated sample (no images, no model): ${count(at(at(arms, 0).runs, 0).curve.feasibilitySteps)}.`
      : feasibilityNote(summary);
  const seeds = summary?.seeds ?? arms.flatMap(({ runs }) => runs.map(({ seed }) => seed));
  const machine = summary === null ? config.machine : summary.machine;
  const commit = summary?.commit ?? config.commit;
  const sections: Page["sections"] = [
    ["curves", "Curves", curvesSection(arms, feasibility)],
    [
      "statistics",
      "Statistics",
      summary === null || Object.keys(summary.pairs).length === 0 ? null : statisticsSection(summary),
    ],
    ["terms", "Terms", termsSection(arms)],
    ["validity", "Validity", placementsSection(arms, feasibility)],
    ["rewards", "Rewards", rewardsSection(arms)],
    ["gallery", "Hardest samples", gallerySection(gallery, arms[0], world)],
    ["map", "Placement map", placementMapSection(arms, world)],
    ["paper", "Beside the paper", summary === null ? null : paperSection(summary)],
    ["iterations", "Iterations", iterationsSection(arms, feasibility)],
    ["signatures", "Warnings", signaturesSection(arms)],
    ["configuration", "How to repeat it", configurationSection({ ...config, machine, commit }, seeds)],
  ];
  const kicker =
    summary === null
      ? "RLS3 · one run"
      : `RLS3 · comparison of ${arms.map(({ name }) => armName(name)).join(", ")} · ${count(seeds.length)} ${seeds.length === 1 ? "seed" : "seeds"}`;
  return pageOf({ kind: "runs", kicker, title, header: body, sections, commit, machine });
}

/** Writes report.html into a comparison's or a run's folder, whole or not at all. */
export async function renderReport(folder: string): Promise<void> {
  writePage(folder, reportPage(await loadContents(folder)));
}
