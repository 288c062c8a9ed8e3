/** @file The error of this folder, with the codes that cross the wire and those that only a client uses. */
import type { WireMap } from "./environment.js";

/** A server's error codes; protocol/README.md explains them. */
export const ERROR_CODES = [
  "VERSION",
  "AUTH",
  "BUSY",
  "BAD_MESSAGE",
  "BAD_ACTION",
  "NOT_RESET",
  "NO_GRAPHICS",
  "TOO_LARGE",
  "NO_SESSION",
  "OUT_OF_ORDER",
  "ENV_CRASH",
  "INTERNAL",
] as const;
/** One of `ERROR_CODES`. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * Codes that a client uses itself: no answer in time (`phase` in the detail), the client was closed, the server cannot
 * be started or is gone for good, or the request is impossible (an endpoint without keys, for instance).
 */
export type LocalErrorCode = "TIMEOUT" | "CLOSED" | "UNAVAILABLE" | "CONFIGURATION";

/** An error as it crosses the wire, for a request or for one environment of a batch. */
export interface ProtocolErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail: WireMap;
  /** Whether the same request may succeed later, or after what `detail` names. */
  readonly retryable: boolean;
  readonly env?: number;
}

/**
 * The error of everything here: `code` for programs, `message` for people, `detail` as protocol/README.md lists it for
 * each code.
 */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  constructor(
    readonly code: ErrorCode | LocalErrorCode,
    message: string,
    readonly detail: WireMap = {},
    readonly retryable = false,
    readonly env?: number,
  ) {
    super(message);
  }

  /** An error received over the wire. */
  static from(body: ProtocolErrorBody): ProtocolError {
    return new ProtocolError(body.code, body.message, body.detail, body.retryable, body.env);
  }
}

/** An error for a message that breaks the specification: says what is wrong and what would be right. */
export function badMessage(message: string, detail: WireMap = {}): ProtocolError {
  return new ProtocolError("BAD_MESSAGE", message, detail);
}

const LONGEST_SHOWN = 60;

/** A value from outside, for a message. Does not call toString: in a map from outside, that may be a value. */
export function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "missing");
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
