import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EnvironmentLink } from "../../trainer/environments/environment-link.js";
import { openEnvironments } from "../../trainer/environments/open-environments.js";
import { question, sampleQuestions } from "../../trainer/evaluation/questions.js";
import { silent } from "../../trainer/progress.js";
import { type Episodes, playEpisodes } from "../../trainer/rls3/episodes.js";
import type { Agent } from "../../trainer/sac/agent.js";
import { RandomAgent } from "../../trainer/sac/random-agent.js";
import { type Configuration, resolveConfiguration } from "../../trainer/settings/configuration.js";

const SIZE = 32;
const configuration: Configuration = resolveConfiguration([
  { name: "test", values: { E: 4, T0: 15, seed: 11, agent: "random" } },
]);

const episodesOf = (environments: EnvironmentLink, agent: Agent, settings: Configuration, iteration: number) =>
  playEpisodes({ environments, agent, progress: silent }, settings, iteration);

/** Puts the first object (a wide one) into the corner, through the walls: none of its placements is valid. */
class Outside extends RandomAgent implements Agent {
  override async act(observations: readonly unknown[]): Promise<Float32Array> {
    return Float32Array.from(observations.flatMap(() => [0, -1, 1, 1, 1, 0]));
  }
}

describe("an iteration's episodes", () => {
  let environments: EnvironmentLink;
  let episodes: Episodes;
  beforeAll(async () => {
    environments = await openEnvironments({ env: "embedded", world: "rooms", count: 4, imageSize: SIZE }, silent);
    episodes = await episodesOf(environments, new RandomAgent(), configuration, 1);
  });
  afterAll(() => environments.close());

  it("have T₀ valid samples each, and end with the last of them", () => {
    expect(episodes.samples).toHaveLength(4 * 15);
    for (const steps of episodes.steps) {
      expect(steps.filter((step) => step.sample !== null)).toHaveLength(15);
      expect(steps.length).toBeLessThanOrEqual(6 * 15);
      // The value continues into the next episode.
      expect(steps.map((step) => step.next.progress === 0)).toEqual(
        steps.map((step, i) => i === steps.length - 1 || (step.sample === null && step.observation.progress === 0)),
      );
    }
  });

  it("count every step under its reason", () => {
    const steps = episodes.steps.flat();
    expect(episodes.reasons.reduce((sum, count) => sum + count, 0)).toBe(steps.length);
    expect(episodes.reasons[0]).toBe(60);
    expect(steps.every((step) => (step.reason === 0) === (step.sample !== null))).toBe(true);
  });

  it("change the scene after each T₀ / 5 valid samples, through all five", () => {
    for (const steps of episodes.steps) {
      let valid = 0;
      const scenes = new Set<number>();
      let last = steps[0]?.observation.scene;
      for (const { observation, sample } of steps) {
        if (observation.scene !== last) expect(valid % 3).toBe(0);
        last = observation.scene;
        scenes.add(observation.scene);
        valid += sample === null ? 0 : 1;
      }
      expect(scenes.size).toBe(5);
    }
  });

  it("leave the state as it was where the placement is invalid, and swap one object where it is valid", () => {
    for (const { observation, next, sample } of episodes.steps.flat()) {
      const swapped = [0, 5, 10].filter((at) => observation.objects[at] !== next.objects[at]);
      expect(swapped).toHaveLength(sample === null ? 0 : 1);
      if (sample !== null) expect(episodes.samples[sample]?.slot).toBe((swapped[0] ?? -5) / 5);
    }
  });

  it("have a picture of each sample as it was, not as it became", async () => {
    expect(new Set(episodes.samples.map((sample) => Buffer.from(sample.image).toString("base64"))).size).toBe(60);
    // The last sample of each episode is what its environment still shows.
    const now = await environments.images([0, 1, 2, 3]);
    for (const [e, image] of now.entries()) {
      const last = episodes.samples.filter((sample) => sample.episode === e).at(-1);
      expect(Buffer.from(last?.image ?? []).equals(Buffer.from(image ?? []))).toBe(true);
    }
  });

  it("are the same for the same seed and iteration, and others for another", async () => {
    const agent = new RandomAgent();
    const again = await episodesOf(environments, agent, configuration, 1);
    expect(isDeepStrictEqual(again, episodes)).toBe(true);
    const other = await episodesOf(environments, agent, configuration, 2);
    expect(other.samples[0]?.objects).not.toEqual(episodes.samples[0]?.objects);
  });

  it("stop at the step limit where nothing is valid", async () => {
    const hopeless = await episodesOf(environments, new Outside(), configuration, 1);
    expect(hopeless.samples).toHaveLength(0);
    for (const steps of hopeless.steps) {
      expect(steps).toHaveLength(90);
    }
  });

  it("are asked about in both orders, with the relation inverted accordingly", () => {
    const [sample] = episodes.samples;
    if (sample === undefined) throw new Error("no sample");
    for (const asked of sampleQuestions(environments.world, sample)) {
      const slot = (index: number): number => [0, 5, 10].findIndex((at) => sample.objects[at] === index);
      const back = question(environments.world, sample, slot(asked.second), slot(asked.first));
      expect([back?.first, back?.second]).toEqual([asked.second, asked.first]);
    }
  });
});

/** Stopped while pictures of earlier placements are under way. */
class StoppedThinking extends RandomAgent implements Agent {
  private calls = 0;
  constructor(private readonly stop: () => void) {
    super();
  }
  override async act(...given: Parameters<RandomAgent["act"]>): Promise<Float32Array> {
    if (++this.calls === 4) {
      this.stop();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return super.act(...given);
  }
}

describe("episodes that are stopped", () => {
  it("end with the reason alone, wherever they were: nothing else can fail afterwards", async () => {
    const stopping = new AbortController();
    const reason = new Error("stopped");
    const unheard: unknown[] = [];
    const hear = (error: unknown): void => void unheard.push(error);
    process.on("unhandledRejection", hear);
    const request = { env: "embedded", world: "rooms", count: 4, imageSize: SIZE };
    const environments = await openEnvironments(request, silent, stopping.signal);
    try {
      const agent = new StoppedThinking(() => stopping.abort(reason));
      await expect(episodesOf(environments, agent, configuration, 1)).rejects.toBe(reason);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(unheard).toEqual([]);
    } finally {
      process.off("unhandledRejection", hear);
      await environments.close();
    }
  });
});
