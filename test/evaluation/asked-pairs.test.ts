/**
 * @file Pairs whose bases contradict their vertical term are never in a test set, never trained on, and pay nothing.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VectorEnvironment } from "../../protocol/index.js";
import { EnvironmentLink } from "../../trainer/environments/environment-link.js";
import { World } from "../../trainer/environments/served-world.js";
import type { TestSet, TestSets } from "../../trainer/evaluation/evaluation.js";
import { sampleQuestions } from "../../trainer/evaluation/questions.js";
import { decodeTestSet, encodeTestSet } from "../../trainer/evaluation/test-sets.js";
import { CAPTIONS, codeTerms } from "../../trainer/language/index.js";
import { silent } from "../../trainer/progress.js";
import { Random } from "../../trainer/random/random.js";
import type { Sample } from "../../trainer/rls3/episodes.js";
import { fineTune, subsample } from "../../trainer/rls3/fine-tuning.js";
import { type RewardOptions, rewards } from "../../trainer/rls3/reward.js";
import { scoreSamples } from "../../trainer/rls3/scoring.js";
import { ACTION_SPEC, type Catalog, loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { prepare } from "../../trainer/runs/preparation.js";
import { type Configuration, resolveConfiguration } from "../../trainer/settings/configuration.js";
import type { CaptionSet, ImageBatch, VisionLanguageModel } from "../../trainer/vlm/model.js";
import { WORLDS } from "../rooms/worlds.js";

const parent = mkdtempSync(path.join(tmpdir(), "rls3-asked-"));
afterAll(() => rmSync(parent, { recursive: true }));

const worldOf = (catalog: Catalog): World =>
  new World(catalog, { action: ACTION_SPEC, catalog: roomsDefinition(catalog).catalog ?? null });

/** The rule for two slots, written independently: the object said to be above stands more than 1 cm higher. */
function sayable(objects: Int32Array, first: number, second: number, code: number): boolean {
  const higher = (objects[first * 5 + 2] ?? 0) - (objects[second * 5 + 2] ?? 0);
  const terms = codeTerms(code);
  return terms.includes("above") ? higher > 10 : terms.includes("below") ? higher < -10 : true;
}

/**
 * Environments in this process with pictures that encode the number of their state: 2 × 2 pixels, the number in the
 * first bytes.
 */
class NumberedStates extends EnvironmentLink {
  readonly states: Int32Array[] = [];
  private readonly environments;
  private readonly now: Int32Array[] = [];

  constructor(catalog: Catalog, count: number) {
    super(undefined as unknown as VectorEnvironment, worldOf(catalog), count, undefined);
    const { create } = roomsDefinition(catalog);
    this.environments = Array.from({ length: count }, (_, index) => create(index));
  }

  override async observe(...[ops]: Parameters<EnvironmentLink["observe"]>) {
    return ops.map((op) => {
      const environment = this.environments[op.env];
      if (environment === undefined || op.op === "noop") throw new Error("only resets and steps are observed");
      const info =
        op.op === "reset"
          ? environment.reset(op.seed ?? 0, op.options ?? {})
          : environment.step(op.action as Float32Array).info;
      const objects = new Int32Array(this.world.catalog.rules.activeObjects * 5);
      const scene = new Int32Array(1);
      environment.observe("objects", objects);
      environment.observe("scene", scene);
      this.now[op.env] = objects;
      return { scene: scene[0] ?? 0, objects, reason: info["valid"] === false ? 1 : 0, lost: false };
    });
  }

  override async images(environments: readonly number[]): Promise<Uint8Array[]> {
    return environments.map((env) => {
      this.states.push(this.now[env] ?? new Int32Array());
      const image = new Uint8Array(12);
      new DataView(image.buffer).setUint32(0, this.states.length - 1);
      return image;
    });
  }

  stateIn(image: Uint8Array): Int32Array {
    return this.states[new DataView(image.buffer, image.byteOffset).getUint32(0)] ?? new Int32Array();
  }
}

