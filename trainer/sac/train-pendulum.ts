/**
 * @file Trains SAC on Pendulum-v1 with rl-baselines3-zoo's settings (learning rate 1e-3, otherwise Stable-Baselines3's
 * defaults): the test that networks, replay and updates learn together.
 */
import { at } from "../at.js";
import { Random } from "../random/random.js";
import { createReplay, type ReplayKind } from "../replay/replay.js";
import type { Learner, LearnerOptions } from "./learner.js";
import { initialVariables, type SacModel } from "./models.js";
import { openLearner } from "./open-learner.js";
import { EPISODE_STEPS, MAX_TORQUE, observePendulum, resetPendulum, stepPendulum } from "./pendulum.js";
import { actSac, updateSac } from "./sac-updates.js";

export interface PendulumOptions extends LearnerOptions {
  readonly seed: number;
  readonly steps: number;
  readonly convention: SacModel["convention"];
  readonly replay: ReplayKind;
}

export interface PendulumEvaluation {
  readonly step: number;
  /** Returns of deterministic episodes; every evaluation of a seed uses the same starts. */
  readonly returns: readonly number[];
  readonly mean: number;
}

const EVALUATION_EVERY = 1000;
const EVALUATION_EPISODES = 10;
/** Steps of uniform actions before the first update. */
const LEARNING_STARTS = 100;
const RATE = 1e-3;

const modelOf = (convention: SacModel["convention"]): SacModel => ({
  kind: "sac",
  convention,
  observation: 3,
  action: 1,
  hidden: [256, 256],
  batch: 256,
  rows: [1, EVALUATION_EPISODES],
  gamma: 0.99,
  tau: 0.005,
  targetEntropy: -1,
  learningRates: { actor: RATE, critic: RATE, temperature: RATE },
  policyFrequency: 2,
  // The learner's actions are in [−1, 1]; the torque is scaled where it is applied, as in Stable-Baselines3.
  actionScale: [1],
  actionBias: [0],
  criticLoss: "squared",
});

/** Trains, and yields an evaluation every thousand steps; the caller stops iterating when it has seen enough. */
export async function* trainPendulum(options: PendulumOptions): AsyncGenerator<PendulumEvaluation> {
  const { seed, steps, convention } = options;
  const model = modelOf(convention);
  const learner = await openLearner(model, options);
  try {
    await learner.set(initialVariables(model, Random.stream(seed, "networks")));
    const random = Random.stream(seed, "training");
    const vector = (width: number) => ({ type: "float32", width }) as const;
    const replay = createReplay({
      kind: options.replay,
      capacity: steps,
      schema: { observation: vector(3), next: vector(3), action: vector(1), reward: vector(1) },
    });
    let state = resetPendulum(random);
    let updates = 0;
    for (let step = 1; step <= steps; step++) {
      const observation = observePendulum(state);
      const action =
        step <= LEARNING_STARTS
          ? Float32Array.of(random.uniform(-1, 1))
          : await actSac(learner, model, observation, 1, random);
      const { next, reward } = stepPendulum(state, MAX_TORQUE * at(action, 0));
      replay.add({ observation, next: observePendulum(next), action, reward: Float32Array.of(reward) }, 1);
      // The end of an episode is a truncation: the value continues.
      state = step % EPISODE_STEPS === 0 ? resetPendulum(random) : next;
      if (step > LEARNING_STARTS) {
        const { indices, weights, columns } = replay.sample(model.batch, random, 1);
        const column = (name: string): Float32Array => columns[name] as Float32Array;
        const batch = {
          observations: column("observation"),
          nextObservations: column("next"),
          actions: column("action"),
          rewards: column("reward"),
          terminated: new Float32Array(model.batch),
          weights,
        };
        const { errors } = await updateSac(learner, model, batch, updates++, random);
        replay.update(indices, errors);
      }
      if (step % EVALUATION_EVERY === 0) yield await evaluate(learner, model, seed, step);
    }
  } finally {
    await learner.close();
  }
}

async function evaluate(learner: Learner, model: SacModel, seed: number, step: number): Promise<PendulumEvaluation> {
  const random = Random.stream(seed, "evaluation");
  let states = Array.from({ length: EVALUATION_EPISODES }, () => resetPendulum(random));
  const returns = states.map(() => 0);
  for (let t = 0; t < EPISODE_STEPS; t++) {
    const observations = Float32Array.from(states.flatMap((state) => [...observePendulum(state)]));
    const actions = await actSac(learner, model, observations, EVALUATION_EPISODES);
    states = states.map((state, episode) => {
      const { next, reward } = stepPendulum(state, MAX_TORQUE * at(actions, episode));
      returns[episode] = at(returns, episode) + reward;
      return next;
    });
  }
  return { step, returns, mean: returns.reduce((sum, value) => sum + value, 0) / EVALUATION_EPISODES };
}
