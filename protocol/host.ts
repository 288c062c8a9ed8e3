/**
 * @file What a server does with a message, without sockets: one session at a time, requests in order, each executed once,
 * replies kept for resends.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { DECODER_LIMITS, decodeHeader, encodeHeader } from "./codec.js";
import type {
  DefinitionSource,
  Environment,
  EnvironmentDefinition,
  SessionWishes,
  WireMap,
  WireValue,
} from "./environment.js";
import { badMessage, ProtocolError } from "./errors.js";
import {
  type BatchRequest,
  type Hello,
  PROTOCOL_VERSION,
  parseBatch,
  parseHello,
  parseParameters,
  parseTensorHeaders,
  type ServerLimits,
  specToWire,
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

export interface HostOptions {
  readonly envCount?: number;
  readonly limits?: Partial<ServerLimits>;
  /** A client must send the same in hello. */
  readonly token?: string;
  /** Name and version of what serves, for logs. */
  readonly package?: string;
  readonly timeStep?: number;
  /** The transport encrypts: the capability `curve` is named. */
  readonly curve?: boolean;
}

export const DEFAULT_LIMITS: ServerLimits = {
  max_frame_bytes: 64 * 1024 * 1024,
  max_in_flight: 8,
  ping_period_ms: 5000,
};

interface Session {
  readonly sid: string;
  readonly client: string;
  readonly maxFrameBytes: number;
  /** The last request executed, and the one that opened the session. */
  lastReq: number;
  readonly firstReq: number;
  readonly replies: (readonly Buffer[])[];
  lastHeard: number;
}

/** One environment with what the protocol knows of its episode. */
interface Slot {
  environment: Environment;
  state: "new" | "running" | "over";
  episode: number;
  step: number;
}

/** A definition with what is worked out once for all messages. */
interface Served {
  readonly definition: EnvironmentDefinition;
  readonly check: ReturnType<typeof membershipCheck>;
  readonly actionElements: number;
  readonly specs: ReadonlyMap<string, TensorSpec>;
}

function prepare(definition: EnvironmentDefinition): Served {
  const fail = (what: string): Error => new ProtocolError("CONFIGURATION", `environment ${definition.name}: ${what}`);
  for (const spec of [definition.action, ...definition.observations]) {
    const problem = specProblem(spec);
    if (problem !== undefined) throw fail(problem);
  }
  const specs = new Map(definition.observations.map((spec) => [spec.uid, spec]));
  if (specs.size !== definition.observations.length) throw fail("two observations have the same uid");
  const { action } = definition;
  return { definition, check: membershipCheck(action), actionElements: elementCount(action.shape), specs };
}

export class EnvironmentHost {
  readonly limits: ServerLimits;
  private readonly envCount: number;
  private served: Served;
  private slots: Slot[] = [];
  private session: Session | undefined;
  /** Sessions ended by `close`; a server that was started for one session ends then. */
  sessionsClosed = 0;

  /** @throws ProtocolError CONFIGURATION for a definition that can't be served. */
  constructor(
    private readonly source: DefinitionSource,
    private readonly options: HostOptions = {},
  ) {
    this.envCount = options.envCount ?? 1;
    if (!Number.isInteger(this.envCount) || this.envCount < 1 || this.envCount > 65_535) {
      throw new ProtocolError("CONFIGURATION", `envCount must be an integer from 1 to 65535, not ${options.envCount}`);
    }
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.served = prepare(typeof source === "function" ? source({}) : source);
  }

  get busy(): boolean {
    return this.session !== undefined;
  }

  /** Milliseconds since the session's client was last heard; 0 without a session. */
  silence(now: number): number {
    return this.session === undefined ? 0 : now - this.session.lastHeard;
  }

  /** Frees the session of a client that has been silent for three ping periods. */
  expire(now: number): boolean {
    if (this.session === undefined || this.silence(now) < 3 * this.limits.ping_period_ms) return false;
    this.session = undefined;
    return true;
  }

  close(): void {
    for (const slot of this.slots.splice(0)) slot.environment.close?.();
  }

  /** New environments for a new session, with every parameter at its default. */
  private start(wishes: SessionWishes): void {
    this.close();
    if (typeof this.source === "function") this.served = prepare(this.source(wishes));
    const { definition } = this.served;
    this.slots = Array.from({ length: this.envCount }, (_, i): Slot => {
      return { environment: definition.create(i), state: "new", episode: 0, step: 0 };
    });
  }

  private get hashes(): boolean {
    return this.slots[0]?.environment.stateHash !== undefined;
  }

