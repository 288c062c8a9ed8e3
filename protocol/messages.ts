/** @file The messages of protocol/README.md as types, and parsers for headers from outside. */
import type { ParameterSpec, WireMap, WireValue } from "./environment.js";
import {
  badMessage,
  ERROR_CODES,
  type ErrorCode,
  type ProtocolError,
  type ProtocolErrorBody,
  shown,
} from "./errors.js";
import { type DType, isDType, specProblem, type TensorSpec } from "./spaces.js";

/** Major version of the protocol: `v` of each header. */
export const PROTOCOL_VERSION = 1;

export interface Limits {
  /** The largest frame, in bytes, that the sender of this accepts. */
  readonly max_frame_bytes: number;
}

/** A server's limits: sizes in bytes, periods in milliseconds. */
export interface ServerLimits extends Limits {
  /** The most requests without a response, and the most replies stored for resends. */
  readonly max_in_flight: number;
  /** A client pings after this much silence; after three such periods it counts as gone. */
  readonly ping_period_ms: number;
}

export interface Hello {
  readonly client: string;
  readonly protocols: readonly number[];
  readonly token: string | undefined;
  readonly maxFrameBytes: number;
  readonly seed: number;
  readonly imageSize: number | undefined;
}

export type WireOp =
  | { readonly env: number; readonly op: "reset"; readonly seed?: number; readonly options?: WireMap }
  | { readonly env: number; readonly op: "step" | "noop" };

/** One tensor of a batch, with the index of its payload frame. */
export interface TensorHeader {
  readonly uid: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly frame: number;
}

/** The result of an operation on one environment. */
export interface EnvResult {
  readonly env: number;
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  /** Number of resets of this environment in this session. */
  readonly episode: number;
  /** Number of steps since the last reset. */
  readonly step: number;
  readonly stateHash?: string;
  readonly info: WireMap;
  readonly error?: ProtocolErrorBody;
}

/** A server's answer to hello: the session, its environments, their spaces and parameters. */
export interface Welcome {
  readonly sid: string;
  readonly name: string;
  readonly package: string;
  readonly envCount: number;
  readonly action: TensorSpec;
  readonly observations: readonly TensorSpec[];
  readonly graphics: string | null;
  /** Simulated seconds of a step; null without simulated time. */
  readonly timeStep: number | null;
  readonly capabilities: readonly string[];
  /** Version of the state hash; null without that capability. */
  readonly stateHash: number | null;
  readonly parameters: readonly ParameterSpec[];
  readonly limits: ServerLimits;
  readonly catalog: WireMap | null;
}

const TYPE_NAMES = { string: "a string", number: "a number", boolean: "true or false", object: "a map" } as const;

export function isMap(value: unknown): value is WireMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(path: string, expected: string, value: unknown): Error {
  const got =
    value === undefined ? "missing" : value === null ? "nil" : Array.isArray(value) ? "an array" : `${typeof value}`;
  const said =
    typeof value === "string"
      ? ` (${JSON.stringify(value).slice(0, 60)})`
      : typeof value === "number"
        ? ` (${value})`
        : "";
  return badMessage(`${path} must be ${expected}; it is ${got}${said}`, { field: path });
}

export function readInteger(map: WireMap, key: string, low: number, high: number, path = key): number {
  const value = map[key];
  if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
  throw wrong(path, `an integer from ${low} to ${high}`, value);
}

export function readString(map: WireMap, key: string, path = key): string {
  const value = map[key];
  if (typeof value === "string") return value;
  throw wrong(path, TYPE_NAMES.string, value);
}

export function readNumber(map: WireMap, key: string, path = key): number {
  const value = map[key];
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  throw wrong(path, TYPE_NAMES.number, value);
}

export function readBoolean(map: WireMap, key: string, path = key): boolean {
  const value = map[key];
  if (typeof value === "boolean") return value;
  throw wrong(path, TYPE_NAMES.boolean, value);
}

export function readMap(map: WireMap, key: string, path = key): WireMap {
  const value = map[key];
  if (isMap(value)) return value;
  throw wrong(path, TYPE_NAMES.object, value);
}

export function readArray(map: WireMap, key: string, path = key): readonly WireValue[] {
  const value = map[key];
  if (Array.isArray(value)) return value;
  throw wrong(path, "an array", value);
}

function optional<T>(map: WireMap, key: string, read: (map: WireMap, key: string, path?: string) => T): T | undefined {
  return map[key] === undefined || map[key] === null ? undefined : read(map, key);
}

const readSeed = (map: WireMap, key: string, path = key): number =>
  readInteger(map, key, 0, Number.MAX_SAFE_INTEGER, path);

