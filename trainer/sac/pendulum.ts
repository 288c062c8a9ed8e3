/**
 * @file Pendulum-v1 as in Gymnasium (golden/pendulum): a small task with published learning curves, to show that a SAC
 * implementation learns correctly.
 */
import type { Random } from "../random/random.js";

const GRAVITY = 10;
const MASS = 1;
const LENGTH = 1;
const TIME_STEP = 0.05;
const MAX_SPEED = 8;
export const MAX_TORQUE = 2;
/** Then the episode is truncated; it never terminates. */
export const EPISODE_STEPS = 200;

export interface PendulumState {
  /** Radians from upright, not wrapped. */
  readonly theta: number;
  readonly thetaDot: number;
}

const clip = (value: number, limit: number): number => Math.min(limit, Math.max(-limit, value));

/** Wraps to [−π, π). */
function normalize(angle: number): number {
  const turn = 2 * Math.PI;
  const shifted = (angle + Math.PI) % turn;
  return (shifted < 0 ? shifted + turn : shifted) - Math.PI;
}

export function resetPendulum(random: Random): PendulumState {
  return { theta: random.uniform(-Math.PI, Math.PI), thetaDot: random.uniform(-1, 1) };
}

export function stepPendulum(
  { theta, thetaDot }: PendulumState,
  action: number,
): { next: PendulumState; reward: number } {
  // Gymnasium's action is a float32 array, and NumPy computes its square and product in that type.
  const torque = Math.fround(clip(action, MAX_TORQUE));
  const square = Math.fround(torque * torque);
  const reward = -(normalize(theta) ** 2 + 0.1 * thetaDot ** 2 + 0.001 * square);
  const acceleration =
    ((3 * GRAVITY) / (2 * LENGTH)) * Math.sin(theta) + Math.fround((3 / (MASS * LENGTH ** 2)) * torque);
  const speed = clip(thetaDot + acceleration * TIME_STEP, MAX_SPEED);
  return { next: { theta: theta + speed * TIME_STEP, thetaDot: speed }, reward };
}

/** [cos θ, sin θ, θ̇] in float32. */
export function observePendulum({ theta, thetaDot }: PendulumState): Float32Array {
  return Float32Array.of(Math.cos(theta), Math.sin(theta), thetaDot);
}
