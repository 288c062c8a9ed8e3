/** @file Results of a plugin's hooks are checked, and their errors name plugin and hook. */
import { describe, expect, it } from "vitest";
import type { World } from "../../trainer/environments/served-world.js";
import { InputError, UnavailableError } from "../../trainer/errors.js";
import { LoadedPlugin } from "../../trainer/plugins/loaded.js";
import type { Plugin } from "../../trainer/plugins/plugin.js";
import { Random } from "../../trainer/random/random.js";
import type { FoundSample, Parts } from "../../trainer/rls3/loop.js";
import type { AgentOptions } from "../../trainer/sac/agent-options.js";
import { RandomAgent } from "../../trainer/sac/random-agent.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";

const configuration = resolveConfiguration([{ name: "test", values: { seed: 4 } }]);
const world = {} as World;
const samples = [0, 1, 2].map((step) => ({ episode: 1, step: 10 + step }) as FoundSample);
const loaded = (parts: Omit<Plugin, "name">): LoadedPlugin =>
  new LoadedPlugin({ file: "/nowhere/mine.mjs", sha256: "0" }, { name: "mine", ...parts });

/** What the loop gets for this result of the reward. */
const paid = (gives: unknown) =>
  loaded({ reward: () => gives as readonly number[] }).pay(configuration, world)?.(samples, 5);

describe("a plugin's reward", () => {
  it("is a number for each sample, in an array of any kind, possibly asynchronous", async () => {
    expect(await paid([1, 0, -2])).toEqual([1, 0, -2]);
    expect(await paid(Float64Array.of(0.5, 0, 1))).toEqual([0.5, 0, 1]);
    expect(await paid(Promise.resolve([0, 0, 0]))).toEqual([0, 0, 0]);
    expect(loaded({}).pay(configuration, world)).toBeUndefined();
  });

  it.each([
    [
      "NaN",
      [0, Number.NaN, 0],
      "gave NaN for sample 1 of iteration 5 (episode 1, step 11); it must be a finite number",
    ],
    ["an infinite one", [0, 0, -1 / 0], "gave -Infinity for sample 2 of iteration 5 (episode 1, step 12)"],
    ["a text", ["1", 0, 0], "gave 1 for sample 0 of iteration 5"],
    ["nothing for one", [0, undefined, 0], "gave undefined for sample 1"],
    ["too few", [0, 0], "gave 2 numbers for the 3 samples of iteration 5; it gives one for each"],
    ["no list", undefined, "gave no list in iteration 5; it gives a number for each of the 3 samples"],
  ])("that is %s is refused", async (_what, gives, message) => {
    const paying = paid(gives);
    await expect(paying).rejects.toThrow(InputError);
    await expect(paying).rejects.toThrow(`plugin mine: reward ${message}`);
  });

  it("draws the same random numbers for the same seed and iteration, and others for others", async () => {
    const draws = (seed: number, iteration: number) =>
      loaded({ reward: (all, { random }) => all.map(() => random.float()) }).pay({ ...configuration, seed }, world)?.(
        samples,
        iteration,
      );
    expect(await draws(4, 1)).toEqual(await draws(4, 1));
    expect(await draws(4, 1)).not.toEqual(await draws(4, 2));
    expect(await draws(4, 1)).not.toEqual(await draws(5, 1));
  });

  it("that throws is reported in one line, whatever it throws; UnavailableError keeps its type", async () => {
    const throwing = (error: unknown) =>
      loaded({
        reward: () => {
          throw error;
        },
      }).pay(configuration, world)?.(samples, 1);
    await expect(throwing(new TypeError("no\n  luck"))).rejects.toThrow(
      /^plugin mine: reward threw TypeError: no luck$/,
    );
    await expect(throwing("enough")).rejects.toThrow(new InputError("plugin mine: reward threw enough"));
    await expect(throwing(new UnavailableError("no GPU"))).rejects.toThrow(UnavailableError);
  });
});

describe("a plugin's evaluation", () => {
  const parts = { environments: { world } } as unknown as Parts;
  const measured = (gives: unknown) =>
    loaded({
      evaluation: { metrics: ["a", "b"], measure: () => gives as Readonly<Record<string, number>> },
    }).measure(parts, configuration, 2);

  it("has each of its metrics, null where it is not measured", async () => {
    expect(await measured({ b: 2, a: 1 })).toEqual({ a: 1, b: 2 });
    expect(await measured({ a: null })).toEqual({ a: null, b: null });
    expect(await loaded({}).measure(parts, configuration, 2)).toEqual({});
  });

  it.each([
    [{ a: Number.NaN }, "gave NaN for a in iteration 2; it must be a finite number"],
    [{ a: "1" }, "gave 1 for a in iteration 2"],
    [{ c: 1 }, 'gave "c", which is not among its metrics: a, b'],
    [3, "gave no object of metrics"],
    [null, "gave no object of metrics"],
  ])("that gives %j is refused", async (gives, message) => {
    await expect(measured(gives)).rejects.toThrow(`plugin mine: evaluation.measure ${message}`);
  });
});

