import path from "node:path";
import { describe, expect, it } from "vitest";
import { allCaptions } from "../../trainer/cli/room-view.js";
import { codeTerms, contradictsBases, RELATION_CODES } from "../../trainer/language/index.js";
import { root } from "../runs/runs.js";
import { randomSteps, WORLDS } from "./worlds.js";

const vectors = (name: string): string =>
  path.join(root, "unity-project/Packages/com.rls3.gym/Catalog~/vectors/captions", `${name}.json`);
const STEPS = 6000;
/** Number of states in the file; as many again with a pair that is left out, if random steps reach them. */
const STATES = 12;

/**
 * The reference for the C# captions in unity-project's tests: states of random steps, some with a pair that is left
 * out.
 */
describe.each(WORLDS)("the captions of $name", (catalog) => {
  it("cover every ordered pair except those never asked about, as in C#", async () => {
    const { activeObjects } = catalog.rules;
    const every = activeObjects * (activeObjects - 1);
    const states = [...randomSteps(catalog, 7, STEPS, 20)]
      .filter(({ outcome }) => outcome.valid)
      .map(({ scene, outcome }) => {
        const index = catalog.scenes.indexOf(scene);
        return { scene: index, objects: outcome.objects, captions: allCaptions(catalog, index, outcome.objects) };
      });
    const whole = states.filter(({ captions }) => captions.length === every).slice(0, STATES);
    const short = states.filter(({ captions }) => captions.length < every).slice(0, STATES);
    expect(whole).toHaveLength(STATES);
    expect(short.length).toBeGreaterThan(3);
    // A pair has captions in both orders or in neither.
    for (const { captions } of short) expect(captions.length % 2).toBe(0);
    const lines = [...whole, ...short].map(({ scene, objects, captions }) =>
      JSON.stringify({ scene, objects: [...objects], captions }),
    );
    await expect(`[\n${lines.join(",\n")}\n]\n`).toMatchFileSnapshot(vectors(catalog.name));
  });
});

it("the relations contradicted by bases are the same as in C#: every code, bases on both sides of 1 cm", async () => {
  const lines = Array.from({ length: RELATION_CODES }, (_, code) =>
    [-300, -11, -10, -9, 0, 9, 10, 11, 300].map((higher) => {
      const [baseA, baseB] = [400 + higher, 400];
      const contradict = contradictsBases(code, baseA, baseB);
      return JSON.stringify({ terms: codeTerms(code), baseA, baseB, contradict });
    }),
  ).flat();
  await expect(`[\n${lines.join(",\n")}\n]\n`).toMatchFileSnapshot(vectors("bases"));
});
