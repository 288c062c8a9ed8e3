/** @file The main pair beside what the paper's figures show (arXiv 2501.18880; read off the authors' project page, to about ±0.05 %). */

import { at } from "../../at.js";
import { mean } from "../../mean.js";
import type { SeedRun, Summary } from "../../run-format/summary.js";
import { armName, decimal, percent, points } from "../format.js";
import { mainPair } from "../verdicts.js";
import { html, type Markup, section, table } from "./markup.js";

/** CLIP: 3 runs, start 52.1 %, SAC 56.11 % after 97.7k, random 52.57 %. PaliGemma: SAC passes random's final score near 59k of 136k. */
const PAPER = {
  validRate: "about 84 % and 50 %",
  samplesToReach: "about 0.43 (59k of 136k; PaliGemma)",
  gain: "+4.0 points (CLIP, 52.1 to 56.1 %)",
  gainRandom: "+0.5 points (CLIP, 52.1 to 52.6 %)",
  runs: "3 (CLIP), 5 (PaliGemma)",
};

function gain(runs: readonly SeedRun[]): string {
  const start = mean(runs.map(({ curve }) => at(curve, 0).accuracy.oneTerm));
  const end = mean(runs.map(({ curve }) => at(curve, curve.length - 1).accuracy.oneTerm));
  return `${points(end - start)} points (${percent(start)} to ${percent(end)})`;
}

/** Null where there is no comparison with random sampling. */
export function paperSection(summary: Summary): Markup | null {
  const main = mainPair(summary);
  if (main === null || main.b !== "random") return null;
  const { runsA: a, runsB: b } = main;
  const { ratio } = main.pair.samplesToReach.generated;
  const rates = [a, b].map((runs) => percent(mean(runs.map((run) => run.validRate)), 0));
  return section(
    "paper",
    "Beside the paper",
    html`<p>Other models, other rooms, other measures: only the direction and the rough size can be compared. The paper's values are read off its figures.</p>`,
    table({
      caption:
        "The paper's agent is a squashed-Gaussian SAC with one reward an episode; its generated samples follow 100,000 feasibility steps. Reports made before rls3 mended its arm for that agent say nothing about the paper's recipe",
      head: ["quantity", "paper", "here"],
      rows: [
        ["valid placements, agent and random", PAPER.validRate, rates.join(" and ")],
        [
          "generated samples to reach random's final result",
          PAPER.samplesToReach,
          ratio === null ? "not reached" : decimal(ratio, 2),
        ],
        ["accuracy gained by the agent", PAPER.gain, gain(a)],
        [`accuracy gained by ${armName("random")}`, PAPER.gainRandom, gain(b)],
        ["runs", PAPER.runs, String(a.length)],
      ],
    }),
  );
}
