/** @file Shared by the parts of the small server: its limits, its sessions, and its errors. */
import type { MutantName } from "./mutants.js";
import type { Place, Settings } from "./world.js";

export type Header = Record<string, unknown>;
export type Row = Record<string, unknown>;

export const ENVS = 3;
export const LIMITS = { max_frame_bytes: 5 * 1024 * 1024, max_in_flight: 4, ping_period_ms: 100 };
export const MOST = Number.MAX_SAFE_INTEGER;

export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly detail: Row = {},
    readonly retryable = false,
  ) {
    super(message);
  }
}

export const bad = (field: string, message = "is wrong"): Refusal =>
  new Refusal("BAD_MESSAGE", `${field} ${message}`, { field });

export const isMap = (value: unknown): value is Header =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

export const isInteger = (value: unknown, low: number, high: number): value is number =>
  Number.isInteger(value) && (value as number) >= low && (value as number) <= high;

export interface Slot {
  place: Place;
  state: "new" | "running" | "over";
  episode: number;
  step: number;
}

export interface Session {
  readonly sid: string;
  readonly client: string;
  readonly hello: number;
  readonly helloReply: Buffer[];
  readonly limit: number;
  readonly side: number;
  readonly seed: number;
  readonly id: string;
  settings: Settings;
  last: number;
  heard: number;
  readonly kept: Map<number, Buffer[]>;
  slots: Slot[];
}

export const tooLarge = (bytes: number, limit: number): Refusal =>
  new Refusal("TOO_LARGE", `${bytes} bytes are over ${limit}`, { bytes, limit });

/** Whether the server has this fault. */
export type Is = (name: MutantName) => boolean;
