/**
 * @file An episode ends with its T₀-th valid sample. If the value ended there too, SAC's entropy bonus would reward
 * every further step, and so every invalid placement. Here the first valid placement ends the episode.
 */
import { expect, test } from "vitest";
import { Random } from "../../trainer/random/random.js";
import { AGENT_SIZES, createAgent } from "../../trainer/sac/create-agent.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { drawObservation, isValid, world } from "./world.js";

const ROOMS = 8;
const STEPS = 4000;

/** Share of valid placements in the last quarter of the steps. */
async function learn(ending: "terminated" | "bootstrapped"): Promise<number> {
  const agent = await createAgent("paper", {
    ...resolveConfiguration([], { agent: "paper" }),
    ...AGENT_SIZES,
    ...{ world, seed: 1, device: "cpu", view: "objects", hidden: [32, 32], updateBatch: 64, replay: "uniform" },
    ...{ targetEntropy: 3, iterationSamples: 4000 },
  });
  try {
    const random = new Random(2);
    let states = Array.from({ length: ROOMS }, () => drawObservation(random));
    let valid = 0;
    for (let step = 0; step < STEPS; step += ROOMS) {
      const actions = await agent.act(states, random);
      const transitions = states.map((observation, room) => {
        const action = actions.slice(room * 6, (room + 1) * 6);
        const right = isValid(observation, action);
        if (right && step >= 0.75 * STEPS) valid += 1;
        const next = right ? drawObservation(random) : observation;
        const terminated = right && ending === "terminated";
        return { observation, action, next, valid: right, reward: right ? 1 : -1, hardness: null, terminated };
      });
      agent.remember(transitions);
      await agent.update(ROOMS, random);
      states = transitions.map(({ next }) => next);
    }
    return valid / (STEPS / 4);
  } finally {
    await agent.close();
  }
}

test("an agent with a value beyond a valid placement learns validity; one with a value that ends there avoids it", async () => {
  const [bootstrapped, terminated] = [await learn("bootstrapped"), await learn("terminated")];
  expect(bootstrapped).toBeGreaterThan(0.7);
  expect(terminated).toBeLessThan(0.4);
}, 120_000);