  /** Exactly one response for each request: the frames of a message to the frames of its answer. Never throws. */
  answer(frames: readonly Uint8Array[], now: number): readonly Buffer[] {
    let req = 0;
    let type = "";
    let sid = "";
    try {
      const [first] = frames;
      if (first === undefined) throw badMessage("a message without frames");
      this.checkFrames([first], 0);
      const header = decodeHeader(first);
      if (typeof header["req"] === "number" && Number.isInteger(header["req"])) req = header["req"];
      if (header["v"] !== PROTOCOL_VERSION) throw wrongVersion(header["v"]);
      if (!(req >= 1 && req <= Number.MAX_SAFE_INTEGER)) {
        throw badMessage(`req must be an integer from 1 to 2^53 - 1; it is ${header["req"]}`, { field: "req" });
      }
      if (typeof header["t"] !== "string") throw badMessage("t must be a string: the message's type", { field: "t" });
      type = header["t"];
      if (type === "hello") return this.hello(parseHello(header), req, now);
      sid = typeof header["sid"] === "string" ? header["sid"] : "";
      return this.inSession(type, sid, req, header, frames, now);
    } catch (error) {
      return [encodeHeader(errorHeader(error, req, sid))];
    }
  }

  private checkFrames(frames: readonly Uint8Array[], from: number): void {
    if (frames.length > DECODER_LIMITS.frames) {
      throw badMessage(`${frames.length} frames; at most ${DECODER_LIMITS.frames} are allowed`);
    }
    for (let i = from; i < frames.length; i++) {
      const bytes = (frames[i] as Uint8Array).byteLength;
      if (bytes > this.limits.max_frame_bytes) throw tooLarge(`frame ${i}`, bytes, this.limits.max_frame_bytes);
    }
  }

  private hello(hello: Hello, req: number, now: number): readonly Buffer[] {
    if (!hello.protocols.includes(PROTOCOL_VERSION)) throw wrongVersion(hello.protocols.join(", "));
    if (this.options.token !== undefined && !sameToken(this.options.token, hello.token ?? "")) {
      throw new ProtocolError(
        "AUTH",
        `hello's token is ${hello.token === undefined ? "missing" : "not this server's"}`,
      );
    }
    this.expire(now);
    const current = this.session;
    if (current !== undefined && current.client !== hello.client) {
      throw new ProtocolError(
        "BUSY",
        "another client has a session here; it ends with its close or after three silent ping periods",
        { ping_period_ms: this.limits.ping_period_ms },
        true,
      );
    }
    if (current !== undefined && current.firstReq === req) {
      // The same hello once more: its welcome was lost on the way.
      const kept = current.replies[req % this.limits.max_in_flight];
      if (kept !== undefined && current.lastReq === req) return kept;
      throw outOfOrder(req, current.lastReq + 1, false);
    }
    const session: Session = {
      sid: randomBytes(8).toString("hex"),
      client: hello.client,
      maxFrameBytes: hello.maxFrameBytes,
      lastReq: req,
      firstReq: req,
      replies: [],
      lastHeard: now,
    };
    this.start({
      ...(hello.imageSize === undefined ? {} : { imageSize: hello.imageSize }),
      ...(hello.seed === undefined ? {} : { seed: hello.seed }),
    });
    const reply = [encodeHeader(this.welcome(session, req))];
    session.replies[req % this.limits.max_in_flight] = reply;
    this.session = session;
    return reply;
  }

  private welcome(session: Session, req: number): WireMap {
    const { definition } = this.served;
    const parameters = definition.parameters ?? [];
    return {
      v: PROTOCOL_VERSION,
      t: "welcome",
      sid: session.sid,
      req,
      protocols: [PROTOCOL_VERSION],
      name: definition.name,
      package: this.options.package ?? "rls3",
      env_count: this.slots.length,
      action: specToWire(definition.action),
      observations: definition.observations.map(specToWire),
      autoreset: "disabled",
      graphics: definition.graphics,
      time_step: this.options.timeStep ?? null,
      capabilities: [
        ...(this.hashes ? ["state_hash"] : []),
        ...(parameters.length > 0 ? ["configure"] : []),
        ...(definition.graphics !== null ? ["images"] : []),
        ...(this.options.curve === true ? ["curve"] : []),
      ],
      state_hash: this.hashes ? (definition.stateHashVersion ?? 1) : null,
      parameters: parameters.map((parameter) => ({ ...parameter })) as unknown as WireValue[],
      limits: { ...this.limits },
      catalog: definition.catalog ?? null,
    };
  }

