/** @file Records an iteration: a row of metrics, a row per episode, every sample, pictures of the hardest. */
import { at } from "../at.js";
import { encodePng } from "../environments/picture.js";
import { meanOrNull } from "../mean.js";
import type { Measured } from "../plugins/loaded.js";
import type { Progress } from "../progress.js";
import type { EventWriter } from "../report/tensorboard/event-writer.js";
import type { Sample } from "../rls3/episodes.js";
import type { Found, Iteration } from "../rls3/loop.js";
import type { AskedSample } from "../rls3/scoring.js";
import { OBJECT_FIELDS } from "../rooms/index.js";
import { REASON_NAMES, type SampleLine, TERM_COLUMNS, TERM_NAMES } from "../run-format/columns.js";
import { type Configuration, iterationsPlanned } from "../settings/configuration.js";
import type { RunDirectory } from "./run-directory.js";
import { newSignatures } from "./signatures.js";
import type { CsvRow } from "./table.js";

/** Number of pictures to store per iteration (unless all are), and of these in TensorBoard. */
const HARDEST = 16;
const HARDEST_IN_EVENTS = 4;

/** Mean S and mean h, over samples with an askable pair of the moved object. */
function means(samples: readonly AskedSample[]): { readonly score: number | null; readonly hardness: number | null } {
  const withQuestions = samples.flatMap(({ score, hardness }) => (score === null ? [] : [{ score, hardness }]));
  return {
    score: meanOrNull(withQuestions.map(({ score }) => score)),
    hardness: meanOrNull(withQuestions.map(({ hardness }) => hardness)),
  };
}

/** Share of the answers that name no relation, for a model that answers; null where nothing was said. */
const unparsed = (samples: readonly AskedSample[]): number | null =>
  meanOrNull(samples.flatMap(({ pairs }) => pairs.flatMap(({ said }) => (said === null ? [] : said.parsed ? 0 : 1))));

/** What `record` writes to and depends on. */
export interface Recording {
  readonly directory: RunDirectory;
  readonly events: EventWriter;
  readonly configuration: Configuration;
  readonly progress: Progress;
}

/** `measured`: the plugin's metrics of the iteration. */
export async function record(
  { directory, events, configuration, progress }: Recording,
  iteration: Iteration,
  measured: Measured,
): Promise<void> {
  const { state, found, test } = iteration;
  const row = metricsRow(configuration, iteration);
  directory.append("metrics.csv", [row]);
  if (Object.keys(measured).length > 0) {
    const { iteration: number, generated, valid } = state;
    directory.append("plugin.csv", [{ iteration: number, generated, valid, ...measured }]);
  }
  let hardest: readonly Uint8Array[] = [];
  if (found !== undefined) {
    directory.append("episodes.csv", episodeRows(state.iteration, found));
    const { lines, pictures } = await samples(state.iteration, found, directory.keepsPictures);
    directory.writeSamples(state.iteration, lines, pictures);
    hardest = [...pictures.values()].slice(0, HARDEST_IN_EVENTS);
  }
  events.iteration({ metrics: row, measured, pictures: hardest, finished: state.finished !== null });
  directory.log.info(row, "iteration");
  const rate = row["validRate"];
  progress.say(
    `iteration ${state.iteration}/${iterationsPlanned(configuration)}: one-term ${(100 * test.oneTerm).toFixed(1)} %` +
      (typeof rate === "number" ? `, ${(100 * rate).toFixed(0)} % of ${state.generated} placements valid` : ""),
  );
  progress.iterated(state.iteration);
  if (found === undefined) return;
  for (const line of newSignatures(directory.rows("metrics.csv"), configuration.agent)) {
    progress.warn(line);
    directory.log.warn({ iteration: state.iteration, signature: line });
  }
}

function metricsRow(configuration: Configuration, { state, test, natural, found }: Iteration): CsvRow {
  const statistics = found?.agentStatistics ?? {};
  const steps = found?.episodes.steps.reduce((sum, episode) => sum + episode.length, 0) ?? 0;
  const rewarded = found?.rewarded.flat() ?? [];
  // The first reason is that of valid steps.
  const [, ...reasons] = found?.episodes.reasons ?? [0, ...REASON_NAMES.map(() => 0)];
  const named = (name: string): number | null => statistics[name] ?? null;
  return {
    iteration: state.iteration,
    generated: state.generated,
    valid: state.valid,
    feasibilitySteps: configuration.feasibilitySteps,
    validRate: found === undefined ? null : found.episodes.samples.length / steps,
    ...Object.fromEntries(REASON_NAMES.map((name, i) => [name, at(reasons, i)])),
    accuracyFull: test.full,
    accuracyOneTerm: test.oneTerm,
    naturalFull: natural?.plain.full ?? null,
    naturalOneTerm: natural?.plain.oneTerm ?? null,
    ...means(found?.scored ?? []),
    rewardFeasibility: meanOrNull(rewarded.map((reward) => reward.feasibility)),
    rewardExtrinsic: meanOrNull(rewarded.map((reward) => reward.extrinsic)),
    fineTuneLoss: found?.tuned.loss ?? null,
    gradientNorm: found?.tuned.gradientNorm ?? null,
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
    unparsed: unparsed(found?.scored ?? []),
    testScore: test.score,
  };
}

function episodeRows(iteration: number, { episodes, scored, rewarded }: Found): CsvRow[] {
  return episodes.steps.map((steps, episode) => {
    const made = steps.flatMap(({ sample }) => (sample === null ? [] : [at(scored, sample)]));
    const rewards = at(rewarded, episode);
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
  { episodes, scored, kept }: Found,
  keepsPictures: boolean,
): Promise<{ lines: SampleLine[]; pictures: Map<string, Uint8Array> }> {
  const tunedOn = new Set(kept);
  const hardest = new Set(
    scored
      .flatMap(({ score, hardness }, i) => (score === null ? [] : [[hardness, i] as const]))
      .sort(([a, i], [b, j]) => b - a || i - j)
      .slice(0, HARDEST)
      .map(([, i]) => i),
  );
  const pictureOf = ({ episode, step }: Sample): string =>
    `${String(iteration).padStart(4, "0")}/episode${episode}-step${step}.png`;
  const pictures = new Map<string, Uint8Array>();
  for (const i of hardest) {
    const sample = at(episodes.samples, i);
    pictures.set(pictureOf(sample), await encodePng(sample.image));
  }
  const lines: SampleLine[] = [];
  for (const [i, sample] of episodes.samples.entries()) {
    const { pairs, score, hardness } = at(scored, i);
    const pictured = keepsPictures || hardest.has(i);
    if (pictured && !hardest.has(i)) pictures.set(pictureOf(sample), await encodePng(sample.image));
    lines.push({
      episode: sample.episode,
      step: sample.step,
      scene: sample.scene,
      objects: Array.from({ length: sample.objects.length / OBJECT_FIELDS }, (_, slot) =>
        Array.from(sample.objects.subarray(slot * OBJECT_FIELDS, (slot + 1) * OBJECT_FIELDS)),
      ),
      slot: sample.slot,
      captions: pairs.map(({ slots, prompt, right, preferred, answer, said, margin }) => ({
        slots,
        ...(prompt !== null && { prompt }),
        right,
        ...(said !== null && { said: said.text }),
        ...(preferred !== right && { answer: preferred }),
        probability: answer.probability,
        margin,
      })),
      score,
      hardness,
      kept: tunedOn.has(i),
      ...(pictured ? { image: pictureOf(sample) } : {}),
    });
  }
  return { lines, pictures };
}
