/** @file A small world for the agents' tests, with rules that are known and can be learned. */
import type { Random } from "../../trainer/random/random.js";
import type { AgentObservation, Transition } from "../../trainer/sac/agent.js";
import { type AgentWorld, decodePlacement } from "../../trainer/sac/agent-world.js";

export const world: AgentWorld = {
  sceneCount: 2,
  activeObjects: 3,
  objectSizes: [
    [300, 200, 300],
    [200, 400, 200],
    [500, 100, 300],
    [250, 250, 250],
    [100, 300, 100],
  ],
  placementRange: { x: [-860, 860], z: [-860, 860], drop: [0, 1600] },
  yawSteps: 1,
  lengthUnit: 1000,
};

export function drawObservation(random: Random): AgentObservation {
  const types = random.permutation(world.objectSizes.length).subarray(0, 3);
  const objects = Int32Array.from(
    [...types].flatMap((type) => [type, random.below(1720) - 860, 0, random.below(1720) - 860, 0]),
  );
  return { scene: random.below(2), objects, progress: random.float() };
}

export function drawAction(random: Random): Float32Array {
  return Float32Array.from({ length: 6 }, () => random.uniform(-1, 1));
}

/** Valid: clear of both objects that stay, and in scene 1 only in the room's left half. */
export function isValid({ scene, objects }: AgentObservation, action: Float32Array): boolean {
  const { slot, type, x, z } = decodePlacement(world, objects, action, 0);
  if (scene === 1 && x > 0) return false;
  return [0, 1, 2].every((other) => {
    if (other === slot) return true;
    const at = other * 5;
    const gap = (axis: 0 | 2, a: number, b: number): number =>
      Math.abs(a - b) -
      ((world.objectSizes[type]?.[axis] ?? 0) + (world.objectSizes[objects[at] ?? 0]?.[axis] ?? 0)) / 2;
    return gap(0, x, objects[at + 1] ?? 0) > 0 || gap(2, z, objects[at + 3] ?? 0) > 0;
  });
}

/** Placements far back are hard. */
export const hardnessOf = (action: Float32Array): number => ((action[3] ?? 0) < -0.5 ? 1 : 0.1);

export function transition(
  observation: AgentObservation,
  action: Float32Array,
  random: Random,
  beta: number,
): Transition {
  const valid = isValid(observation, action);
  const hardness = valid && beta > 0 ? hardnessOf(action) : null;
  const reward = valid ? 1 + beta * (hardness ?? 0) : -1;
  return {
    observation,
    action,
    next: drawObservation(random),
    valid,
    reward,
    hardness,
    terminated: random.below(20) === 0,
  };
}

export function drawTransitions(count: number, random: Random, beta = 0): Transition[] {
  return Array.from({ length: count }, () => transition(drawObservation(random), drawAction(random), random, beta));
}
