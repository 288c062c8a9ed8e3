/**
 * @file Steps several environments at once while layouts and scenes change: for drawing random states, and for learning
 * feasibility.
 */
import type { Op } from "../../protocol/index.js";
import { at } from "../at.js";
import { UnavailableError } from "../errors.js";
import type { Progress } from "../progress.js";
import type { Random } from "../random/random.js";
import type { EnvironmentLink, Observed } from "./environment-link.js";

export interface Wandering {
  readonly environments: EnvironmentLink;
  /** Only the first `count` environments are used. */
  readonly count: number;
  /** Scenes to draw layouts in. */
  readonly scenes: readonly number[];
}

export interface WanderedStep {
  readonly env: number;
  readonly before: Observed;
  readonly action: Float32Array;
  readonly after: Observed;
}

/**
 * Environments for data that runs share: a fixed number, so that E does not change the data (a server with fewer does).
 */
export const PREPARATION_ENVIRONMENTS = 16;

/** A wandering that draws something, and reports its progress. */
export interface Drawing extends Wandering {
  readonly progress: Progress;
}

/** `scenes`: a list as in the settings; all of the world's scenes where it is empty. */
export const drawingFrom = (environments: EnvironmentLink, progress: Progress, scenes = ""): Drawing => ({
  environments,
  count: Math.min(PREPARATION_ENVIRONMENTS, environments.count),
  scenes: environments.world.scenes(scenes),
  progress,
});

/** One action for each state, in the same order. */
export type Choose = (
  states: readonly Observed[],
  random: Random,
  wandering: Wandering,
) => readonly Float32Array[] | Promise<readonly Float32Array[]>;

/** Steps between changes of scene and layout. */
const STEPS_PER_LAYOUT = 20;

/**
 * At least a tenth of random placements is valid. If none is in this many steps, something is wrong with the server.
 */
export const MOST_INVALID = 20_000;
/** Twice the most that any setting needs. */
const MOST_STEPS = 20_000_000;

export const uniformActions: Choose = (states, random, { environments }) =>
  states.map(() => Float32Array.from({ length: environments.world.actionSize }, () => random.uniform(-1, 1)));

/**
 * Places objects in all environments at once with actions from `choose`. `visit` sees each round and returns whether to
 * go on.
 */
export async function wander(
  wandering: Wandering,
  random: Random,
  choose: Choose,
  visit: (round: readonly WanderedStep[]) => Promise<boolean>,
): Promise<void> {
  const { environments, count, scenes } = wandering;
  const reset = (env: number): Op => ({
    env,
    op: "reset",
    seed: random.uint32(),
    options: { scene: at(scenes, random.below(scenes.length)) },
  });
  const all = Array.from({ length: count }, (_, env) => env);
  let states = await environments.observe(all.map(reset));
  let steps = 0;
  let invalid = 0;
  for (let round = 0; ; round++) {
    const actions = await choose(states, random, wandering);
    const after = await environments.observe(all.map((env): Op => ({ env, op: "step", action: at(actions, env) })));
    const made = after.flatMap((next, env) =>
      next.lost ? [] : [{ env, before: at(states, env), action: at(actions, env), after: next }],
    );
    if (!(await visit(made))) return;
    steps += made.length;
    invalid = made.some(({ after: { reason } }) => reason === 0) ? 0 : invalid + made.length;
    if (invalid >= MOST_INVALID) {
      throw new UnavailableError(
        `the environment server calls ${invalid} placements in a row invalid: its rules leave no room, or it is not what it says`,
      );
    }
    if (steps >= MOST_STEPS) {
      throw new UnavailableError(
        `${steps} steps did not bring what was drawn: the environment server's states are too poor`,
      );
    }
    states = after;
    // Environments change layout one after another, so that no round is only resets.
    const due = all.filter((env) => (round + env) % STEPS_PER_LAYOUT === 0 || at(after, env).lost);
    if (due.length > 0) {
      const fresh = await environments.observe(due.map(reset));
      states = after.map((state, env) => fresh[due.indexOf(env)] ?? state);
    }
  }
}