describe("a plugin's agent", () => {
  const options = {} as AgentOptions;
  const acting = async (changes: object) => {
    const agent = Object.assign(new RandomAgent(), changes);
    const opened = await loaded({ agent: () => agent }).openAgent(options);
    return opened.act(
      [0, 1].map((scene) => ({ scene, objects: new Int32Array(), progress: 0 })),
      Random.stream(1, "test"),
    );
  };

  it("behaves the same as without checks", async () => {
    expect((await acting({})).length).toBe(12);
    const opened = await loaded({ agent: () => new RandomAgent() }).openAgent(options);
    expect([opened.name, opened.description]).toEqual(["random", "random, which learns nothing"]);
  });

  it.each([
    [
      { act: async () => new Float32Array(5) },
      "agent.act gave 5 elements for 2 observations; it is a Float32Array of 12",
    ],
    [{ act: async () => [1, 2] }, "agent.act gave object for 2 observations"],
    [
      { act: async () => new Float32Array(12).fill(Number.NaN, 7) },
      "agent.act gave NaN as element 1 of action 1; actions are from −1 to 1",
    ],
    [{ act: async () => new Float32Array(12).fill(1.5) }, "agent.act gave 1.5 as element 0 of action 0"],
    [{ act: null }, "agent gave an agent without act"],
  ])("%# is refused", async (changes, message) => {
    await expect(acting(changes)).rejects.toThrow(`plugin mine: ${message}`);
  });

  const opened = (changes: object) =>
    loaded({ agent: () => Object.assign(new RandomAgent(), changes) }).openAgent(options);
  const random = Random.stream(1, "test");

  it("has a state of tensors, each with the array of its type, filled", async () => {
    const stating = async (state: unknown) => (await opened({ state: async () => state })).state();
    const weights = { type: "float32", dims: [2], data: Float32Array.of(1, 2) };
    expect(await stating({ weights })).toEqual({ weights });
    expect(await stating({})).toEqual({});
    const refused: readonly (readonly [unknown, string])[] = [
      [undefined, "gave no object of tensors"],
      [[], "gave no object of tensors"],
      [{ weights: [1, 2] }, 'gave "weights", which has the type undefined; known are float32'],
      [{ weights: { ...weights, type: "float16" } }, 'gave "weights", which has the type float16'],
      [{ weights: { ...weights, data: [1, 2] } }, "data of the type Array; it needs a Float32Array"],
      [{ weights: { ...weights, data: Float64Array.of(1, 2) } }, "data of the type Float64Array"],
      [{ weights: { ...weights, dims: [3] } }, "has 2 elements, and its dims are [3]"],
      [{ weights: { ...weights, dims: 2 } }, "has the dims 2"],
    ];
    for (const [state, message] of refused) {
      await expect(stating(state)).rejects.toThrow(InputError);
      await expect(stating(state)).rejects.toThrow("plugin mine: agent.state gave");
      await expect(stating(state)).rejects.toThrow(message);
    }
  });

  it("gives finite statistics", async () => {
    const updating = async (gives: unknown) => (await opened({ update: async () => gives })).update(1, random);
    const learning = async (gives: unknown) =>
      (await opened({ pretrain: async () => gives })).pretrain([], 1, random, () => undefined);
    expect(await updating({ loss: 1 })).toEqual({ loss: 1 });
    await expect(updating(undefined)).rejects.toThrow("plugin mine: agent.update gave no object of statistics");
    await expect(updating({ loss: "low" })).rejects.toThrow("plugin mine: agent.update gave low for loss");
    await expect(learning(null)).rejects.toThrow("plugin mine: agent.pretrain gave no object of statistics");
    await expect(learning({ loss: Number.NaN })).rejects.toThrow("plugin mine: agent.pretrain gave NaN for loss");
  });

  it("remembers at once: a promise is refused, and its error ends no process", async () => {
    const agent = await opened({ remember: async () => Promise.reject(new Error("late")) });
    expect(() => agent.remember([])).toThrow("plugin mine: agent.remember gave a promise, which is not awaited");
  });

  it("that is stopped while it learns ends like the run, and is not blamed", async () => {
    class Interrupted extends Error {}
    const learning = {
      pretrain: async (_transitions: unknown, _updates: number, _random: Random, progress: (done: number) => void) => {
        progress(1);
        return {};
      },
    };
    const agent = await loaded({ agent: () => Object.assign(new RandomAgent(), learning) }).openAgent(options);
    const stop = (): void => {
      throw new Interrupted("interrupted");
    };
    await expect(agent.pretrain([], 1, Random.stream(1, "test"), stop)).rejects.toThrow(Interrupted);
  });
});
