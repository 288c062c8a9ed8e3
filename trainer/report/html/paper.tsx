/** @file The main pair beside what the paper's figures show (arXiv 2501.18880; read off the authors' project page, to about ±0.05 %). */
import { at } from "../../at.js";
import { mean } from "../../mean.js";
import type { SeedRun, Summary } from "../../run-format/summary.js";
import { DataTable } from "../charts/table.js";
import { decimal, percent, points } from "../format.js";
import { mainPair } from "../verdicts.js";
import type { Section } from "./page.js";

function gain(runs: readonly SeedRun[]): string {
  const start = mean(runs.map(({ curve }) => at(curve, 0).accuracy.oneTerm));
  const end = mean(runs.map(({ curve }) => at(curve, curve.length - 1).accuracy.oneTerm));
  return `${points(end - start)} points (${percent(start)} to ${percent(end)})`;
}

/** Null where there is no comparison with random sampling. */
export function paperSection(summary: Summary): Section | null {
  const main = mainPair(summary);
  if (main === null || main.b !== "random") return null;
  const { runsA: a, runsB: b } = main;
  const { ratio } = main.pair.samplesToReach.generated;
  const rates = [a, b].map((runs) => percent(mean(runs.map((run) => run.validRate)), 0)).join(" and ");
  const reached = ratio === null ? "not reached" : decimal(ratio, 2);
  // CLIP: 3 runs, start 52.1 %, SAC 56.11 % after 97.7k, random 52.57 %. PaliGemma: SAC passes random's final score near 59k of 136k.
  const rows = [
    ["valid placements, agent and random", "about 84 % and 50 %", rates],
    ["generated samples to reach random's final result", "about 0.43 (59k of 136k; PaliGemma)", reached],
    ["accuracy gained by the agent", "+4.0 points (CLIP, 52.1 to 56.1 %)", gain(a)],
    ["accuracy gained by random sampling", "+0.5 points (CLIP, 52.1 to 52.6 %)", gain(b)],
    ["runs", "3 (CLIP), 5 (PaliGemma)", String(a.length)],
  ];
  return {
    id: "paper",
    name: "Beside the paper",
    title: "Beside the paper",
    intro:
      "The paper used other models, rooms and measures: only the direction and the rough size can be compared. Its values are read off its figures.",
    body: (
      <DataTable
        caption="The paper's agent is a squashed-Gaussian SAC with one reward an episode; its generated samples follow 100,000 feasibility steps. In reports from before rls3 corrected its arm for that agent, that arm is not the paper's"
        head={["quantity", "paper", "here"]}
        rows={rows}
      />
    ),
  };
}
