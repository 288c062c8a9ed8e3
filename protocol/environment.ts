/** @file What a TypeScript environment implements to be served: reset, step, observe. */
import type { TensorData, TensorSpec } from "./spaces.js";

/** Anything msgpack can carry as plain maps, arrays, strings, numbers, booleans and null. */
export type WireValue = null | boolean | number | string | readonly WireValue[] | { readonly [key: string]: WireValue };
export type WireMap = { readonly [key: string]: WireValue };

export interface StepOutcome {
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly info: WireMap;
}

/** One environment. The server calls it from one thread, and never steps it before a reset. */
export interface Environment {
  /**
   * Starts an episode. The same seed gives the same episode on every server; without one the environment draws on. The first
   * reset of a session always has one, from hello's.
   */
  reset(seed: number | undefined, options: WireMap): WireMap;
  /** What is wrong with a reset's options, in a sentence; then the reset is BAD_MESSAGE, and the episode goes on. */
  optionsProblem?(options: WireMap): string | undefined;
  /** `action` holds the elements of the action spec, already checked against its dtype, shape and bounds. */
  step(action: TensorData): StepOutcome;
  /** Writes one observation, `out` having exactly the elements and dtype of its spec. */
  observe(uid: string, out: TensorData): void;
  /** Sixteen lower-case hexadecimal digits over the whole state. Absent: the server does not claim `state_hash`. */
  stateHash?(): string;
  /** A named parameter changed (side channel `configure`), already checked against its definition. */
  configure?(name: string, value: number | string | boolean): void;
  close?(): void;
}

export interface ParameterSpec {
  readonly name: string;
  readonly type: "int" | "float" | "string" | "bool";
  readonly low?: number;
  readonly high?: number;
  readonly default: number | string | boolean;
  readonly description: string;
}

/** What a server serves: the specs that `welcome` announces, and a factory. */
export interface EnvironmentDefinition {
  readonly name: string;
  readonly action: TensorSpec;
  readonly observations: readonly TensorSpec[];
  readonly parameters?: readonly ParameterSpec[];
  /** Name of the graphics device, or null where no image can be had. */
  readonly graphics: string | null;
  /** Version of the hash that its environments' `stateHash` gives; default 1. */
  readonly stateHashVersion?: number;
  /** Sent in `welcome`, as the environment's own description of its world. */
  readonly catalog?: WireMap;
  create(index: number): Environment;
}

/** What a client asks for in hello. A definition may be made to it, so that `welcome` announces what the session gets. */
export interface SessionWishes {
  /** Side of square images, in pixels. */
  readonly imageSize?: number;
}

/** Made once for all sessions, or for each session. Its environments are created anew for each session in either case. */
export type DefinitionSource = EnvironmentDefinition | ((wishes: SessionWishes) => EnvironmentDefinition);
