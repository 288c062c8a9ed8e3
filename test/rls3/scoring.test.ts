/** @file The value of samples: from the answers of a model that answers, and from the preferences of one that ranks. */
import { describe, expect, it } from "vitest";
import { World } from "../../trainer/environments/served-world.js";
import { CAPTIONS, codeTerms } from "../../trainer/language/index.js";
import type { Sample } from "../../trainer/rls3/episodes.js";
import { type RewardOptions, rewards } from "../../trainer/rls3/reward.js";
import { scoreSamples } from "../../trainer/rls3/scoring.js";
import { ACTION_SPEC, loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import type { ScoreFrom } from "../../trainer/settings/signal-names.js";
import { AnsweringModel } from "../answering-model.js";

const catalog = loadCatalog("rooms");
const world = new World(catalog, { action: ACTION_SPEC, catalog: roomsDefinition(catalog).catalog ?? null });
const [BOTTLE = 0, PLATE = 0, BOWL = 0] = ["bottle", "plate", "purple bowl"].map((name) =>
  catalog.objects.findIndex((object) => object.name === name),
);

/** A bottle, just placed, between a plate and a bowl: in a row, the bottle on a shelf and the others on the floor. */
const sample: Sample = {
  ...{ episode: 0, step: 0, scene: 0, slot: 0, image: new Uint8Array(12) },
  objects: Int32Array.from([BOTTLE, 0, 900, 0, 0, PLATE, 300, 0, 0, 0, BOWL, -300, 0, 0, 0]),
};
const one = async (model: AnsweringModel, from: ScoreFrom = "flips") => {
  const [scored] = await scoreSamples(model, world, [sample], from);
  if (scored === undefined) throw new Error("a sample is scored");
  return scored;
};

const paper: RewardOptions = {
  extrinsicWeight: 1,
  reward: "episode",
  signal: "difficulty",
  paidMargin: 0,
  rareTerms: 0,
  hardnessMean: 0.3,
  hardnessCap: 4,
};
/** β·J₂ of an episode with only this sample. */
const paid = (scored: Awaited<ReturnType<typeof one>>): number | undefined =>
  rewards([[{ sample: 0 }]], [scored], paper)[0]?.[0]?.extrinsic;

describe("p of a sample", () => {
  it("is taken from the flips, from the right answer alone, or from what is said", async () => {
    const rule = new AnsweringModel();
    const by = async (from: ScoreFrom) => (await one(rule, from)).probability ?? Number.NaN;
    const { pairs } = await one(rule);
    const moved = pairs.filter(({ slots }) => slots.includes(0));
    const meanOf = (value: (pair: (typeof pairs)[number]) => number): number =>
      moved.reduce((sum, pair) => sum + value(pair), 0) / moved.length;
    expect(await by("flips")).toBeCloseTo(
      meanOf(({ answer }) => answer.probability),
      12,
    );
    expect(await by("likelihood")).toBeCloseTo(
      meanOf(({ answer }) => answer.likelihood),
      12,
    );
    expect(await by("spoken")).toBe(1);
    const mute = new AnsweringModel({ says: () => "" });
    expect((await one(mute, "spoken")).probability).toBe(0);
  });
});

describe("a model that answers", () => {
  it("scores 1 by the rubric where its answer is right, and J₂ is (6 − 5)²", async () => {
    const scored = await one(new AnsweringModel());
    expect(scored.rubric).toBe(1);
    expect(paid(scored)).toBe(1);
    for (const { prompt, right, said, code } of scored.pairs) {
      expect(prompt).toMatch(/^answer en where is the .* relative to the .*\?$/);
      expect(said).toEqual({ text: right, parsed: true, f1: 1 });
      for (const term of codeTerms(code)) expect(right).toContain(term);
    }
  });

  it("scores 0 where its answer cannot be parsed, however likely the right one is: S is 1, J₂ 25", async () => {
    const scored = await one(
      new AnsweringModel({ says: () => "on table", likelihood: (text) => (text === "behind" ? 0 : -9) }),
    );
    expect(scored.rubric).toBe(0);
    expect(paid(scored)).toBe(25);
    expect(scored.pairs.map(({ said }) => said)).toEqual(
      scored.pairs.map(() => ({ text: "on table", parsed: false, f1: 0 })),
    );
  });

  it("scores the mean F1 of its terms over the pairs", async () => {
    const scored = await one(new AnsweringModel({ says: () => "above" }));
    const f1 = scored.pairs.map(({ code }) =>
      codeTerms(code).includes("above") ? 2 / (1 + codeTerms(code).length) : 0,
    );
    // Plate and bowl are side by side: "above" is wrong for them, but the model says it.
    expect(new Set(f1).size).toBeGreaterThan(1);
    expect(scored.pairs.map(({ said }) => said?.f1)).toEqual(f1);
    expect(scored.pairs.every(({ said }) => said?.parsed === true)).toBe(true);
    expect(scored.rubric).toBeCloseTo(f1.reduce((sum, value) => sum + value, 0) / f1.length, 12);
  });

  it("has p of its right answers, and S and h from that, whatever it says", async () => {
    const likelihood = (text: string): number => (text.includes("above") ? 1 : 0);
    const [silent, wrong] = await Promise.all([
      one(new AnsweringModel({ likelihood, says: () => "" })),
      one(new AnsweringModel({ likelihood, says: () => "below" })),
    ]);
    expect(silent.probability).toBe(wrong.probability);
    expect([silent.score, silent.hardness]).toEqual([wrong.score, wrong.hardness]);
    const of = silent.pairs.filter(({ slots }) => slots.includes(0)).map(({ answer }) => answer.probability);
    expect(silent.probability).toBeCloseTo(of.reduce((sum, value) => sum + value, 0) / of.length, 12);
    expect(silent.score).toBeCloseTo(1 + 4 * (silent.probability ?? 0), 12);
  });
});

it("a model that ranks scores the share of pairs with the right caption above its full flip, and says nothing", async () => {
  const likelihood = (text: string): number => (text.includes("above") ? 1 : 0);
  const scored = await one(new AnsweringModel({ phrasing: CAPTIONS, likelihood }));
  const beats = scored.pairs.map(({ code }) => (codeTerms(code).includes("above") ? 1 : 0));
  expect(scored.rubric).toBe(beats.filter(Boolean).length / beats.length);
  expect(new Set(beats).size).toBe(2);
  for (const { prompt, said, right } of scored.pairs) {
    expect([prompt, said]).toEqual([null, null]);
    expect(right).toMatch(/^The .* the .*\.$/);
  }
});
