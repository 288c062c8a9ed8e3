/**
 * @file Pendulum-v1 against Gymnasium's trajectories, step by step from each stored state (whole trajectories are
 * chaotic).
 */
import path from "node:path";
import { EPISODE_STEPS, observePendulum, stepPendulum } from "../../trainer/sac/pendulum.js";
import type { GoldenCheck } from "./check.js";
import { goldenTensor, readGoldenTensors } from "./safetensors.js";

const TOLERANCE = 1e-7;

export const check: GoldenCheck = async (directory) => {
  const tensors = await readGoldenTensors(path.join(directory, "trajectories.safetensors"));
  const data = (name: string) => goldenTensor(tensors, name).data;
  const [trajectories = 0, steps = 0] = goldenTensor(tensors, "reward").shape;
  const [state, nextState, action, reward] = [data("state"), data("next_state"), data("action"), data("reward")];
  const [obs, nextObs, truncated, terminated] = [data("obs"), data("next_obs"), data("truncated"), data("terminated")];
  const failures: string[] = [];
  let compared = 0;
  for (let row = 0; row < trajectories * steps; row++) {
    const compare = (what: string, actual: number | undefined, expected: number | undefined): void => {
      compared++;
      if (actual === undefined || expected === undefined || !(Math.abs(actual - expected) <= TOLERANCE)) {
        failures.push(
          `trajectory ${Math.floor(row / steps)}, step ${row % steps}: ${what} ${actual}, expected ${expected}`,
        );
      }
    };
    const before = { theta: state[2 * row] ?? Number.NaN, thetaDot: state[2 * row + 1] ?? Number.NaN };
    const { next, reward: given } = stepPendulum(before, action[row] ?? Number.NaN);
    compare("reward", given, reward[row]);
    compare("theta", next.theta, nextState[2 * row]);
    compare("theta_dot", next.thetaDot, nextState[2 * row + 1]);
    observePendulum(before).forEach((value, i) => {
      compare(`obs[${i}]`, value, obs[3 * row + i]);
    });
    observePendulum(next).forEach((value, i) => {
      compare(`next_obs[${i}]`, value, nextObs[3 * row + i]);
    });
    compare("terminated", 0, terminated[row]);
    compare("truncated", (row % steps) + 1 === EPISODE_STEPS ? 1 : 0, truncated[row]);
  }
  return { compared, failures };
};
