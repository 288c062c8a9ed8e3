/** @file report.html: one file without scripts and without anything fetched, for a comparison's folder or a single run's. */
import { at } from "../../at.js";
import { capital, count, percent, plural } from "../format.js";
import { feasibilityNote } from "../verdicts.js";
import { configurationSection, signaturesSection } from "./configuration.js";
import { loadContents, type ReportContents } from "./contents.js";
import { type Header, pageOf, Tiles, writePage } from "./page.js";
import { paperSection } from "./paper.js";
import { curvesSection, statisticsSection, verdictHeader } from "./results.js";
import { gallerySection, placementMapSection } from "./samples.js";
import { iterationsSection, placementsSection, rewardsSection, termsSection } from "./training.js";

/** A single run has no verdict: its header says where it began and where it is. */
function runHeader({ arms }: ReportContents): Header {
  const arm = at(arms, 0);
  const { curve: run } = at(arm.runs, 0);
  const [first, last] = [run.curve[0], run.curve.at(-1)];
  const name = capital(arm.name);
  if (first === undefined || last === undefined) return { title: `${name}: not evaluated yet`, header: null };
  const [from, to] = [percent(first.accuracy.oneTerm), percent(last.accuracy.oneTerm)];
  const title =
    last === first
      ? `${name} starts from ${from} one-term accuracy; no iteration is done yet`
      : `${name} took one-term accuracy from ${from} to ${to} with ${count(last.valid)} valid samples`;
  const natural = {
    name: "Natural mix, one-term accuracy",
    value: percent(last.natural?.oneTerm),
    text: "pairs as random sampling draws them",
  };
  const tiles = [
    { name: "One-term accuracy", value: to, text: `from ${from}, balanced test set, one term flipped` },
    {
      name: "Full-flip accuracy",
      value: percent(last.accuracy.full),
      text: `from ${percent(first.accuracy.full)}, balanced test set, all terms flipped`,
    },
    ...(last.natural === undefined ? [] : [natural]),
    {
      name: "Generated samples",
      value: count(last.generated),
      text: `after ${count(run.feasibilitySteps)} feasibility steps (no images, no model)`,
    },
    { name: "Valid placements", value: percent(run.validRate, 0), text: "of its generated samples" },
  ];
  const header = (
    <>
      <Tiles tiles={tiles} />
      <p class="note">
        One run of one seed: this says nothing about whether it is better than another. rls3 compare does.
      </p>
    </>
  );
  return { title, header };
}

/** The page for what was loaded. Pure: equal contents give equal bytes. */
export function reportPage(contents: ReportContents): string {
  const { summary, config, arms, gallery, world } = contents;
  const feasibility = feasibilityNote(arms.map(({ name, runs }) => ({ name, runs: runs.map(({ curve }) => curve) })));
  const seeds = summary?.seeds ?? arms.flatMap(({ runs }) => runs.map(({ seed }) => seed));
  const { machine, commit } = summary ?? config;
  return pageOf({
    kind: "runs",
    kicker:
      summary === null
        ? "RLS3 · one run"
        : `RLS3 · comparison of ${arms.map(({ name }) => name).join(", ")} · ${plural(seeds.length, "seed")}`,
    ...(summary === null ? runHeader(contents) : verdictHeader(summary, feasibility)),
    sections: [
      curvesSection(arms, feasibility),
      summary && statisticsSection(summary, feasibility),
      termsSection(arms),
      placementsSection(arms, feasibility),
      rewardsSection(arms),
      gallerySection(gallery, arms[0], world),
      placementMapSection(arms, world),
      summary && paperSection(summary),
      iterationsSection(arms, feasibility),
      signaturesSection(arms),
      configurationSection({ ...config, machine, commit }, seeds),
    ],
    commit,
    machine,
  });
}

/** Writes report.html into a comparison's or a run's folder, whole or not at all. */
export async function renderReport(folder: string): Promise<void> {
  writePage(folder, reportPage(await loadContents(folder)));
}