/** Parses the fields of `hello`, after the check of the version. */
export function parseHello(header: WireMap): Hello {
  const limits = optional(header, "limits", readMap) ?? {};
  optional(header, "package", readString);
  const capabilities = optional(header, "capabilities", readArray) ?? [];
  for (let i = 0; i < capabilities.length; i++) {
    readString(capabilities as unknown as WireMap, `${i}`, `capabilities[${i}]`);
  }
  const protocols = optional(header, "protocols", readArray) ?? [PROTOCOL_VERSION];
  return {
    client: readString(header, "client"),
    protocols: protocols.map((_, i) =>
      readInteger(protocols as unknown as WireMap, `${i}`, 0, 65_535, `protocols[${i}]`),
    ),
    token: optional(header, "token", readString),
    maxFrameBytes:
      optional(limits, "max_frame_bytes", (m, k) => readInteger(m, k, 1024, 2 ** 40, "limits.max_frame_bytes")) ??
      2 ** 40,
    seed: optional(header, "seed", readSeed) ?? 0,
    imageSize: optional(header, "image_size", (m, k) => readInteger(m, k, 1, 65_535)),
  };
}

export interface BatchRequest {
  readonly ops: readonly WireOp[];
  readonly want: readonly string[];
  readonly steps: number;
}

/** Parses the fields of `batch` except its tensors. Each environment may occur at most once. */
export function parseBatch(header: WireMap, envCount: number): BatchRequest {
  const ops = readArray(header, "ops");
  if (ops.length > envCount)
    throw badMessage(`ops has ${ops.length} entries for ${envCount} environments`, { field: "ops" });
  const seen = new Uint8Array(envCount);
  let steps = 0;
  for (let i = 0; i < ops.length; i++) {
    const op = ops[i];
    if (!isMap(op)) throw wrong(`ops[${i}]`, "a map", op);
    const env = op["env"];
    // Build paths only after an error: this runs for every operation of every message.
    if (typeof env !== "number" || !Number.isInteger(env) || env < 0 || env >= envCount) {
      throw wrong(`ops[${i}].env`, `an integer from 0 to ${envCount - 1}`, env);
    }
    if (seen[env] === 1)
      throw badMessage(`ops[${i}] names environment ${env} a second time`, { field: `ops[${i}].env` });
    seen[env] = 1;
    switch (op["op"]) {
      case "step":
        steps++;
        break;
      case "noop":
        break;
      case "reset":
        if (op["seed"] !== undefined && op["seed"] !== null) readSeed(op, "seed", `ops[${i}].seed`);
        if (op["options"] !== undefined && op["options"] !== null) readMap(op, "options", `ops[${i}].options`);
        break;
      default:
        throw wrong(`ops[${i}].op`, '"reset", "step" or "noop"', op["op"]);
    }
  }
  return { ops: ops as unknown as readonly WireOp[], want: parseWant(header["want"]), steps };
}

function parseWant(want: WireValue | undefined): readonly string[] {
  if (want === undefined || want === null) return [];
  if (!Array.isArray(want)) throw wrong("want", "an array", want);
  const seen = new Set<string>();
  for (let i = 0; i < want.length; i++) {
    if (typeof want[i] !== "string") throw wrong(`want[${i}]`, "a string", want[i]);
    if (seen.has(want[i] as string)) throw badMessage(`want names ${shown(want[i])} twice`, { field: `want[${i}]` });
    seen.add(want[i] as string);
  }
  return want as readonly string[];
}

/** Parses a header's `tensors`, and checks each against its frame. */
export function parseTensorHeaders(
  header: WireMap,
  frames: readonly Uint8Array[],
  bytesPer: (dtype: DType) => number,
): TensorHeader[] {
  const value = header["tensors"];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong("tensors", "an array", value);
  const uids = new Set<string>();
  return value.map((entry: WireValue, i) => {
    // As in parseBatch, build paths only after an error.
    const path = (key: string): string => `tensors[${i}]${key}`;
    if (!isMap(entry)) throw wrong(path(""), "a map", entry);
    const { uid, dtype, shape, frame } = entry;
    if (typeof uid !== "string") throw wrong(path(".uid"), TYPE_NAMES.string, uid);
    if (!isDType(dtype)) throw wrong(path(".dtype"), '"float32", "float64", "int32" or "uint8"', dtype);
    if (!Array.isArray(shape)) throw wrong(path(".shape"), "an array", shape);
    let bytes = bytesPer(dtype);
    for (let axis = 0; axis < shape.length; axis++) {
      const size: unknown = shape[axis];
      if (typeof size !== "number" || !Number.isInteger(size) || size < 0) {
        throw wrong(path(".shape"), "non-negative integers", size);
      }
      bytes *= size;
    }
    if (typeof frame !== "number" || !Number.isInteger(frame) || frame < 0 || frame >= frames.length) {
      const field = path(".frame");
      throw badMessage(`${field} must name one of the ${frames.length} payload frames; it is ${shown(frame)}`, {
        field,
      });
    }
    const length = (frames[frame] as Uint8Array).byteLength;
    if (length !== bytes) {
      const what = `${uid} ${dtype} [${shape}] takes ${bytes} bytes; frame ${frame} has ${length}`;
      throw badMessage(`${path("")}: ${what}`, { field: path("") });
    }
    if (uids.has(uid)) throw badMessage(`tensors names ${shown(uid)} twice`, { field: path(".uid") });
    uids.add(uid);
    return { uid, dtype, shape: shape as readonly number[], frame };
  });
}