  private inSession(
    type: string,
    sid: string,
    req: number,
    header: WireMap,
    frames: readonly Uint8Array[],
    now: number,
  ): readonly Buffer[] {
    const session = this.session;
    if (session === undefined || session.sid !== sid) {
      throw new ProtocolError(
        "NO_SESSION",
        `there is no session "${sid.slice(0, 32)}" here (any more); say hello first`,
      );
    }
    session.lastHeard = now;
    if (req !== session.lastReq + 1) {
      const kept = req <= session.lastReq && req > session.lastReq - this.limits.max_in_flight;
      const reply = kept ? session.replies[req % this.limits.max_in_flight] : undefined;
      if (reply !== undefined && req > session.firstReq) return reply;
      throw outOfOrder(req, session.lastReq + 1, req > session.lastReq);
    }
    let reply: readonly Buffer[];
    try {
      this.checkFrames(frames, 1);
      reply = this.execute(type, session, req, header, frames.slice(1));
      const large = reply.find((frame) => frame.byteLength > session.maxFrameBytes);
      if (large !== undefined) throw tooLarge("a frame of the answer", large.byteLength, session.maxFrameBytes);
    } catch (error) {
      reply = [encodeHeader(errorHeader(error, req, sid))];
    }
    // Errors take their number too: a resend must get the same answer.
    session.lastReq = req;
    session.replies[req % this.limits.max_in_flight] = reply;
    return reply;
  }

  private execute(
    type: string,
    session: Session,
    req: number,
    header: WireMap,
    payload: readonly Uint8Array[],
  ): readonly Buffer[] {
    const { sid } = session;
    switch (type) {
      case "batch":
        return this.batch(session, req, header, payload);
      case "ping":
        return [encodeHeader({ v: PROTOCOL_VERSION, t: "pong", sid, req, tick_age_ms: 0, queue_depth: 0 })];
      case "configure": {
        const parameters = parseParameters(header, this.served.definition.parameters ?? []);
        for (const [name, value] of parameters) {
          for (const slot of this.slots) slot.environment.configure?.(name, value);
        }
        return [
          encodeHeader({ v: PROTOCOL_VERSION, t: "configured", sid, req, parameters: Object.fromEntries(parameters) }),
        ];
      }
      case "close":
        this.session = undefined;
        this.sessionsClosed++;
        return [encodeHeader({ v: PROTOCOL_VERSION, t: "closed", sid, req })];
      default:
        throw badMessage(`unknown message type "${type.slice(0, 64)}"; known: hello, batch, ping, configure, close`, {
          field: "t",
        });
    }
  }

  /** Everything that can be wrong with the whole message is found before the first environment moves. */
  private batch(session: Session, req: number, header: WireMap, payload: readonly Uint8Array[]): readonly Buffer[] {
    const request = parseBatch(header, this.slots.length);
    const { ops, want } = request;
    const actions = this.actions(request, header, payload);
    const frames: Buffer[] = [];
    const tensors: { uid: string; dtype: string; shape: number[]; frame: number }[] = [];
    const outputs: { uid: string; data: TensorData; elements: number }[] = [];
    for (const uid of want) {
      const spec = this.served.specs.get(uid);
      if (spec === undefined) {
        throw badMessage(`want: there is no observation "${uid}"; known: ${[...this.served.specs.keys()].join(", ")}`, {
          field: "want",
        });
      }
      if (spec.graphics === true && this.served.definition.graphics === null) {
        throw new ProtocolError("NO_GRAPHICS", `"${uid}" needs a renderer, and this server has none`, { uid });
      }
      const bytes = byteCount(spec) * ops.length;
      if (bytes > session.maxFrameBytes)
        throw tooLarge(`observation "${uid}" of ${ops.length} environments`, bytes, session.maxFrameBytes);
      const elements = elementCount(spec.shape);
      const data = createTensor(spec.dtype, elements * ops.length);
      tensors.push({ uid, dtype: spec.dtype, shape: [ops.length, ...spec.shape], frame: frames.length });
      frames.push(bytesOf(data));
      outputs.push({ uid, data, elements });
    }
    const results: object[] = [];
    let stepped = 0;
    for (let i = 0; i < ops.length; i++) {
      const op = ops[i] as WireOp;
      const row = op.op === "step" ? stepped++ : 0;
      const slot = this.slots[op.env] as Slot;
      try {
        const result = this.operate(op, slot, actions, row);
        for (const { uid, data, elements } of outputs) {
          slot.environment.observe(uid, ops.length === 1 ? data : data.subarray(i * elements, (i + 1) * elements));
        }
        results.push(result);
      } catch (error) {
        for (const { data, elements } of outputs) data.fill(0, i * elements, (i + 1) * elements);
        results.push(this.failed(op.env, slot, error));
      }
    }
    return [
      encodeHeader({ v: PROTOCOL_VERSION, t: "batch_result", sid: session.sid, req, results, tensors }),
      ...frames,
    ];
  }

