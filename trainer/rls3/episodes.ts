/** @file Plays E episodes of T₀ valid samples, in as many environments at once, through the protocol. */
import type { Op } from "../../protocol/index.js";
import { at } from "../at.js";
import type { EnvironmentLink, Observed } from "../environments/environment-link.js";
import { UnavailableError } from "../errors.js";
import type { Progress } from "../progress.js";
import { Random } from "../random/random.js";
import { OBJECT_FIELDS, REASONS } from "../rooms/index.js";
import type { Agent, AgentObservation } from "../sac/agent.js";
import { type Configuration, scenePeriod, stepsAtMost } from "../settings/configuration.js";

export interface Step {
  readonly observation: AgentObservation;
  readonly action: Float32Array;
  /** After an episode's last step this is a new episode's observation (progress 0): no step terminates the value. */
  readonly next: AgentObservation;
  /** The episode's last step: it has its T₀ samples, or has reached the step limit. */
  readonly last: boolean;
  readonly reason: number;
  /** Index in the iteration's samples; null where the placement was invalid. */
  readonly sample: number | null;
}

/** A valid placement: rendered, asked about and fine-tuned on. */
export interface Sample {
  readonly episode: number;
  readonly step: number;
  readonly scene: number;
  /** Int32 [A, 5]: catalog index, x, y, z (mm), yaw step. */
  readonly objects: Int32Array;
  /** The slot of the placed object. */
  readonly slot: number;
  /** u8 [size, size, 3] */
  readonly image: Uint8Array;
}

export interface Episodes {
  readonly steps: readonly (readonly Step[])[];
  readonly samples: readonly Sample[];
  /** Steps for each of REASONS (trainer/rooms); the first reason, none, marks valid steps. */
  readonly reasons: readonly number[];
}

export interface Players {
  readonly environments: EnvironmentLink;
  readonly agent: Agent;
  readonly progress: Progress;
}

/** An episode in progress. */
interface OpenEpisode {
  readonly index: number;
  readonly order: Int32Array;
  readonly steps: Step[];
  observation: AgentObservation;
  valid: number;
  resets: number;
}

/**
 * An iteration's episodes in progress: `rounds` plays one step of each at a time, and `result` returns the finished
 * episodes.
 */
export class Play {
  readonly #settings: Configuration;
  readonly #iteration: number;
  readonly #random: Random;
  readonly #episodes: readonly OpenEpisode[];
  readonly #samples: Omit<Sample, "image">[] = [];
  readonly #images: Promise<(Uint8Array | null)[]>[] = [];
  readonly #reasons = REASONS.map(() => 0);