/** Whether a batch's tensor has `count` rows of this shape. */
export function isBatchOf(given: readonly number[], count: number, shape: readonly number[]): boolean {
  if (given.length !== shape.length + 1 || given[0] !== count) return false;
  for (let axis = 0; axis < shape.length; axis++) if (given[axis + 1] !== shape[axis]) return false;
  return true;
}

/** Parses `configure`'s parameters, and checks them against the server's definitions. */
export function parseParameters(
  header: WireMap,
  specs: readonly ParameterSpec[],
): [string, number | string | boolean][] {
  const given = readMap(header, "parameters");
  return Object.entries(given).map(([name, value]) => {
    const path = `parameters.${name}`;
    const spec = specs.find((candidate) => candidate.name === name);
    if (spec === undefined) {
      const known = specs.map((candidate) => candidate.name).join(", ") || "none";
      throw badMessage(`${path}: there is no such parameter; known: ${known}`, { field: path });
    }
    switch (spec.type) {
      case "bool":
        return [name, readBoolean(given, name, path)];
      case "string":
        return [name, readString(given, name, path)];
      case "int":
        return [
          name,
          readInteger(given, name, spec.low ?? Number.MIN_SAFE_INTEGER, spec.high ?? Number.MAX_SAFE_INTEGER, path),
        ];
      case "float": {
        const low = spec.low ?? Number.NEGATIVE_INFINITY;
        const high = spec.high ?? Number.POSITIVE_INFINITY;
        if (typeof value === "number" && value >= low && value <= high) return [name, value];
        throw wrong(path, `a number from ${low} to ${high}`, value);
      }
      default:
        throw wrong(path, "of a known type", value);
    }
  });
}

/** A spec as it crosses the wire, with only the defined keys. */
export function specToWire(spec: TensorSpec): WireMap {
  return {
    uid: spec.uid,
    dtype: spec.dtype,
    shape: spec.shape,
    ...(spec.low === undefined ? {} : { low: spec.low }),
    ...(spec.high === undefined ? {} : { high: spec.high }),
    ...(spec.names === undefined ? {} : { names: spec.names }),
    ...(spec.graphics === undefined ? {} : { graphics: spec.graphics }),
  };
}

function parseSpec(value: WireValue | undefined, path: string): TensorSpec {
  if (!isMap(value)) throw wrong(path, "a map", value);
  const bound = (key: "low" | "high"): { [key: string]: number | readonly number[] } => {
    const given = value[key];
    if (given === undefined || given === null) return {};
    if (typeof given === "number") return { [key]: given };
    if (Array.isArray(given) && given.every((n) => typeof n === "number")) return { [key]: given as number[] };
    throw wrong(`${path}.${key}`, "a number or an array of numbers", given);
  };
  const names = optional(value, "names", readArray);
  const spec: TensorSpec = {
    uid: readString(value, "uid", `${path}.uid`),
    dtype: readString(value, "dtype", `${path}.dtype`) as DType,
    shape: readArray(value, "shape", `${path}.shape`) as readonly number[],
    ...bound("low"),
    ...bound("high"),
    ...(names === undefined ? {} : { names: names.map(String) }),
    ...(value["graphics"] === true ? { graphics: true } : {}),
  };
  const problem = specProblem(spec);
  if (problem !== undefined) throw badMessage(`${path}: ${problem}`, { field: path });
  return spec;
}

