/** @file E episodes of T₀ valid samples, on as many environments at once, through the protocol. */
import type { Op } from "../../protocol/index.js";
import { Random } from "../random/random.js";
import type { Agent, AgentObservation } from "../sac/agent.js";
import { type Configuration, scenePeriod, stepsAtMost } from "./configuration.js";
import type { EnvironmentLink, Observed } from "./environment-link.js";
import type { Progress } from "./progress.js";

/** Why a placement was invalid, by design/environment.md's order; 0 is valid. */
export const REASONS = ["valid", "bounds", "unsupported", "furniture", "object", "hidden"] as const;

export interface Step {
  readonly observation: AgentObservation;
  readonly action: Float32Array;
  /** After an episode's last step a new one begins (progress 0): no step ends the value. */
  readonly next: AgentObservation;
  /** The episode's last: it has its T₀ samples, or has come to the step limit. */
  readonly last: boolean;
  readonly reason: number;
  /** Index among the iteration's samples; null where the placement was invalid. */
  readonly sample: number | null;
}

/** A valid placement: what is rendered, asked about and fine-tuned on. */
export interface Sample {
  readonly episode: number;
  readonly step: number;
  readonly scene: number;
  /** Int32 [A, 5]: catalog index, x, y, z (mm), yaw step. */
  readonly objects: Int32Array;
  /** The slot whose object was placed. */
  readonly slot: number;
  /** u8 [size, size, 3] */
  readonly image: Uint8Array;
}

export interface Episodes {
  readonly steps: readonly (readonly Step[])[];
  readonly samples: readonly Sample[];
  /** Steps for each of REASONS. */
  readonly reasons: readonly number[];
}

/** An episode while it is being made. */
interface OpenEpisode {
  readonly index: number;
  readonly order: Int32Array;
  readonly steps: Step[];
  observation: AgentObservation;
  valid: number;
  resets: number;
}

export async function generateEpisodes(
  environments: EnvironmentLink,
  agent: Agent,
  configuration: Configuration,
  iteration: number,
  progress: Progress,
  whileActing: ((round: readonly Step[]) => Promise<void>) | null = null,
): Promise<Episodes> {
  const { seed, episodesPerIteration: count, samplesPerEpisode } = configuration;
  const period = scenePeriod(configuration);
  const limit = stepsAtMost(configuration);
  const random = Random.stream(seed, "actions", iteration);
  const reasons = REASONS.map(() => 0);
  const samples: Omit<Sample, "image">[] = [];
  const images: Promise<(Uint8Array | null)[]>[] = [];

  const episodes = Array.from({ length: count }, (_, index): OpenEpisode => {
    const order = Random.stream(seed, "scenes", iteration, index).permutation(environments.world.scenes);
    return {
      index,
      order,
      steps: [],
      observation: { scene: 0, objects: new Int32Array(), progress: 0 },
      valid: 0,
      resets: 0,
    };
  });
  /** The reset that puts an episode into its current scene, with a layout of its own. */
  const layout = (episode: OpenEpisode): Op => {
    const scene = episode.order[Math.floor(episode.valid / period) % episode.order.length] ?? 0;
    const draw = Random.stream(seed, "layout", iteration, episode.index, episode.resets++);
    return { env: episode.index, op: "reset", seed: draw.uint32(), options: { scene } };
  };
  const see = (episode: OpenEpisode, { scene, objects }: Observed): AgentObservation => ({
    scene,
    objects,
    progress: episode.valid / samplesPerEpisode,
  });
  const reset = async (which: readonly OpenEpisode[]): Promise<void> => {
    if (which.length === 0) return;
    const observed = await environments.observe(which.map(layout));
    for (const [i, episode] of which.entries()) {
      const state = observed[i];
      if (state !== undefined) episode.observation = see(episode, state);
    }
  };

  progress.begin("episodes", count * samplesPerEpisode, "samples");
  await reset(episodes);
  let open = episodes;
  while (open.length > 0) {
    const actions = await agent.act(
      open.map((episode) => episode.observation),
      random,
    );
    const width = actions.length / open.length;
    const chosen = open.map((_, i) => actions.slice(i * width, (i + 1) * width));
    const outcomes = await environments.observe(
      open.map((episode, i): Op => ({ env: episode.index, op: "step", action: chosen[i] ?? new Float32Array(width) })),
    );
    const round: Step[] = [];
    const moved: OpenEpisode[] = [];
    const elsewhere: OpenEpisode[] = [];
    for (const [i, episode] of open.entries()) {
      const outcome = outcomes[i];
      const action = chosen[i];
      if (outcome === undefined || action === undefined) continue;
      if (outcome.lost) {
        // The server died under the episode and was restarted: the step never happened, and the episode goes on in a new layout.
        elsewhere.push(episode);
        continue;
      }
      const valid = outcome.reason === 0;
      reasons[outcome.reason] = (reasons[outcome.reason] ?? 0) + 1;
      if (valid) episode.valid += 1;
      const next = see(episode, outcome);
      const last = episode.valid >= samplesPerEpisode || episode.steps.length + 1 >= limit;
      if (valid) {
        samples.push({
          episode: episode.index,
          step: episode.steps.length,
          scene: outcome.scene,
          objects: outcome.objects,
          slot: movedSlot(episode.observation.objects, outcome.objects),
        });
        moved.push(episode);
        if (episode.valid % period === 0) elsewhere.push(episode);
      }
      const step: Step = {
        observation: episode.observation,
        action,
        next: last ? { ...next, progress: 0 } : next,
        last,
        reason: outcome.reason,
        sample: valid ? samples.length - 1 : null,
      };
      episode.steps.push(step);
      round.push(step);
      episode.observation = next;
    }
    // Only valid placements are rendered, and while the agent chooses the next actions: the server answers in order.
    if (moved.length > 0) {
      const pictures = environments.images(moved.map((episode) => episode.index));
      // Waited for at the end; what fails or is stopped before then is told by the step that fails with it.
      pictures.catch(() => undefined);
      images.push(pictures);
    }
    open = open.filter((episode) => episode.valid < samplesPerEpisode && episode.steps.length < limit);
    if (round.length > 0) await whileActing?.(round);
    await reset(elsewhere.filter((episode) => open.includes(episode)));
    progress.advance(samples.length);
  }
  const pictures = (await Promise.all(images)).flat();
  progress.end();
  const made = episodes.map((episode) => episode.steps);
  return { ...withPictures(made, samples, pictures), reasons };
}

/** Samples with their pictures. One whose picture was lost with its server never happened. */
function withPictures(
  steps: readonly (readonly Step[])[],
  samples: readonly Omit<Sample, "image">[],
  pictures: readonly (Uint8Array | null)[],
): Pick<Episodes, "steps" | "samples"> {
  const index = new Map<number, number>();
  const kept = samples.flatMap((sample, i): Sample[] => {
    const image = pictures[i] ?? null;
    if (image === null) return [];
    index.set(i, index.size);
    return [{ ...sample, image }];
  });
  return {
    samples: kept,
    steps: steps.map((episode) =>
      episode.flatMap((step) => {
        if (step.sample === null) return [step];
        const sample = index.get(step.sample);
        return sample === undefined ? [] : [{ ...step, sample }];
      }),
    ),
  };
}

/** The incoming object was not active before, so exactly one slot's catalog index differs. */
function movedSlot(before: Int32Array, after: Int32Array): number {
  for (let at = 0; at < after.length; at += 5) {
    if (before[at] !== after[at]) return at / 5;
  }
  return 0;
}
