import path from "node:path";
import { expect, it } from "vitest";
import { openEnvironments } from "../../trainer/environments/open-environments.js";
import { drawingFrom } from "../../trainer/environments/wander.js";
import { silent } from "../../trainer/progress.js";
import { type Iteration, rls3, type State } from "../../trainer/rls3/loop.js";
import { readMetrics } from "../../trainer/run-format/readers.js";
import { openAgent, openConfiguredModel } from "../../trainer/runs/parts.js";
import { drawTestSets } from "../../trainer/runs/preparation.js";
import { run } from "../../trainer/runs/run.js";
import { randomTransitions } from "../../trainer/runs/transitions.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { TINY_MODEL } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";

const folder = temporaryFolder("loop");
const configuration = resolveConfiguration([
  { name: "test", values: { vlm: TINY_MODEL, device: "cpu", E: 2, T0: 6, iterations: 2, batchSize: 4, epochs: 1 } },
  { name: "test", values: { feasibilitySteps: 400, feasibilityUpdates: 20, updatesPerIteration: 10 } },
  { name: "test", values: { testImagesPerRelation: 1, validationImagesPerRelation: 1, naturalImages: 3 } },
  { name: "test", values: { replayCapacity: 2000 } },
]);

/** The iterations drawn directly, with the test's own parts and no folder; `stopAfter` leaves the rest undrawn. */
async function drawn(from: State | null, stopAfter = Number.POSITIVE_INFINITY): Promise<Iteration[]> {
  const model = await openConfiguredModel(configuration);
  const { env, world, episodesPerIteration: count } = configuration;
  const environments = await openEnvironments({ env, world, count, imageSize: model.imageSize }, silent);
  const agent = await openAgent(configuration, environments.world, silent);
  try {
    const draw = drawingFrom(environments, silent);
    const transitions = await randomTransitions(draw, configuration.testSeed, configuration.feasibilitySteps);
    const sets = await drawTestSets(configuration, environments, silent);
    const parts = {
      ...{ environments, agent, model, progress: silent },
      testSets: { ...sets, validation: { images: [], questions: [] } },
      transitions: () => transitions,
    };
    const iterations: Iteration[] = [];
    for await (const iteration of rls3(parts, { ...configuration, earlyStopping: false, inTurns: false }, from)) {
      iterations.push(iteration);
      if (iterations.length >= stopAfter) break;
    }
    return iterations;
  } finally {
    await agent.close();
    await environments.close();
    await model.close();
  }
}

it("the algorithm needs no folder: its iterations are those that a run records", async () => {
  const place = path.join(folder, "run");
  await run({ folder: place, configuration, command: "test", earlyStopping: false }, "new", { progress: silent });
  const written = await readMetrics(place);
  const iterations = await drawn(null);
  expect(
    iterations.map(({ state, test, natural }) => ({
      ...{ iteration: state.iteration, generated: state.generated, valid: state.valid },
      ...{ accuracyOneTerm: test.oneTerm, naturalOneTerm: natural?.plain.oneTerm },
    })),
  ).toEqual(
    written.map(({ iteration, generated, valid, accuracyOneTerm, naturalOneTerm }) => ({
      ...{ iteration, generated, valid, accuracyOneTerm, naturalOneTerm },
    })),
  );
  expect(iterations.map(({ found }) => found?.episodes.samples.length)).toEqual([undefined, 12, 12]);
  expect(iterations.at(-1)?.state.finished).toBe("all iterations done");
}, 120_000);

it("an iteration that nobody requests does not happen", async () => {
  const [first, ...others] = await drawn(null, 1);
  expect(first?.state.iteration).toBe(0);
  expect(first?.found).toBeUndefined();
  expect(others).toEqual([]);
}, 120_000);