describe.each(WORLDS)("the test sets of $name", (catalog) => {
  const environments = new NumberedStates(catalog, 16);
  let sets: TestSets;
  beforeAll(async () => {
    const configuration: Configuration = resolveConfiguration([
      {
        name: "test",
        values: {
          feasibilitySteps: 0,
          testImagesPerRelation: 40,
          validationImagesPerRelation: 10,
          naturalImages: 2000,
        },
      },
    ]);
    sets = (await prepare(path.join(parent, catalog.name), configuration, environments, 2, silent)).testSets;
  }, 120_000);

  const slotsOf = (image: Uint8Array, object: number): number =>
    environments.stateIn(image).findIndex((value, at) => at % 5 === 0 && value === object) / 5;

  it.each(["test", "validation", "natural"] as const)(
    "%s asks no pair whose bases contradict its vertical term",
    (name) => {
      const { images, questions } = sets[name];
      let vertical = 0;
      for (const [i, image] of images.entries()) {
        expect(questions[i]?.length).toBeGreaterThan(0);
        for (const { first, second, code } of questions[i] ?? []) {
          const objects = environments.stateIn(image);
          expect(sayable(objects, slotsOf(image, first), slotsOf(image, second), code)).toBe(true);
          vertical += codeTerms(code).some((term) => term === "above" || term === "below") ? 1 : 0;
        }
      }
      expect(vertical).toBeGreaterThan(50);
    },
  );

  it("natural leaves out exactly these pairs, and at least one of them", () => {
    const { images, questions } = sets.natural;
    const { activeObjects } = catalog.rules;
    const every = (activeObjects * (activeObjects - 1)) / 2;
    let leftOut = 0;
    for (const [i, image] of images.entries()) {
      const asked = new Set(questions[i]?.map(({ first, second }) => `${first} ${second}`));
      const objects = environments.stateIn(image);
      for (let a = 0; a < activeObjects; a++) {
        for (let b = a + 1; b < activeObjects; b++) {
          if (asked.has(`${objects[a * 5]} ${objects[b * 5]}`)) continue;
          leftOut += 1;
          // The picture does not tell the scene; the vertical term is the same in all scenes.
          const { code } = environments.world.relation(0, objects, a, b);
          expect(sayable(objects, a, b, code)).toBe(false);
        }
      }
      expect(asked.size).toBeLessThanOrEqual(every);
    }
    expect(leftOut).toBeGreaterThan(5);
  });

  it("are read back unchanged from their stored tensors", () => {
    for (const set of [sets.test, sets.natural]) expect(decodeTestSet(encodeTestSet(set))).toEqual(set);
    const uneven: TestSet = {
      images: [0, 1, 2].map((value) => new Uint8Array(12).fill(value)),
      questions: [[], [{ first: 1, second: 2, code: 3 }], [4, 5].map((code) => ({ first: 0, second: 1, code }))],
    };
    expect(decodeTestSet(encodeTestSet(uneven))).toEqual(uneven);
  });
});

const rooms = worldOf(loadCatalog("rooms"));
const [BOTTLE, PLATE, BOWL] = ["bottle", "plate", "purple bowl"].map((name) =>
  rooms.catalog.objects.findIndex((object) => object.name === name),
) as [number, number, number];

/** Objects [catalog index, x, y, z] on the scene's floor plan; the first one was placed. */
const sampleOf = (objects: readonly (readonly number[])[], episode = 0): Sample => ({
  episode,
  step: 0,
  scene: 0,
  objects: Int32Array.from(objects.flatMap((own) => [...own, 0])),
  slot: 0,
  image: new Uint8Array(12),
});
/** A bottle between a plate and a bowl on the floor: only plate and bowl can be asked about. */
const movedUnasked = sampleOf([
  [BOTTLE, 0, 0, 0],
  [PLATE, 300, 0, 0],
  [BOWL, -300, 0, 0],
]);
/** All within a few millimetres, so that every pair has "above" or "below". */
const nothingAsked = sampleOf([
  [BOTTLE, 0, 0, 0],
  [PLATE, 20, 0, 0],
  [BOWL, -20, 0, 0],
]);
/** The bottle on a shelf above both. */
const allAsked = sampleOf([
  [BOTTLE, 0, 900, 0],
  [PLATE, 300, 0, 0],
  [BOWL, -300, 0, 0],
]);

