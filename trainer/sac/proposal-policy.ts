/**
 * @file The maximum-entropy policy over proposals. For each observation it draws one of K uniform proposals with
 * probability ∝ exp(Q/α); α is set so that the mean KL divergence from uniform equals the budget. This is SAC's
 * temperature tuning, with a policy of many modes.
 */
import type { Random } from "../random/random.js";

const LOWEST = 1e-3;
const HIGHEST = 100;
const BISECTIONS = 18;
/** If the valid share is a tenth too low, the budget grows 1.35-fold. */
const STEERING = 3;

export interface Choice {
  /** Index of the chosen proposal, for each observation. */
  readonly chosen: Int32Array;
  readonly temperature: number;
  /** Mean KL from uniform at that temperature, in nats. */
  readonly kl: number;
}

/** KL(softmax(q/α) ‖ uniform) over `count` values from `start`: log K + Σ p·q/α − log Σ exp(q/α). */
function divergence(q: Float64Array, start: number, count: number, temperature: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + count; i++) largest = Math.max(largest, q[i] as number);
  let total = 0;
  let weighted = 0;
  for (let i = start; i < start + count; i++) {
    const scaled = ((q[i] as number) - largest) / temperature;
    const weight = Math.exp(scaled);
    total += weight;
    weighted += weight * scaled;
  }
  return Math.log(count) + weighted / total - Math.log(total);
}

function meanDivergence(q: Float64Array, proposals: number, temperature: number): number {
  let sum = 0;
  for (let start = 0; start < q.length; start += proposals) sum += divergence(q, start, proposals, temperature);
  return sum / (q.length / proposals);
}

/** Finds α by bisection on its logarithm: the divergence falls as α grows. */
export function temperatureFor(q: Float64Array, proposals: number, budget: number): number {
  let [low, high] = [LOWEST, HIGHEST];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = Math.sqrt(low * high);
    if (meanDivergence(q, proposals, middle) > budget) low = middle;
    else high = middle;
  }
  return Math.sqrt(low * high);
}

/** Draws one of `proposals` for each observation; `q` holds their values, observation after observation. */
export function chooseProposals(q: Float64Array, proposals: number, budget: number, random: Random): Choice {
  const temperature = temperatureFor(q, proposals, budget);
  const chosen = new Int32Array(q.length / proposals);
  for (let row = 0; row < chosen.length; row++) {
    const values = q.subarray(row * proposals, (row + 1) * proposals);
    const largest = Math.max(...values);
    const weights = values.map((value) => Math.exp((value - largest) / temperature));
    let rest = random.float() * weights.reduce((sum, weight) => sum + weight, 0);
    let index = 0;
    while (index < proposals - 1 && rest >= (weights[index] as number)) rest -= weights[index++] as number;
    chosen[row] = index;
  }
  return { chosen, temperature, kl: meanDivergence(q, proposals, temperature) };
}

/**
 * The budget after an iteration with a share of valid placements that is `missing` below its target: more weight on the
 * value where too few were valid, nearer to uniform where more than enough were. Dual ascent on the budget's logarithm,
 * like SAC's temperature tuning (Haarnoja et al. 2018, section 5).
 * @param start the run's initial budget; the budget stays between a quarter and twice of it
 */
export function steeredBudget(budget: number, missing: number, start: number): number {
  const next = budget * Math.exp(STEERING * missing);
  return Math.fround(Math.min(2 * start, Math.max(start / 4, next)));
}

/** The soft value of each observation: α · log mean exp(Q/α). */
export function softValues(q: Float64Array, proposals: number, budget: number): Float64Array {
  const temperature = temperatureFor(q, proposals, budget);
  return Float64Array.from({ length: q.length / proposals }, (_, row) => {
    const values = q.subarray(row * proposals, (row + 1) * proposals);
    const largest = Math.max(...values);
    const sum = values.reduce((total, value) => total + Math.exp((value - largest) / temperature), 0);
    return largest + temperature * Math.log(sum / proposals);
  });
}
