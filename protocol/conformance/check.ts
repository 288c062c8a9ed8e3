/** @file The interface of a conformance check, and the actions that checks try. */
import { boundOf, createTensor, elementCount, type TensorData, type TensorSpec } from "../spaces.js";
import type { Peer } from "./peer.js";

/** Part of the specification: what every server must do, or a capability that welcome names. */
export type Claim = "core" | "state_hash" | "configure" | "images" | "curve";

export interface Check {
  readonly name: string;
  readonly claim: Claim;
  /** The requirement that it tests. */
  readonly requirement: string;
  /** What to do when it fails. */
  readonly remedy: string;
  /**
   * Throws a Finding when the server is wrong, NotTried when it cannot be tested. The session is open, except for the
   * checks before "hello.welcome".
   */
  run(peer: Peer): Promise<void>;
}

/** The check does not apply to this server, so it neither passes nor fails. The message says why. */
export class NotTried extends Error {}

/**
 * A number below `bound`, also after rounding to float32, and whole where the bound is: one less than a small bound, a
 * millionth less than a large one.
 */
export const below = (bound: number): number => bound - Math.ceil(Math.max(1, Math.abs(bound) * 1e-6));

/** The same above `bound`. */
export const above = (bound: number): number => -below(-bound);

export const checkOf =
  (claim: Claim) =>
  (name: string, requirement: string, remedy: string, run: Check["run"]): Check => ({
    name,
    claim,
    requirement,
    remedy,
    run,
  });

/** A check of what every server must do. */
export const core = checkOf("core");

/**
 * Values spread over an action space, the same on every machine: a multiplicative sequence in 32 bits, no generator
 * needed.
 */
export function sampleAction(spec: TensorSpec, index: number): TensorData {
  const count = elementCount(spec.shape);
  const low = boundOf(spec.low, count, -1);
  const high = boundOf(spec.high, count, 1);
  const action = createTensor(spec.dtype, count);
  const whole = spec.dtype === "int32" || spec.dtype === "uint8";
  for (let i = 0; i < count; i++) {
    const share = (Math.imul(index * count + i + 1, 0x9e3779b1) >>> 0) / 2 ** 32;
    const from = Math.max(low[i] as number, -1e6);
    const to = Math.min(high[i] as number, 1e6);
    action[i] = whole ? from + Math.floor(share * (to - from + 1)) : from + share * (to - from);
  }
  return action;
}

export function sameData(a: TensorData | undefined, b: TensorData | undefined): boolean {
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  return a.every((value, i) => Object.is(value, b[i]));
}
