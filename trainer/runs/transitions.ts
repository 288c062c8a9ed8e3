/** @file Random transitions for feasibility pre-training: draws them, and stores them as tensors. */
import { at } from "../at.js";
import { type Drawing, uniformActions, wander } from "../environments/wander.js";
import { floats, integers, octets } from "../files/tensor-file.js";
import { Random } from "../random/random.js";
import { feasibilityTransition } from "../rls3/feasibility.js";
import { feasibilityOf } from "../rls3/reward.js";
import type { Transition } from "../sac/agent.js";
import { float32, int32, type Tensors, uint8 } from "../tensor.js";

/**
 * `count` transitions of uniformly random placements, valid and invalid, rewarded for feasibility alone. The same seed
 * gives the same transitions.
 */
export async function randomTransitions(draw: Drawing, seed: number, count: number): Promise<Transition[]> {
  const transitions: Transition[] = [];
  const random = Random.stream(seed, "feasibility");
  draw.progress.begin("random transitions for feasibility", count, "steps");
  await wander(draw, random, uniformActions, (round) => {
    for (const step of round) transitions.push(feasibilityTransition(step, random.float()));
    draw.progress.advance(Math.min(count, transitions.length));
    return Promise.resolve(transitions.length < count);
  });
  draw.progress.end();
  return transitions.slice(0, count);
}

export function encodeTransitions(transitions: readonly Transition[]): Tensors {
  const n = transitions.length;
  const width = at(transitions, 0).observation.objects.length;
  const actionWidth = at(transitions, 0).action.length;
  const scene = new Int32Array(n);
  const objects = new Int32Array(n * width);
  const next = new Int32Array(n * width);
  const progress = new Float32Array(n);
  const action = new Float32Array(n * actionWidth);
  const valid = new Uint8Array(n);
  for (const [i, transition] of transitions.entries()) {
    scene[i] = transition.observation.scene;
    progress[i] = transition.observation.progress;
    valid[i] = transition.valid ? 1 : 0;
    objects.set(transition.observation.objects, i * width);
    next.set(transition.next.objects, i * width);
    action.set(transition.action, i * actionWidth);
  }
  return {
    scene: int32(scene),
    objects: int32(objects, [n, width]),
    next: int32(next, [n, width]),
    progress: float32(progress),
    action: float32(action, [n, actionWidth]),
    valid: uint8(valid),
  };
}

export function decodeTransitions(tensors: Tensors): Transition[] {
  const [scene, objects, next] = [integers(tensors, "scene"), integers(tensors, "objects"), integers(tensors, "next")];
  const [progress, action, valid] = [floats(tensors, "progress"), floats(tensors, "action"), octets(tensors, "valid")];
  const n = scene.length;
  const width = objects.length / Math.max(1, n);
  const actionWidth = action.length / Math.max(1, n);
  return Array.from(scene, (where, i): Transition => {
    const share = { scene: where, progress: at(progress, i) };
    return {
      observation: { ...share, objects: objects.subarray(i * width, (i + 1) * width) },
      action: action.subarray(i * actionWidth, (i + 1) * actionWidth),
      next: { ...share, objects: next.subarray(i * width, (i + 1) * width) },
      valid: valid[i] === 1,
      reward: feasibilityOf(valid[i] === 1),
      hardness: null,
      terminated: false,
    };
  });
}
