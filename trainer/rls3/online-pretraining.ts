/**
 * @file Feasibility pre-training online, as the paper's agent has it: it acts for so many steps without images or model, is told valid (+1) or
 * invalid (−1), and learns as it goes. From random transitions alone a critic never hears what its own actions come to.
 */
import { Random } from "../random/random.js";
import type { Agent } from "../sac/agent.js";
import type { EnvironmentLink } from "./environment-link.js";
import { feasibilityTransition, uniformActions, wander } from "./wander.js";

/** Environments that it acts in at once, so that E does not change what is learned (a server with fewer does). */
export const PRETRAINING_ENVIRONMENTS = 8;
/** Steps of uniform actions before the first update, so that the critics see every kind of placement. */
const RANDOM_STEPS = 1000;
/** Steps of a block. Between blocks nothing is under way: environments start anew, and a checkpoint of the agent is all there is to keep. */
export const BLOCK_STEPS = 1000;

export interface Pretraining {
  readonly agent: Agent;
  readonly environments: EnvironmentLink;
  readonly seed: number;
  /** Steps and updates in all. */
  readonly steps: number;
  readonly updates: number;
}

/** Runs block number `block` (from 0) and gives the share of its steps that were valid. */
export async function pretrainBlock(pretraining: Pretraining, block: number): Promise<number> {
  const { agent, environments, seed, steps } = pretraining;
  const random = Random.stream(seed, "online pre-training", block);
  const learning = Random.stream(seed, "online pre-training, updates", block);
  const wandering = { environments, count: Math.min(PRETRAINING_ENVIRONMENTS, environments.count) };
  const first = block * BLOCK_STEPS;
  const end = Math.min(steps, first + BLOCK_STEPS);
  let done = first;
  let valid = 0;
  /** How far an episode is says nothing of feasibility, but the agent sees it: any value, the same for all of a round. */
  let progress = 0;
  await wander(
    wandering,
    random,
    async (states) => {
      progress = random.float();
      if (done < RANDOM_STEPS) return uniformActions(states, random, wandering);
      const actions = await agent.act(
        states.map(({ scene, objects }) => ({ scene, objects, progress })),
        random,
      );
      const width = actions.length / states.length;
      return states.map((_, i) => actions.slice(i * width, (i + 1) * width));
    },
    async (round) => {
      const kept = round.slice(0, end - done);
      const before = done;
      agent.remember(kept.map((step) => feasibilityTransition(step, progress)));
      done += kept.length;
      valid += kept.filter(({ after }) => after.reason === 0).length;
      await agent.update(updatesBy(pretraining, done) - updatesBy(pretraining, before), learning);
      return done < end;
    },
  );
  return valid / (end - first);
}

/** Updates that are done when `done` steps are: none of the random ones, then the same number for each step. */
function updatesBy({ steps, updates }: Pretraining, done: number): number {
  const random = Math.min(RANDOM_STEPS, steps / 2);
  return Math.floor((updates * Math.max(0, done - random)) / (steps - random));
}