  /** The action tensor: one row for each step, in the order of the operations. */
  private actions(request: BatchRequest, header: WireMap, payload: readonly Uint8Array[]): TensorData | undefined {
    const tensors = parseTensorHeaders(header, payload, bytesPerElement);
    const { action } = this.served.definition;
    const given = tensors.find((tensor) => tensor.uid === action.uid);
    if (given === undefined) {
      if (request.steps === 0) return undefined;
      throw badMessage(`${request.steps} steps, but no tensor "${action.uid}" in tensors`, { field: "tensors" });
    }
    const expected = [request.steps, ...action.shape];
    if (given.dtype !== action.dtype || given.shape.join() !== expected.join()) {
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
      slot.state = "new";
      const options = op.options ?? {};
      info = slot.environment.reset(op.seed ?? undefined, options);
      slot.state = "running";
      slot.episode++;
      slot.step = 0;
    } else if (op.op === "step") {
      if (slot.state !== "running") throw notReset(op.env, slot);
      const size = this.served.actionElements;
      const action = (actions as TensorData).subarray(row * size, (row + 1) * size);
      const problem = this.served.check(action);
      if (problem !== undefined) throw new ProtocolError("BAD_ACTION", problem.message, problem.detail);
      const outcome = slot.environment.step(action);
      ({ reward, terminated, truncated, info } = outcome);
      slot.step++;
      if (terminated || truncated) slot.state = "over";
    } else if (slot.state === "new") {
      throw notReset(op.env, slot);
    }
    const result = { env: op.env, reward, terminated, truncated, episode: slot.episode, step: slot.step, info };
    return this.hashes ? { ...result, state_hash: slot.environment.stateHash?.() ?? "" } : result;
  }

  /** An error of one environment: the others of the batch go on. What the environment itself throws costs it its episode. */
  private failed(env: number, slot: Slot, error: unknown): object {
    let known = error instanceof ProtocolError ? error : undefined;
    if (known === undefined) {
      const message = error instanceof Error ? error.message : String(error);
      known = new ProtocolError("ENV_CRASH", `environment ${env} failed: ${message}; reset it to go on`, {
        reason: message,
      });
      slot.state = "new";
      try {
        slot.environment.close?.();
      } catch (second) {
        known = new ProtocolError("ENV_CRASH", `${known.message} (closing it failed too: ${second})`, known.detail);
      }
      slot.environment = this.served.definition.create(env);
    }
    const { episode, step } = slot;
    const body = { code: known.code, message: known.message, detail: known.detail, retryable: known.retryable, env };
    return { env, reward: 0, terminated: false, truncated: false, episode, step, info: {}, error: body };
  }
}

function notReset(env: number, slot: Slot): Error {
  const why = slot.state === "over" ? "its episode is over (autoreset is off)" : "it has not been reset yet";
  return new ProtocolError("NOT_RESET", `environment ${env}: ${why}; reset it first`);
}

function wrongVersion(given: unknown): Error {
  return new ProtocolError("VERSION", `this server speaks protocol ${PROTOCOL_VERSION}, not ${given}`, {
    protocols: [PROTOCOL_VERSION],
  });
}

function tooLarge(what: string, bytes: number, limit: number): Error {
  return new ProtocolError("TOO_LARGE", `${what} has ${bytes} bytes; max_frame_bytes is ${limit}`, { bytes, limit });
}

function outOfOrder(req: number, expected: number, gap: boolean): Error {
  const why = gap ? `requests before ${req} are missing` : `the reply to ${req} is not kept any more`;
  return new ProtocolError("OUT_OF_ORDER", `${why}; the next is ${expected}`, { expected }, gap);
}

function sameToken(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function errorHeader(error: unknown, req: number, sid: string): object {
  const known =
    error instanceof ProtocolError
      ? error
      : new ProtocolError("INTERNAL", error instanceof Error ? error.message : String(error));
  return {
    v: PROTOCOL_VERSION,
    t: "error",
    sid,
    req,
    code: known.code,
    message: known.message,
    detail: known.detail,
    retryable: known.retryable,
  };
}
