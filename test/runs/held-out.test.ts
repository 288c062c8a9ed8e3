/** @file Separate scenes for training and for testing. */
import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at } from "../../trainer/at.js";
import type { EnvironmentLink } from "../../trainer/environments/environment-link.js";
import { openEnvironments } from "../../trainer/environments/open-environments.js";
import { drawingFrom } from "../../trainer/environments/wander.js";
import { balancedSet } from "../../trainer/evaluation/test-sets.js";
import { type Progress, silent } from "../../trainer/progress.js";
import { playEpisodes } from "../../trainer/rls3/episodes.js";
import { prepare } from "../../trainer/runs/preparation.js";
import { RandomAgent } from "../../trainer/sac/random-agent.js";
import { type Configuration, resolveConfiguration } from "../../trainer/settings/configuration.js";
import { temporaryFolder } from "../temporary.js";
import { rls3, tiny } from "./runs.js";

const settings = (scenes: string, testScenes: string): Configuration =>
  resolveConfiguration([
    { name: "test", values: { E: 4, T0: 15, feasibilitySteps: 200, scenes, testScenes } },
    { name: "test", values: { testImagesPerRelation: 1, validationImagesPerRelation: 1, naturalImages: 8 } },
  ]);
const held = settings("bedroom, living room,dining room,green kitchen", "grey kitchen");

/** The scenes of drawn layouts, by their purpose. */
async function drawnIn(environments: EnvironmentLink, configuration: Configuration, folder: string) {
  const drawn = new Map<string, Set<number>>();
  let drawing = "transitions";
  const progress: Progress = {
    ...silent,
    begin: (name) => {
      drawing = name;
    },
  };
  const observe = environments.observe.bind(environments);
  environments.observe = async (ops) => {
    const states = await observe(ops);
    const seen = drawn.get(drawing) ?? new Set();
    for (const { scene } of states) drawn.set(drawing, seen.add(scene));
    return states;
  };
  try {
    await prepare(folder, configuration, environments, 32, progress);
  } finally {
    environments.observe = observe;
  }
  return Object.fromEntries([...drawn].map(([name, scenes]) => [name, [...scenes].sort()]));
}

describe("scenes that are held out", () => {
  let environments: EnvironmentLink;
  beforeAll(async () => {
    environments = await openEnvironments({ env: "embedded", world: "rooms", count: 4, imageSize: 32 }, silent);
  });
  afterAll(() => environments.close());

  it("are only those of the test set and the natural mix", async () => {
    const folder = temporaryFolder("held-out");
    const trained = [0, 1, 2, 3];
    const drawn = await drawnIn(environments, held, folder);
    expect(Object.keys(drawn)).toHaveLength(4);
    for (const [name, scenes] of Object.entries(drawn)) {
      expect([name, scenes]).toEqual([name, /^(test|natural)/.test(name) ? [4] : trained]);
    }
    // Data drawn for one choice of scenes is not used for another.
    const other = settings(held.scenes, "");
    await expect(prepare(folder, other, environments, 32, silent)).rejects.toThrow("another configuration");
  });

  it("are not used for episodes", async () => {
    const parts = { environments, agent: new RandomAgent(), progress: silent };
    const scenesOf = async (configuration: Configuration) => {
      const { samples } = await playEpisodes(parts, configuration, 1);
      return [...new Set(samples.map(({ scene }) => scene))].sort();
    };
    expect(await scenesOf(held)).toEqual([0, 1, 2, 3]);
    expect(await scenesOf(settings("grey kitchen", ""))).toEqual([4]);
    expect(await scenesOf(settings("", ""))).toEqual([0, 1, 2, 3, 4]);
  });

  it.each([
    ["train", "--scenes"],
    ["train", "--test-scenes"],
    ["compare", "--scenes"],
  ])("that do not exist are refused before %s %s writes anything", async (command, flag) => {
    const out = path.join(temporaryFolder("attic"), "out");
    const { code, err } = await rls3(command, ...tiny(1), flag, "attic", "--out", out);
    expect(code, err).toBe(2);
    expect(err).toContain(`rls3: ${flag}: the world rooms has no scene "attic", but: bedroom`);
    expect(existsSync(out)).toBe(false);
  });

  it("have the world's own names", () => {
    const { world } = environments;
    expect(world.scenes("grey kitchen, bedroom")).toEqual([0, 4]);
    expect(at(world.scenes(""), 4)).toBe(4);
    expect(() => world.scenes("attic")).toThrow(
      'the world rooms has no scene "attic", but: bedroom, living room, dining room, green kitchen, grey kitchen',
    );
  });
});

it("a test set is whole although a restarted server has lost pictures", async () => {
  const environments = await openEnvironments({ env: "embedded", world: "rooms", count: 4, imageSize: 32 }, silent);
  try {
    const images = environments.images.bind(environments);
    let lost = 0;
    environments.images = async (envs) =>
      (await images(envs)).map((picture) => {
        if (lost === 3) return picture;
        lost++;
        return null;
      });
    const { images: drawn, questions } = await balancedSet(drawingFrom(environments, silent), "test", 1, 1);
    expect([lost, drawn.length, questions.length]).toEqual([3, 26, 26]);
    expect(new Set(questions.map(([first]) => first?.code)).size).toBe(26);
  } finally {
    await environments.close();
  }
});
