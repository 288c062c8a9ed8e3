/** @file The environments of one session, and the execution of a batch on them. */
import { DECODER_LIMITS, encodeHeader } from "./codec.js";
import type { Environment, EnvironmentDefinition, WireMap } from "./environment.js";
import { badMessage, ProtocolError } from "./errors.js";
import {
  type BatchRequest,
  cut,
  errorBody,
  isBatchOf,
  parseBatch,
  parseTensorHeaders,
  type TensorHeader,
  type WireOp,
} from "./messages.js";
import {
  byteCount,
  bytesOf,
  bytesPerElement,
  createTensor,
  elementCount,
  membershipCheck,
  specProblem,
  type TensorData,
  type TensorSpec,
  tensorOver,
} from "./spaces.js";

/** One environment, and the protocol's state of its episode. */
interface Slot {
  /** Undefined after a crash, until the next reset. */
  environment: Environment | undefined;
  /** Whether the environment had a reset: only then is there something to draw on from without a seed. */
  seeded: boolean;
  state: "new" | "running" | "over";
  episode: number;
  step: number;
}

/** A batch's answer: the fields of the header, and the payload frames. */
export interface BatchAnswer {
  readonly results: readonly object[];
  readonly tensors: readonly TensorHeader[];
  readonly frames: readonly Buffer[];
}

/** A wanted observation: its buffer, for all operations of the batch. */
interface Output {
  readonly uid: string;
  readonly data: TensorData;
  readonly elements: number;
}

/** Bytes of a result without info and error, at most; of the rest of an answer's header for each tensor, as a rule. */
const RESULT_BYTES = 128;
const ANSWER_BYTES = 256;
/** Up to this many operations, the number of values can't be too large. */
const ANY_LENGTH = 5000;
/** Values of an answer's header beside results and tensors, and of a tensor's entry beside the elements of its shape. */
const ANSWER_VALUES = 13;
const TENSOR_VALUES = 9;

/** @throws ProtocolError CONFIGURATION for a definition that cannot be served */
export function checkDefinition(definition: EnvironmentDefinition): void {
  const fail = (what: string): Error => new ProtocolError("CONFIGURATION", `environment ${definition.name}: ${what}`);
  for (const spec of [definition.action, ...definition.observations]) {
    const problem = specProblem(spec);
    if (problem !== undefined) throw fail(problem);
  }
  const uids = definition.observations.map(({ uid }) => uid);
  if (new Set(uids).size !== uids.length) throw fail("two observations have the same uid");
}

export class World {
  readonly hashes: boolean;
  private readonly slots: Slot[];
  private readonly check: ReturnType<typeof membershipCheck>;
  private readonly actionElements: number;
  private readonly specs: ReadonlyMap<string, TensorSpec>;
  /** Parameters set by configure, for an environment that replaces another. */
  private readonly parameters = new Map<string, number | string | boolean>();

