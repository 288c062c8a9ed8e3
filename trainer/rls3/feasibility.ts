/**
 * @file Feasibility pre-training: before the loop, the agent learns which placements are feasible, without images and
 * without the model. Either offline, from random transitions, or online by acting, as the paper's agent does: from
 * random transitions alone, a critic never learns the outcome of its own actions.
 */
import type { EnvironmentLink, Observed } from "../environments/environment-link.js";
import { uniformActions, type WanderedStep, wander } from "../environments/wander.js";
import { mean } from "../mean.js";
import type { Progress } from "../progress.js";
import { Random } from "../random/random.js";
import type { Agent, AgentObservation, Transition } from "../sac/agent.js";
import type { Configuration } from "../settings/configuration.js";
import { updated } from "./agent-learning.js";
import { feasibilityOf } from "./reward.js";

/**
 * Environments for online pre-training: a fixed number, so that E does not change what is learned (a server with fewer
 * does).
 */
export const PRETRAINING_ENVIRONMENTS = 8;
/** Steps of uniform actions before the first update, so that the critics see every kind of placement. */
const RANDOM_STEPS = 1000;
/**
 * Steps per block. Each block starts with fresh environments, so a checkpoint of the agent is all that a resume needs.
 */
export const BLOCK_STEPS = 1000;

/** Share of valid placements in each block of online pre-training. */
export type FeasibilityCurve = readonly number[];

export interface FeasibilityParts {
  readonly agent: Agent;
  readonly environments: EnvironmentLink;
  /** Random transitions; used offline only. */
  readonly transitions: () => readonly Transition[];
  readonly progress: Progress;
}

type Settings = Pick<Configuration, "pretraining" | "feasibilitySteps" | "feasibilityUpdates" | "scenes" | "seed">;

/** Without steps there is nothing to learn from. */
export const learnsFeasibility = ({
  feasibilitySteps,
  feasibilityUpdates,
}: Pick<Settings, "feasibilitySteps" | "feasibilityUpdates">): boolean =>
  feasibilitySteps > 0 && feasibilityUpdates > 0;

export async function learnFeasibility(parts: FeasibilityParts, settings: Settings): Promise<void> {
  if (!learnsFeasibility(settings)) return;
  if (settings.pretraining === "offline") return learnOffline(parts, settings);
  const blocks = learnOnline(parts, settings, []);
  while ((await blocks.next()).done !== true);
}

export async function learnOffline(
  { agent, transitions, progress }: Omit<FeasibilityParts, "environments">,
  { feasibilityUpdates, seed }: Settings,
): Promise<void> {
  progress.begin("feasibility", feasibilityUpdates, "updates");
  const random = Random.stream(seed, "feasibility");
  await agent.pretrain(transitions(), feasibilityUpdates, random, (done) => progress.advance(done));
  progress.end();
}

/** Yields the curve so far after each block; `before` is the curve of the blocks already done. */
export async function* learnOnline(
  { agent, environments, progress }: Omit<FeasibilityParts, "transitions">,
  { feasibilitySteps: steps, feasibilityUpdates: updates, scenes, seed }: Settings,
  before: FeasibilityCurve,
): AsyncGenerator<FeasibilityCurve> {
  const curve = [...before];
  progress.begin("feasibility, online", steps, "steps");
  for (let block = curve.length; block * BLOCK_STEPS < steps; block++) {
    curve.push(await pretrainBlock({ agent, environments, scenes, seed, steps, updates }, block));
    progress.advance(Math.min(steps, curve.length * BLOCK_STEPS));
    yield [...curve];
  }
  progress.end();
  const last = curve.slice(-Math.ceil(curve.length / 10));
  const share = mean(last);
  progress.say(`feasibility: ${(100 * share).toFixed(0)} % valid in the last tenth of ${steps} steps`);
}

interface Pretraining {
  readonly agent: Agent;
  readonly environments: EnvironmentLink;
  readonly scenes: string;
  readonly seed: number;
  /** Total steps and updates. */
  readonly steps: number;
  readonly updates: number;
}

/** Runs block number `block` (from 0) and returns the share of its steps that were valid. */
async function pretrainBlock(pretraining: Pretraining, block: number): Promise<number> {
  const { agent, environments, seed, steps } = pretraining;
  const random = Random.stream(seed, "online pre-training", block);
  const learning = Random.stream(seed, "online pre-training, updates", block);
  const wandering = {
    environments,
    count: Math.min(PRETRAINING_ENVIRONMENTS, environments.count),
    scenes: environments.world.scenes(pretraining.scenes),
  };
  const first = block * BLOCK_STEPS;
  const end = Math.min(steps, first + BLOCK_STEPS);
  let done = first;
  let valid = 0;
  /** Progress says nothing about feasibility, but the agent sees it: draw any value, one for the whole round. */
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
      const counted = round.slice(0, end - done);
      const before = done;
      agent.remember(counted.map((step) => feasibilityTransition(step, progress)));
      done += counted.length;
      valid += counted.filter(({ after }) => after.reason === 0).length;
      await updated(agent, updatesBy(pretraining, done) - updatesBy(pretraining, before), learning);
      return done < end;
    },
  );
  return valid / (end - first);
}

/** Updates due after `done` steps: none for the random steps, then the same number per step. */
function updatesBy({ steps, updates }: Pretraining, done: number): number {
  const random = Math.min(RANDOM_STEPS, steps / 2);
  return Math.floor((updates * Math.max(0, done - random)) / (steps - random));
}

/**
 * What the agent learns about feasibility from a step: ±1. The caller picks `progress`, which says nothing about
 * feasibility.
 */
export function feasibilityTransition({ before, action, after }: WanderedStep, progress: number): Transition {
  const observe = ({ scene, objects }: Observed): AgentObservation => ({ scene, objects, progress });
  const valid = after.reason === 0;
  return {
    observation: observe(before),
    action,
    next: observe(after),
    valid,
    reward: feasibilityOf(valid),
    hardness: null,
    terminated: false,
  };
}