export function parseWelcome(header: WireMap): Welcome {
  const limits = readMap(header, "limits");
  const observations = readArray(header, "observations").map((spec, i) => parseSpec(spec, `observations[${i}]`));
  const uids = [...observations.map((spec) => spec.uid)];
  const twice = uids.find((uid, i) => uids.indexOf(uid) !== i);
  if (twice !== undefined) throw badMessage(`observations names ${twice} twice`, { field: "observations" });
  if (header["autoreset"] !== "disabled") throw wrong("autoreset", '"disabled"', header["autoreset"]);
  return {
    sid: readString(header, "sid"),
    name: readString(header, "name"),
    package: optional(header, "package", readString) ?? "",
    envCount: readInteger(header, "env_count", 1, 65_535),
    action: parseSpec(header["action"], "action"),
    observations,
    graphics: optional(header, "graphics", readString) ?? null,
    timeStep: optional(header, "time_step", readNumber) ?? null,
    capabilities: (optional(header, "capabilities", readArray) ?? []).map(String),
    stateHash: optional(header, "state_hash", (m, k) => readInteger(m, k, 1, 65_535)) ?? null,
    parameters: (optional(header, "parameters", readArray) ?? []).map(parseParameterSpec),
    limits: {
      max_frame_bytes: readInteger(limits, "max_frame_bytes", 1024, 2 ** 40, "limits.max_frame_bytes"),
      max_in_flight: readInteger(limits, "max_in_flight", 1, 1024, "limits.max_in_flight"),
      ping_period_ms: readInteger(limits, "ping_period_ms", 10, 3_600_000, "limits.ping_period_ms"),
    },
    catalog: optional(header, "catalog", readMap) ?? null,
  };
}

function parseParameterSpec(value: WireValue, i: number): ParameterSpec {
  const path = `parameters[${i}]`;
  if (!isMap(value)) throw wrong(path, "a map", value);
  const type = readString(value, "type", `${path}.type`);
  if (type !== "int" && type !== "float" && type !== "string" && type !== "bool") {
    throw wrong(`${path}.type`, '"int", "float", "string" or "bool"', type);
  }
  const standard = value["default"];
  if (typeof standard !== "number" && typeof standard !== "string" && typeof standard !== "boolean") {
    throw wrong(`${path}.default`, "a number, a string, true or false", standard);
  }
  const low = optional(value, "low", readNumber);
  const high = optional(value, "high", readNumber);
  return {
    name: readString(value, "name", `${path}.name`),
    type,
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
    default: standard,
    description: optional(value, "description", readString) ?? "",
  };
}

const LONGEST_TEXT = 2000;

/** A text that contains others' (an exception's, a name from a message), cut to what fits into any answer. */
export function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT).replace(/[\uD800-\uDBFF]$/, "")}…` : text;
}

/** An error as it crosses the wire, with its texts cut. */
export function errorBody({ code, message, detail, retryable }: ProtocolError): object {
  const texts = Object.entries(detail).map(([key, value]) => [key, typeof value === "string" ? cut(value) : value]);
  return { code, message: cut(message), detail: Object.fromEntries(texts), retryable };
}

export function parseErrorBody(value: WireMap): ProtocolErrorBody {
  const code = value["code"];
  const known = ERROR_CODES.includes(code as ErrorCode);
  const name = typeof code === "string" ? code.slice(0, 60) : shown(code);
  return {
    code: known ? (code as ErrorCode) : "INTERNAL",
    message: `${known ? "" : `${name}: `}${typeof value["message"] === "string" ? value["message"] : "(no message)"}`,
    detail: isMap(value["detail"]) ? value["detail"] : {},
    retryable: value["retryable"] === true,
    ...(typeof value["env"] === "number" ? { env: value["env"] } : {}),
  };
}

const isCount = (value: WireValue | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

/** Parses a batch_result's `results`, and checks them against the operations of the request. */
export function parseResults(header: WireMap, ops: readonly { readonly env: number }[]): EnvResult[] {
  const results = readArray(header, "results");
  if (results.length !== ops.length)
    throw badMessage(`${results.length} results answer ${ops.length} operations`, { field: "results" });
  return ops.map((op, i) => {
    const value = results[i];
    const path = (key: string): string => `results[${i}]${key}`;
    if (!isMap(value)) throw wrong(path(""), "a map", value);
    const { env, reward, terminated, truncated, episode, step, state_hash: stateHash, info, error } = value;
    if (env !== op.env) {
      throw badMessage(`${path(".env")} is ${shown(env)}; the operation was for ${op.env}`, { field: path(".env") });
    }
    if (typeof reward !== "number" || !Number.isFinite(reward)) throw wrong(path(".reward"), "a finite number", reward);
    if (typeof terminated !== "boolean") throw wrong(path(".terminated"), TYPE_NAMES.boolean, terminated);
    if (typeof truncated !== "boolean") throw wrong(path(".truncated"), TYPE_NAMES.boolean, truncated);
    if (!isCount(episode)) throw wrong(path(".episode"), "an integer from 0", episode);
    if (!isCount(step)) throw wrong(path(".step"), "an integer from 0", step);
    const result: { -readonly [K in keyof EnvResult]: EnvResult[K] } = {
      env: env as number,
      reward,
      terminated,
      truncated,
      episode,
      step,
      info: isMap(info) ? info : {},
    };
    if (isMap(error)) result.error = parseErrorBody(error);
    else if (typeof stateHash === "string") result.stateHash = stateHash;
    return result;
  });
}