  constructor(
    private readonly players: Players,
    settings: Configuration,
    iteration: number,
  ) {
    this.#settings = settings;
    this.#iteration = iteration;
    const { seed } = settings;
    this.#random = Random.stream(seed, "actions", iteration);
    const scenes = players.environments.world.scenes(settings.scenes);
    this.#episodes = Array.from({ length: settings.episodesPerIteration }, (_, index) => ({
      index,
      order: Random.stream(seed, "scenes", iteration, index)
        .permutation(scenes.length)
        .map((i) => at(scenes, i)),
      steps: [],
      observation: { scene: 0, objects: new Int32Array(), progress: 0 },
      valid: 0,
      resets: 0,
    }));
  }

  /** Yields the steps of each round; the agent may learn in between. */
  async *rounds(): AsyncGenerator<readonly Step[]> {
    const { agent, environments, progress } = this.players;
    progress.begin("episodes", this.#episodes.length * this.#settings.samplesPerEpisode, "samples");
    await this.#reset(this.#episodes);
    for (let open = this.#episodes; open.length > 0; ) {
      const actions = await agent.act(
        open.map((episode) => episode.observation),
        this.#random,
      );
      const width = actions.length / open.length;
      const chosen = open.map((_, i) => actions.slice(i * width, (i + 1) * width));
      const outcomes = await environments.observe(
        open.map(({ index }, i): Op => ({ env: index, op: "step", action: at(chosen, i) })),
      );
      const moved: OpenEpisode[] = [];
      const elsewhere: OpenEpisode[] = [];
      const steps = open.flatMap((episode, i): Step[] => {
        const outcome = at(outcomes, i);
        if (outcome.lost) {
          // The server died during the episode and was restarted. The step does not count; the episode goes on in a new
          // layout.
          elsewhere.push(episode);
          return [];
        }
        const step = this.#take(episode, at(chosen, i), outcome);
        if (step.sample !== null) {
          moved.push(episode);
          if (episode.valid % scenePeriod(this.#settings) === 0) elsewhere.push(episode);
        }
        return [step];
      });
      this.#picture(moved);
      open = open.filter((episode) => !this.#isOver(episode));
      if (steps.length > 0) yield steps;
      await this.#reset(elsewhere.filter((episode) => open.includes(episode)));
      progress.advance(this.#samples.length);
    }
  }

  /** All episodes with their samples and pictures; call it once the rounds are over. */
  async result(): Promise<Episodes> {
    const pictures = (await Promise.all(this.#images)).flat();
    this.players.progress.end();
    const steps = this.#episodes.map((episode) => episode.steps);
    return { ...withPictures(steps, this.#samples, pictures), reasons: this.#reasons };
  }

  #isOver({ valid, steps }: OpenEpisode): boolean {
    return valid >= this.#settings.samplesPerEpisode || steps.length >= stepsAtMost(this.#settings);
  }

  /** Records the outcome of an episode's placement. */
  #take(episode: OpenEpisode, action: Float32Array, outcome: Observed): Step {
    const valid = outcome.reason === 0;
    this.#reasons[outcome.reason] = at(this.#reasons, outcome.reason) + 1;
    if (valid) {
      episode.valid += 1;
      this.#samples.push({
        episode: episode.index,
        step: episode.steps.length,
        scene: outcome.scene,
        objects: outcome.objects,
        slot: movedSlot(episode.observation.objects, outcome.objects),
      });
    }
    const { observation } = episode;
    episode.observation = this.#see(episode, outcome);
    const last =
      episode.valid >= this.#settings.samplesPerEpisode || episode.steps.length + 1 >= stepsAtMost(this.#settings);
    const step: Step = {
      observation,
      action,
      next: last ? { ...episode.observation, progress: 0 } : episode.observation,
      last,
      reason: outcome.reason,
      sample: valid ? this.#samples.length - 1 : null,
    };
    episode.steps.push(step);
    return step;
  }

  /** Renders only valid placements, while the agent chooses the next actions: the server answers in order. */
  #picture(moved: readonly OpenEpisode[]): void {
    if (moved.length === 0) return;
    const pictures = this.players.environments.images(moved.map((episode) => episode.index));
    // Awaited at the end. Earlier failures and stops surface in the step that fails with them.
    pictures.catch(() => undefined);
    this.#images.push(pictures);
  }

  async #reset(which: readonly OpenEpisode[]): Promise<void> {
    if (which.length === 0) return;
    const observed = await this.players.environments.observe(which.map((episode) => this.#layout(episode)));
    for (const [i, episode] of which.entries()) episode.observation = this.#see(episode, at(observed, i));
  }

  /** The reset that puts an episode into its current scene, with its own layout. */
  #layout(episode: OpenEpisode): Op {
    const period = scenePeriod(this.#settings);
    const scene = at(episode.order, Math.floor(episode.valid / period) % episode.order.length);
    const draw = Random.stream(this.#settings.seed, "layout", this.#iteration, episode.index, episode.resets++);
    return { env: episode.index, op: "reset", seed: draw.uint32(), options: { scene } };
  }

  #see({ valid }: OpenEpisode, { scene, objects }: Observed): AgentObservation {
    return { scene, objects, progress: valid / this.#settings.samplesPerEpisode };
  }
}

/** An iteration's episodes, by an agent that learns nothing while it acts. */
export async function playEpisodes(players: Players, settings: Configuration, iteration: number): Promise<Episodes> {
  const play = new Play(players, settings, iteration);
  const rounds = play.rounds();
  while ((await rounds.next()).done !== true);
  return play.result();
}

/** Samples with their pictures. A sample is dropped where its picture was lost with the server. */
function withPictures(
  steps: readonly (readonly Step[])[],
  samples: readonly Omit<Sample, "image">[],
  pictures: readonly (Uint8Array | null)[],
): Pick<Episodes, "steps" | "samples"> {
  const index = new Map<number, number>();
  const pictured = samples.flatMap((sample, i): Sample[] => {
    const image = at(pictures, i);
    if (image === null) return [];
    index.set(i, index.size);
    return [{ ...sample, image }];
  });
  return {
    samples: pictured,
    steps: steps.map((episode) =>
      episode.flatMap((step) => {
        if (step.sample === null) return [step];
        const sample = index.get(step.sample);
        return sample === undefined ? [] : [{ ...step, sample }];
      }),
    ),
  };
}

/** The placed object was inactive before, so exactly one slot's catalog index differs. */
function movedSlot(before: Int32Array, after: Int32Array): number {
  for (let field = 0; field < after.length; field += OBJECT_FIELDS) {
    if (before[field] !== after[field]) return field / OBJECT_FIELDS;
  }
  throw new UnavailableError("the environment server calls a placement valid that puts no new object into any slot");
}
