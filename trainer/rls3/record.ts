/** @file Writes down what an iteration was: a row of metrics, a row for each episode, every sample, pictures of the hardest. */

import { type SampleLine, TERM_COLUMNS, TERM_NAMES } from "../report/columns.js";
import type { AgentStatistics } from "../sac/agent.js";
import { iterationsPlanned } from "./configuration.js";
import { type Episodes, REASONS } from "./episodes.js";
import type { Accuracy } from "./evaluation.js";
import type { FineTuned } from "./fine-tuning.js";
import type { Run, State } from "./loop.js";
import { encodePng } from "./picture.js";
import type { StepReward } from "./reward.js";
import type { CsvRow } from "./run-directory.js";
import type { AskedSample } from "./scoring.js";

/** Pictures kept of an iteration. */
const HARDEST = 16;

export interface Happened {
  readonly test: Accuracy;
  readonly natural: Accuracy | null;
  /** Absent in row 0. */
  readonly iteration?: {
    readonly episodes: Episodes;
    readonly scored: readonly AskedSample[];
    readonly rewarded: readonly (readonly StepReward[])[];
    readonly kept: readonly number[];
    readonly tuned: FineTuned;
    readonly agentStatistics: AgentStatistics;
  };
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;

/** Mean S and mean h of the samples about whose moved object something was asked. */
function means(samples: readonly AskedSample[]): { readonly score: number | null; readonly hardness: number | null } {
  const asked = samples.flatMap(({ score, hardness }) => (score === null ? [] : [{ score, hardness }]));
  return { score: mean(asked.map(({ score }) => score)), hardness: mean(asked.map(({ hardness }) => hardness)) };
}

/** The rows of metrics so far, this one last. */
export async function record(run: Run, state: State, happened: Happened): Promise<CsvRow[]> {
  const { directory, configuration, progress } = run;
  const row = metricsRow(run, state, happened);
  directory.append("metrics.csv", [row]);
  if (happened.iteration !== undefined) {
    directory.append("episodes.csv", episodeRows(state.iteration, happened.iteration));
    const { lines, pictures } = await samples(state.iteration, happened.iteration);
    directory.writeSamples(state.iteration, lines, pictures);
  }
  directory.log.info(row, "iteration");
  const accuracy = (100 * happened.test.oneTerm).toFixed(1);
  const rate = row["validRate"];
  progress.say(
    `iteration ${state.iteration}/${iterationsPlanned(configuration)}: one-term ${accuracy} %` +
      (typeof rate === "number" ? `, ${(100 * rate).toFixed(0)} % of ${state.generated} placements valid` : ""),
  );
  return directory.rows("metrics.csv");
}

function metricsRow({ configuration }: Run, state: State, { test, natural, iteration }: Happened): CsvRow {
  const statistics = iteration?.agentStatistics ?? {};
  const steps = iteration?.episodes.steps.reduce((sum, episode) => sum + episode.length, 0) ?? 0;
  const rewarded = iteration?.rewarded.flat() ?? [];
  const reasons = iteration?.episodes.reasons ?? REASONS.map(() => 0);
  const named = (name: string): number | null => statistics[name] ?? null;
  return {
    iteration: state.iteration,
    generated: state.generated,
    valid: state.valid,
    feasibilitySteps: configuration.feasibilitySteps,
    validRate: iteration === undefined ? null : iteration.episodes.samples.length / steps,
    ...Object.fromEntries(
      REASONS.slice(1).map((reason, i) => [`reason${reason[0]?.toUpperCase()}${reason.slice(1)}`, reasons[i + 1] ?? 0]),
    ),
    accuracyFull: test.full,
    accuracyOneTerm: test.oneTerm,
    naturalFull: natural?.plain.full ?? null,
    naturalOneTerm: natural?.plain.oneTerm ?? null,
    ...means(iteration?.scored ?? []),
    rewardFeasibility: mean(rewarded.map((reward) => reward.feasibility)),
    rewardExtrinsic: mean(rewarded.map((reward) => reward.extrinsic)),
    fineTuneLoss: iteration?.tuned.loss ?? null,
    gradientNorm: iteration?.tuned.gradientNorm ?? null,
    kl: named("kl"),
    temperature: named("temperature"),
    validityLoss: named("validityLoss"),
    hardnessLoss: named("hardnessLoss"),
    ...Object.fromEntries(
      TERM_NAMES.flatMap((term) => [
        [`accuracy_${term}`, test.terms[TERM_COLUMNS[term]] ?? null],
        [`samples_${term}`, state.terms[TERM_COLUMNS[term]] ?? 0],
      ]),
    ),
  };
}

function episodeRows(iteration: number, { episodes, scored, rewarded }: NonNullable<Happened["iteration"]>): CsvRow[] {
  return episodes.steps.map((steps, episode) => {
    const made = steps.flatMap(({ sample }) => (sample === null ? [] : (scored[sample] ?? [])));
    const rewards = rewarded[episode] ?? [];
    const { score, hardness } = means(made);
    return {
      iteration,
      episode,
      steps: steps.length,
      valid: made.length,
      meanScore: score,
      meanHardness: hardness,
      return: rewards.reduce((sum, { feasibility, extrinsic }) => sum + feasibility + extrinsic, 0),
    };
  });
}

async function samples(
  iteration: number,
  { episodes, scored, kept }: NonNullable<Happened["iteration"]>,
): Promise<{ lines: SampleLine[]; pictures: Map<string, Uint8Array> }> {
  const keptSet = new Set(kept);
  const hardest = new Set(
    scored
      .flatMap(({ score, hardness }, i) => (score === null ? [] : [[hardness, i] as const]))
      .sort(([a, i], [b, j]) => b - a || i - j)
      .slice(0, HARDEST)
      .map(([, i]) => i),
  );
  const pictures = new Map<string, Uint8Array>();
  const lines: SampleLine[] = [];
  for (const [i, sample] of episodes.samples.entries()) {
    const asked = scored[i];
    if (asked === undefined) continue;
    const image = `${String(iteration).padStart(4, "0")}/episode${sample.episode}-step${sample.step}.png`;
    if (hardest.has(i)) pictures.set(image, await encodePng(sample.image));
    lines.push({
      episode: sample.episode,
      step: sample.step,
      scene: sample.scene,
      objects: Array.from({ length: sample.objects.length / 5 }, (_, slot) =>
        Array.from(sample.objects.subarray(slot * 5, slot * 5 + 5)),
      ),
      slot: sample.slot,
      captions: asked.pairs.map(({ slots, right, preferred, answer, margin }) => ({
        slots,
        right,
        ...(preferred !== right && { answer: preferred }),
        probability: answer.probability,
        margin,
      })),
      score: asked.score,
      hardness: asked.hardness,
      kept: keptSet.has(i),
      ...(hardest.has(i) ? { image } : {}),
    });
  }
  return { lines, pictures };
}