  constructor(
    readonly definition: EnvironmentDefinition,
    envCount: number,
    /** hello's seed: first resets without a seed get theirs from it. */
    private readonly seed = 0,
  ) {
    this.check = membershipCheck(definition.action);
    this.actionElements = elementCount(definition.action.shape);
    this.specs = new Map(definition.observations.map((spec) => [spec.uid, spec]));
    this.slots = [];
    try {
      for (let i = 0; i < envCount; i++) {
        this.slots.push({ environment: definition.create(i), seeded: false, state: "new", episode: 0, step: 0 });
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.hashes = this.slots[0]?.environment?.stateHash !== undefined;
  }

  /** Closes all environments, also where the `close` of one throws; then throws the first error. */
  close(): void {
    const errors: unknown[] = [];
    for (const slot of this.slots) {
      try {
        slot.environment?.close?.();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  configure(name: string, value: number | string | boolean): void {
    this.parameters.set(name, value);
    for (const slot of this.slots) slot.environment?.configure?.(name, value);
  }

  /**
   * Finds everything that is wrong with the whole message before the first environment moves.
   * @param limit largest frame that the client accepts, in bytes
   */
  batch(header: WireMap, payload: readonly Uint8Array[], limit: number): BatchAnswer {
    const request = parseBatch(header, this.slots.length);
    const { ops } = request;
    const actions = this.actions(request, header, payload);
    const outputs = request.want.map((uid) => this.output(uid, ops.length, limit));
    this.checkLength(ops, request.want, limit);
    const results: object[] = [];
    let stepped = 0;
    for (let i = 0; i < ops.length; i++) {
      const op = ops[i] as WireOp;
      const row = op.op === "step" ? stepped++ : 0;
      const slot = this.slots[op.env] as Slot;
      try {
        const result = this.operate(op, slot, actions, row);
        for (const { uid, data, elements } of outputs) {
          slot.environment?.observe(uid, ops.length === 1 ? data : data.subarray(i * elements, (i + 1) * elements));
        }
        results.push(result);
      } catch (error) {
        for (const { data, elements } of outputs) data.fill(0, i * elements, (i + 1) * elements);
        results.push(this.failed(op.env, slot, error));
      }
    }
    return {
      results,
      tensors: this.tensorHeaders(request.want, ops.length),
      frames: outputs.map(({ data }) => bytesOf(data)),
    };
  }

  private tensorHeaders(want: readonly string[], count: number): TensorHeader[] {
    return want.map((uid, frame) => {
      const { dtype, shape } = this.specs.get(uid) as TensorSpec;
      return { uid, dtype, shape: [count, ...shape], frame };
    });
  }

  /** Refuses a batch whose answer is too large already without infos and errors. */
  private checkLength(ops: readonly WireOp[], want: readonly string[], limit: number): void {
    if (ops.length <= ANY_LENGTH && ops.length * RESULT_BYTES + (1 + want.length) * ANSWER_BYTES <= limit) return;
    const tensors = this.tensorHeaders(want, ops.length);
    const elements = tensors.reduce((sum, { shape }) => sum + shape.length, 0);
    const values = ANSWER_VALUES + TENSOR_VALUES * tensors.length + elements + ops.length * (this.hashes ? 17 : 15);
    const results = ops.map((op) => this.leastResult(op));
    const frame = { v: 1, t: "batch_result", sid: "0".repeat(16), req: 1, results, tensors };
    const bytes = encodeHeader(frame).byteLength;
    if (values > DECODER_LIMITS.values) {
      const most = DECODER_LIMITS.values;
      const message = `the answer to ${ops.length} operations has ${values} values or more; a header may have ${most}`;
      throw new ProtocolError("TOO_LARGE", `${message}; divide the batch`, { bytes, limit, values });
    }
    if (bytes > limit) throw tooLarge(`the header of the answer to ${ops.length} operations`, bytes, limit);
  }

  /** The result of an operation with the fewest bytes: no reward, no info, no error. */
  private leastResult({ env, op }: WireOp): object {
    const { episode, step } = this.slots[env] as Slot;
    const next =
      op === "reset" ? { episode: episode + 1, step: 0 } : { episode, step: op === "step" ? step + 1 : step };
    const hash = this.hashes ? { state_hash: "0".repeat(16) } : {};
    return { env, reward: 0, terminated: false, truncated: false, ...next, info: {}, ...hash };
  }

  /**
   * A buffer for one wanted observation. It is new for each answer: what was passed to a socket is never written again.
   */
  private output(uid: string, count: number, limit: number): Output {
    const spec = this.specs.get(uid);
    if (spec === undefined) {
      const known = [...this.specs.keys()].join(", ");
      throw badMessage(`want: there is no observation "${uid}"; known: ${known}`, { field: "want" });
    }
    if (spec.graphics === true && this.definition.graphics === null) {
      throw new ProtocolError("NO_GRAPHICS", `"${uid}" needs a renderer, and this server has none`, { uid });
    }
    const bytes = byteCount(spec) * count;
    if (bytes > limit) throw tooLarge(`observation "${uid}" of ${count} environments`, bytes, limit);
    const elements = elementCount(spec.shape);
    return { uid, data: createTensor(spec.dtype, elements * count), elements };
  }

  /** The action tensor: one row for each step, in the order of the operations. */
  private actions(request: BatchRequest, header: WireMap, payload: readonly Uint8Array[]): TensorData | undefined {
    const tensors = parseTensorHeaders(header, payload, bytesPerElement);
    const { action } = this.definition;
    const given = tensors.find((tensor) => tensor.uid === action.uid);
    if (given === undefined) {
      if (request.steps === 0) return undefined;
      throw badMessage(`${request.steps} steps, but no tensor "${action.uid}" in tensors`, { field: "tensors" });
    }
    if (given.dtype !== action.dtype || !isBatchOf(given.shape, request.steps, action.shape)) {
      const expected = [request.steps, ...action.shape];
      throw new ProtocolError(
        "BAD_ACTION",
        `${action.uid} must be ${action.dtype} [${expected}] (a row for each step); it is ${given.dtype} [${given.shape}]`,
        { uid: action.uid, dtype: action.dtype, shape: expected },
      );
    }
    return tensorOver(given.dtype, payload[given.frame] as Uint8Array);
  }

  private operate(op: WireOp, slot: Slot, actions: TensorData | undefined, row: number): object {
    let reward = 0;
    let terminated = false;
    let truncated = false;
    let info: WireMap = {};
    if (op.op === "reset") {
      const options = op.options ?? {};
      slot.environment ??= this.replacement(op.env);
      const problem = slot.environment.optionsProblem?.(options);
      if (problem !== undefined) throw badMessage(problem, { field: "options" });
      slot.state = "new";
      info = slot.environment.reset(op.seed ?? (slot.seeded ? undefined : this.seedOf(op.env, slot.episode)), options);
      slot.state = "running";
      slot.seeded = true;
      slot.episode++;
      slot.step = 0;
    } else if (op.op === "step") {
      if (slot.state !== "running") throw notReset(op.env, slot);
      const size = this.actionElements;
      const action = (actions as TensorData).subarray(row * size, (row + 1) * size);
      const problem = this.check(action);
      if (problem !== undefined) throw new ProtocolError("BAD_ACTION", problem.message, problem.detail);
      const outcome = (slot.environment as Environment).step(action);
      ({ reward, terminated, truncated, info } = outcome);
      // A client would refuse the answer to the whole batch.
      if (!Number.isFinite(reward)) throw new RangeError(`its reward is ${reward}`);
      slot.step++;
      if (terminated || truncated) slot.state = "over";
    } else if (slot.state === "new") {
      throw notReset(op.env, slot);
    }
    const { episode, step } = slot;
    const { env } = op;
    if (!this.hashes) return { env, reward, terminated, truncated, episode, step, info };
    const state_hash = slot.environment?.stateHash?.() ?? "";
    return { env, reward, terminated, truncated, episode, step, info, state_hash };
  }

  /**
   * (seed + env) mod 2^53 for the first episode; after a crash the number of environments is added for each episode so
   * far. The sum may exceed what doubles represent exactly.
   */
  private seedOf(env: number, episode: number): number {
    const sum = BigInt(this.seed) + BigInt(env) + BigInt(episode) * BigInt(this.slots.length);
    return Number(BigInt.asUintN(53, sum));
  }

  /** An environment in place of one that crashed. */
  private replacement(env: number): Environment {
    const environment = this.definition.create(env);
    for (const [name, value] of this.parameters) environment.configure?.(name, value);
    return environment;
  }

  /**
   * An error of one environment: the others of the batch go on. If the environment itself throws, its episode is lost,
   * and the next reset is given to another.
   */
  private failed(env: number, slot: Slot, error: unknown): object {
    let known = error instanceof ProtocolError ? error : undefined;
    if (known === undefined) {
      const message = cut(error instanceof Error ? error.message : String(error));
      known = new ProtocolError("ENV_CRASH", `environment ${env} failed: ${message}; reset it to go on`, {
        reason: message,
      });
      slot.state = "new";
      try {
        slot.environment?.close?.();
      } catch (second) {
        known = new ProtocolError("ENV_CRASH", `${known.message} (closing it failed too: ${second})`, known.detail);
      }
      slot.environment = undefined;
      slot.seeded = false;
    }
    const { episode, step } = slot;
    const body = { ...errorBody(known), env };
    return { env, reward: 0, terminated: false, truncated: false, episode, step, info: {}, error: body };
  }
}

function notReset(env: number, slot: Slot): Error {
  const why = slot.state === "over" ? "its episode is over (autoreset is off)" : "it has not been reset yet";
  return new ProtocolError("NOT_RESET", `environment ${env}: ${why}; reset it first`);
}

export function tooLarge(what: string, bytes: number, limit: number): Error {
  return new ProtocolError("TOO_LARGE", `${what} has ${bytes} bytes; max_frame_bytes is ${limit}`, { bytes, limit });
}
