/** @file The result of a sweep in 80 columns: each level's accuracy against its reference, and the sentences about it. */
import { at } from "../../at.js";
import { SHARE } from "../charts/quantities.js";
import { count, percent, points, probability } from "../format.js";
import { columns, wrap } from "../terminal.js";
import { type Factor, levelName } from "./design.js";
import type { LevelEffect } from "./effects.js";
import { MAIN, MAIN_MEASURE } from "./measures.js";
import {
  bestSentence,
  inOrderShown,
  missingSentence,
  strongestSentence,
  sweepHeadline,
  trendSentence,
  varianceSentence,
} from "./sentences.js";
import type { SweepSummary } from "./summary.js";

const LONGEST_LEVEL = 16;
/** A list or random draws may have hundreds. */
const SHOWN_LEVELS = 12;

/** The end of a long name is what tells it from others. */
const shortened = (text: string): string =>
  text.length <= LONGEST_LEVEL ? text : `…${text.slice(text.length - LONGEST_LEVEL + 1)}`;

function levelRow(factor: Factor, { level, marginal, contrast }: LevelEffect, valid: LevelEffect): string[] {
  const isReference = level === factor.reference;
  return [
    shortened(levelName(factor, level)),
    marginal === null ? "–" : percent(marginal.mean),
    marginal?.interval == null ? "–" : SHARE.range(marginal.interval),
    marginal === null ? "–" : percent(marginal.iqm),
    isReference ? "ref." : contrast === null ? "–" : points(contrast.difference),
    contrast?.pHolm == null ? "–" : probability(contrast.pHolm).replace("p\u00a0=\u00a0", "").replace("p\u00a0", ""),
    contrast?.power == null ? "–" : count(contrast.power.seedsNeeded),
    percent(valid.marginal?.mean, 0),
  ];
}

const HEAD = ["", "mean", "95 % interval", "IQM", "diff.", "p", "seeds*", "valid"];

function factorTable(summary: SweepSummary, factor: Factor, index: number): string {
  const effects = at(summary.effects[MAIN_MEASURE], index);
  const valid = at(summary.effects.validRate, index);
  const rows = inOrderShown(summary, effects).map((effect) =>
    levelRow(factor, effect, at(valid, effects.indexOf(effect))),
  );
  const table = columns([HEAD, ...rows.slice(0, SHOWN_LEVELS)]);
  return rows.length > SHOWN_LEVELS ? `${table}\n(and ${rows.length - SHOWN_LEVELS} more, in the report)` : table;
}

/** The final output of `rls3 sweep`: plain text without colours or a final line feed. */
export function renderSweepTerminal(summary: SweepSummary): string {
  const title = MAIN.title(summary.common);
  const key =
    "ref.: what the others are tested against. p: paired t-test over seeds, after Holm's correction. seeds*: for 80 % power. IQM: interquartile mean.";
  const parts = [
    wrap(`${sweepHeadline(summary)}.`),
    wrap(`${title}; means over the other settings, then over seeds:`),
    ...summary.factors.map((factor, i) => factorTable(summary, factor, i)),
    wrap(key),
    ...[strongestSentence, bestSentence, trendSentence, varianceSentence, missingSentence].flatMap((sentence) => {
      const text = sentence(summary);
      return text === null ? [] : [wrap(text)];
    }),
  ];
  return parts.join("\n\n");
}