/** Prefers the right caption by one; counts its training examples. */
class Model {
  readonly phrasing = CAPTIONS;
  readonly trained: CaptionSet[][] = [];
  async score(_images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Float32Array[][]> {
    return captions.map((sets) => sets.map(({ wrong }) => Float32Array.from([1, ...wrong.map(() => 0)])));
  }
  async reply(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]) {
    const scored = await this.score(images, captions);
    return scored.map((sets) => sets.map((logits) => ({ logits, said: null })));
  }
  async fineTune(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]) {
    expect(captions).toHaveLength(images.count);
    this.trained.push(...captions.map((sets) => [...sets]));
    return { loss: 1, gradientNorm: 1 };
  }
}
const model = (own = new Model()): VisionLanguageModel => own as unknown as VisionLanguageModel;

describe("a sample", () => {
  it("is asked about the remaining pairs, in either order", () => {
    const asked = (sample: Sample): number[][] => sampleQuestions(rooms, sample).map(({ slots }) => [...slots]);
    expect(asked(nothingAsked)).toEqual([]);
    expect(asked(movedUnasked)).toEqual([[1, 2]]);
    expect(asked(allAsked)).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
    for (const sample of [nothingAsked, movedUnasked, allAsked]) {
      for (let seed = 0; seed < 10; seed++) {
        expect(sampleQuestions(rooms, sample, new Random(seed))).toHaveLength(asked(sample).length);
      }
    }
  });

  it("without a pair of the moved object has no S and h = 0; its other pairs are still asked about", async () => {
    const [none, moved, all] = await scoreSamples(model(), rooms, [nothingAsked, movedUnasked, allAsked]);
    expect(none).toEqual({
      ...{ probability: null, rubric: null, pairs: [], score: null, hardness: 0, movedTerms: [] },
      margin: Number.POSITIVE_INFINITY,
    });
    expect(moved).toMatchObject({ probability: null, rubric: 1, score: null, hardness: 0, movedTerms: [] });
    expect(moved?.pairs.map(({ right }) => right)).toEqual(["The plate is to the right of the purple bowl."]);
    expect(all?.pairs).toHaveLength(3);
    expect(all?.score).toBeGreaterThan(1);
    expect(all?.hardness).toBeGreaterThan(0);
  });

  it.each(["sample", "episode"] as const)(
    "without a pair that is asked pays h = 0 by the reward per %s",
    async (reward) => {
      const options: RewardOptions = {
        extrinsicWeight: 8,
        reward,
        signal: "difficulty",
        paidMargin: 0,
        rareTerms: 0,
        hardnessMean: 0.3,
        hardnessCap: 4,
      };
      const scored = await scoreSamples(model(), rooms, [nothingAsked, nothingAsked, allAsked]);
      const [paid = []] = rewards([[{ sample: 0 }, { sample: 1 }]], scored, options);
      expect(paid).toEqual(paid.map(() => ({ feasibility: 1, extrinsic: 0, hardness: 0 })));
      const [other] = rewards([[{ sample: 2 }]], scored, options)[0] ?? [];
      expect(other?.extrinsic).toBeGreaterThan(0);
    },
  );
});

describe("fine-tuning", () => {
  const tune = (own: Model, samples: readonly Sample[], kept: readonly number[]) => {
    const configuration = resolveConfiguration([{ name: "test", values: { batchSize: 2, epochs: 2 } }]);
    const parts = { model: model(own), environments: { world: rooms }, progress: silent };
    return fineTune(
      parts,
      kept.flatMap((i) => samples[i] ?? []),
      configuration,
      1,
    );
  };
  const drawn = async (samples: readonly Sample[], rate: number): Promise<number[]> =>
    subsample(samples, await scoreSamples(model(), rooms, samples), rate, new Random(1));

  it("takes no image without an askable pair, and η of the others", async () => {
    const samples = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? nothingAsked : movedUnasked));
    const kept = await drawn(samples, 0.5);
    expect(kept).toHaveLength(5);
    const own = new Model();
    expect((await tune(own, samples, kept)).loss).toBe(1);
    expect(own.trained).toHaveLength(10);
    for (const sets of own.trained) expect(sets).toHaveLength(1);
  });

  it("does no step and has no loss in an iteration without any askable pair", async () => {
    const samples = Array.from({ length: 6 }, (_, i) => ({ ...nothingAsked, episode: i % 2 }));
    const kept = await drawn(samples, 1);
    expect(kept).toEqual([]);
    const own = new Model();
    expect(await tune(own, samples, kept)).toEqual({ loss: null, gradientNorm: null });
    expect(own.trained).toEqual([]);
  });
});
