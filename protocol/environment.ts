/** @file The interface of a TypeScript environment that can be served: reset, step, observe. */
import type { TensorData, TensorSpec } from "./spaces.js";

/** Anything msgpack can carry as plain maps, arrays, strings, numbers, booleans and null. */
export type WireValue = null | boolean | number | string | readonly WireValue[] | { readonly [key: string]: WireValue };
/** A map of msgpack: `info`, `options`, `detail` and the like. */
export type WireMap = { readonly [key: string]: WireValue };

/**
 * What a step returns. The episode is over when it is terminated (a final state) or truncated (cut off); `info` reaches
 * the client unchanged.
 */
export interface StepOutcome {
  /** Finite; any other ends the episode (ENV_CRASH). */
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly info: WireMap;
}

/** One environment. The server calls it from one thread, and never steps it before a reset. */
export interface Environment {
  /**
   * Starts an episode. The same seed gives the same episode on every server; without a seed the random numbers continue. The
   * first reset of a session always has a seed, from hello's.
   */
  reset(seed: number | undefined, options: WireMap): WireMap;
  /**
   * Says in a sentence what is wrong with a reset's options; then the reset is BAD_MESSAGE, and the episode continues.
   */
  optionsProblem?(options: WireMap): string | undefined;
  /** `action` holds the elements of the action spec, already checked against its dtype, shape and bounds. */
  step(action: TensorData): StepOutcome;
  /** Writes one observation into `out`, which has the elements and dtype of its spec. */
  observe(uid: string, out: TensorData): void;
  /** Sixteen lower-case hexadecimal digits over the whole state. Absent: the server does not claim `state_hash`. */
  stateHash?(): string;
  /** Called when a named parameter changed (side channel `configure`); the value is checked against its definition. */
  configure?(name: string, value: number | string | boolean): void;
  /**
   * Frees the environment's resources: called when its session ends, and when another takes its place after a crash.
   */
  close?(): void;
}

/** A named parameter that `configure` can set; `low` and `high` are inclusive. */
export interface ParameterSpec {
  readonly name: string;
  readonly type: "int" | "float" | "string" | "bool";
  readonly low?: number;
  readonly high?: number;
  readonly default: number | string | boolean;
  readonly description: string;
}

/** What a server serves: the specs that `welcome` announces, and a factory of environments. */
export interface EnvironmentDefinition {
  readonly name: string;
  readonly action: TensorSpec;
  readonly observations: readonly TensorSpec[];
  readonly parameters?: readonly ParameterSpec[];
  /** Name of the graphics device, or null if there are no images. */
  readonly graphics: string | null;
  /** Version of its environments' `stateHash`; default 1. */
  readonly stateHashVersion?: number;
  /** Sent in `welcome`: the environment's own description of its world. */
  readonly catalog?: WireMap;
  /** Makes environment `index` (from 0) of a session, and its replacement after a crash. */
  create(index: number): Environment;
}

/** A client's wishes in hello. A definition may depend on them, so that `welcome` announces what the session gets. */
export interface SessionWishes {
  /** Side of square images, in pixels. */
  readonly imageSize?: number;
}

/** A definition for all sessions, or a function that makes one for each. Each session gets new environments in either case. */
export type DefinitionSource = EnvironmentDefinition | ((wishes: SessionWishes) => EnvironmentDefinition);
