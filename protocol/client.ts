/** @file The client's end of one session: requests in order and pipelined, resent with the same number, each timeout naming its phase. */
import { randomBytes } from "node:crypto";
import { Dealer } from "zeromq";
import { decodeHeader, encodeHeader } from "./codec.js";
import type { WireMap } from "./environment.js";
import { badMessage, ProtocolError } from "./errors.js";
import {
  type EnvResult,
  PROTOCOL_VERSION,
  parseErrorBody,
  parseResults,
  parseTensorHeaders,
  parseWelcome,
  readInteger,
  type Welcome,
  type WireOp,
} from "./messages.js";
import { checkEndpoint, clientCurve, type Keys } from "./security.js";
import {
  bytesOf,
  bytesPerElement,
  createTensor,
  elementCount,
  type TensorData,
  type TensorSpec,
  tensorOver,
} from "./spaces.js";

export type Op =
  | { readonly env: number; readonly op: "reset"; readonly seed?: number; readonly options?: WireMap }
  | { readonly env: number; readonly op: "step"; readonly action: TensorData | readonly number[] }
  | { readonly env: number; readonly op: "noop" };

/** One observation of all environments asked: row i belongs to operation i. */
export interface BatchTensor {
  readonly spec: TensorSpec;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface BatchResult {
  /** In the order of the operations. */
  readonly results: readonly EnvResult[];
  readonly tensors: Readonly<Record<string, BatchTensor>>;
}

export type ParameterValue = number | string | boolean;

/** What a trainer steps: one server's environments, a supervised server's, or several servers' as one vector. */
export interface VectorEnvironment {
  readonly welcome: Welcome;
  batch(
    ops: readonly Op[],
    want: readonly string[],
    options?: { signal?: AbortSignal | undefined },
  ): Promise<BatchResult>;
  configure(parameters: Readonly<Record<string, ParameterValue>>): Promise<void>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds. Each is for a phase of its own and named when it runs out. */
export interface Timeouts {
  /** Until the peer is there. */
  readonly connect: number;
  /** From then until welcome. */
  readonly hello: number;
  readonly reset: number;
  readonly step: number;
  readonly close: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 30_000, hello: 30_000, reset: 60_000, step: 60_000, close: 3000 };

export interface ClientOptions {
  /** The server's, or for `listen` the client's own (`tcp://127.0.0.1:*` takes a free port). */
  readonly endpoint: string;
  readonly keys?: Keys;
  /** For a server on loopback that asks one; keys bring their own. */
  readonly token?: string;
  readonly timeouts?: Partial<Timeouts>;
  /** An unanswered request is sent again, under its number, after this many milliseconds, and whenever the connection comes back. */
  readonly resendAfter?: number;
  readonly maxFrameBytes?: number;
  readonly imageSize?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
}

type Phase = keyof Timeouts | "ping" | "configure";

interface Pending {
  readonly frames: readonly Uint8Array[];
  readonly phase: Phase;
  readonly deadline: number;
  sentAt: number;
  settle: ((reply: WireMap, payload: readonly Buffer[]) => void) | undefined;
  fail: ((error: Error) => void) | undefined;
}

export class EnvironmentClient implements VectorEnvironment {
  private readonly timeouts: Timeouts;
  private readonly resendAfter: number;
  private readonly name = randomBytes(8).toString("hex");
  /** Sent and unanswered, oldest first. */
  private readonly pending = new Map<number, Pending>();
  private readonly slotWaiters: (() => void)[] = [];
  private readonly outbox: (readonly Uint8Array[])[] = [];
  private sending = false;
  private req = 0;
  private heard = 0;
  private connected = false;
  private ended: Error | undefined;
  private timer: NodeJS.Timeout | undefined;
  private greeting: Welcome | undefined;
  private specs: ReadonlyMap<string, TensorSpec> = new Map();

  private constructor(
    private readonly socket: Dealer,
    private readonly options: ClientOptions,
  ) {
    this.timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.resendAfter = options.resendAfter ?? 5000;
    this.socket.events.on("handshake", () => {
      this.connected = true;
      this.resendAll();
    });
    this.socket.events.on("disconnect", () => {
      this.connected = false;
    });
    void this.receive();
  }

  /** Connects to a server that has bound, and says hello. */
  static async connect(options: ClientOptions): Promise<EnvironmentClient> {
    const client = EnvironmentClient.create(options);
    client.socket.connect(options.endpoint);
    return client.open(options.signal);
  }

  /** Binds; `accept` waits for the server that connects, and says hello. */
  static async listen(options: ClientOptions): Promise<Listener> {
    const client = EnvironmentClient.create(options);
    try {
      await client.socket.bind(options.endpoint);
    } catch (error) {
      client.end(new ProtocolError("CLOSED", "could not bind"));
      throw new ProtocolError(
        "CONFIGURATION",
        `can't bind ${options.endpoint}: ${error instanceof Error ? error.message : error}`,
      );
    }
    const endpoint = client.socket.lastEndpoint ?? options.endpoint;
    return {
      endpoint,
      accept: (signal) => client.open(signal ?? options.signal),
      close: () => client.end(new ProtocolError("CLOSED", "the listener was closed")),
    };
  }

  private static create(options: ClientOptions): EnvironmentClient {
    checkEndpoint(options.endpoint, options.keys);
    options.signal?.throwIfAborted();
    const socket = new Dealer({
      linger: 0,
      sendHighWaterMark: 0,
      heartbeatInterval: 5000,
      reconnectInterval: 50,
      reconnectMaxInterval: 1000,
      ...clientCurve(options.keys),
    });
    return new EnvironmentClient(socket, options);
  }

  /** What the server said of itself. */
  get welcome(): Welcome {
    if (this.greeting === undefined) throw new ProtocolError("CLOSED", "there is no session yet");
    return this.greeting;
  }

  /** Whether the transport is up; a session outlives a cut. */
  get isConnected(): boolean {
    return this.connected;
  }

  private async open(signal: AbortSignal | undefined): Promise<EnvironmentClient> {
    this.timer = setInterval(() => this.tick(), Math.min(250, this.resendAfter / 2));
    const { maxFrameBytes, imageSize, seed, keys } = this.options;
    const token = keys?.token ?? this.options.token;
    const hello = {
      v: PROTOCOL_VERSION,
      t: "hello",
      req: this.req + 1,
      protocols: [PROTOCOL_VERSION],
      client: this.name,
      package: "rls3",
      capabilities: ["state_hash", "configure", "images", "curve"],
      limits: { max_frame_bytes: maxFrameBytes ?? 1024 * 1024 * 1024 },
      ...(token === undefined ? {} : { token }),
      ...(imageSize === undefined ? {} : { image_size: imageSize }),
      ...(seed === undefined ? {} : { seed }),
    };
    try {
      const wait = this.timeouts.connect + this.timeouts.hello;
      this.greeting = await this.request("hello", hello, [], wait, signal, (reply) => {
        expectType(reply, "welcome");
        return parseWelcome(reply);
      });
    } catch (error) {
      this.end(new ProtocolError("CLOSED", "there was no session"));
      throw error;
    }
    // Often enough to ping in time.
    clearInterval(this.timer);
    const { ping_period_ms: period } = this.greeting.limits;
    this.timer = setInterval(() => this.tick(), Math.min(250, this.resendAfter / 2, period / 4));
    this.specs = new Map(this.greeting.observations.map((spec) => [spec.uid, spec]));
    return this;
  }

  /**
   * Operates on some environments, each at most once, and brings the observations in `want` of each of them. Up to
   * `limits.max_in_flight` batches may be under way; the server works through them in order.
   * @throws ProtocolError for the message as a whole; what is wrong with one environment is its result's `error`.
   */
  async batch(
    ops: readonly Op[],
    want: readonly string[],
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<BatchResult> {
    if (this.pending.size >= this.welcome.limits.max_in_flight) await this.slot(options.signal);
    const { header, payload, resets } = this.encodeOps(ops);
    header["want"] = want;
    const phase = resets ? "reset" : "step";
    return this.request(phase, header, payload, this.timeouts[phase], options.signal, (reply, frames) => {
      expectType(reply, "batch_result");
      return this.decodeBatch(reply, frames, ops, want);
    });
  }

  /** Sets named parameters of the server's definition (`welcome.parameters`). */
  async configure(parameters: Readonly<Record<string, ParameterValue>>): Promise<void> {
    await this.simple("configure", { t: "configure", parameters }, "configured");
  }

  async ping(): Promise<void> {
    await this.simple("ping", { t: "ping" }, "pong");
  }

  /** Ends the session, if the server still answers; the client is closed in any case. */
  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    try {
      if (this.greeting !== undefined) await this.simple("close", { t: "close" }, "closed");
    } catch (error) {
      // A server that is gone, or has given the session up, is as closed as one that says so.
      if (!(error instanceof ProtocolError)) throw error;
    } finally {
      this.end(new ProtocolError("CLOSED", "the client was closed"));
    }
  }

  /** Gives the connection up without a word: what is pending fails with `reason`. */
  end(reason: Error): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    clearInterval(this.timer);
    this.socket.close();
    for (const entry of this.pending.values()) entry.fail?.(reason);
    this.pending.clear();
    for (const wake of this.slotWaiters.splice(0)) wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async simple(phase: "ping" | "configure" | "close", header: WireMap, expected: string): Promise<void> {
    if (this.pending.size >= this.welcome.limits.max_in_flight) await this.slot(undefined);
    const wait = phase === "close" ? this.timeouts.close : this.timeouts.step;
    await this.request(phase, { ...header }, [], wait, undefined, (reply) => expectType(reply, expected));
  }

  private async slot(signal: AbortSignal | undefined): Promise<void> {
    while (this.ended === undefined && this.pending.size >= this.welcome.limits.max_in_flight) {
      await new Promise<void>((resolve) => this.slotWaiters.push(resolve));
      signal?.throwIfAborted();
    }
  }

  private encodeOps(ops: readonly Op[]): { header: Record<string, unknown>; payload: Uint8Array[]; resets: boolean } {
    const { action } = this.welcome;
    const elements = elementCount(action.shape);
    let steps = 0;
    let resets = false;
    const wireOps: WireOp[] = [];
    for (const op of ops) {
      if (op.op === "step") {
        if (op.action.length !== elements) {
          throw new ProtocolError(
            "BAD_ACTION",
            `${action.uid} of environment ${op.env} has ${op.action.length} elements; it takes ${elements}`,
            { uid: action.uid },
            false,
            op.env,
          );
        }
        steps++;
        wireOps.push({ env: op.env, op: "step" });
      } else {
        resets ||= op.op === "reset";
        wireOps.push(op);
      }
    }
    const header: Record<string, unknown> = { v: PROTOCOL_VERSION, t: "batch", sid: "", req: 0, ops: wireOps };
    if (steps === 0) return { header, payload: [], resets };
    const rows = createTensor(action.dtype, steps * elements);
    let at = 0;
    for (const op of ops) {
      if (op.op !== "step") continue;
      rows.set(op.action, at);
      at += elements;
    }
    header["tensors"] = [{ uid: action.uid, dtype: action.dtype, shape: [steps, ...action.shape], frame: 0 }];
    return { header, payload: [bytesOf(rows)], resets };
  }

  private decodeBatch(
    reply: WireMap,
    frames: readonly Buffer[],
    ops: readonly Op[],
    want: readonly string[],
  ): BatchResult {
    const results = parseResults(reply, ops);
    const tensors: Record<string, BatchTensor> = {};
    if (want.length === 0) return { results, tensors };
    for (const { uid, dtype, shape, frame } of parseTensorHeaders(reply, frames, bytesPerElement)) {
      const spec = this.specs.get(uid);
      if (spec === undefined || !want.includes(uid)) continue;
      if (dtype !== spec.dtype || shape.join() !== [ops.length, ...spec.shape].join()) {
        throw badMessage(
          `${uid} came as ${dtype} [${shape}]; welcome said ${spec.dtype} [${spec.shape}] for each of ${ops.length}`,
        );
      }
      tensors[uid] = { spec, shape, data: tensorOver(dtype, frames[frame] as Buffer) };
    }
    const missing = want.find((uid) => tensors[uid] === undefined);
    if (missing !== undefined) throw badMessage(`the answer lacks the observation "${missing}"`);
    return { results, tensors };
  }

  /** Sends one request and resolves with what `parse` makes of its response. */
  private request<T>(
    phase: Phase,
    header: Record<string, unknown>,
    payload: readonly Uint8Array[],
    wait: number,
    signal: AbortSignal | undefined,
    parse: (reply: WireMap, frames: readonly Buffer[]) => T,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.ended !== undefined) throw this.ended;
      signal?.throwIfAborted();
      const req = this.req + 1;
      header["v"] = PROTOCOL_VERSION;
      header["req"] = req;
      if (this.greeting !== undefined) header["sid"] = this.greeting.sid;
      const encoded = encodeHeader(header);
      const limit = this.greeting?.limits.max_frame_bytes ?? Number.POSITIVE_INFINITY;
      for (const frame of [encoded, ...payload]) {
        if (frame.byteLength <= limit) continue;
        const detail = { bytes: frame.byteLength, limit };
        throw new ProtocolError(
          "TOO_LARGE",
          `a frame of ${frame.byteLength} bytes; this server takes ${limit}`,
          detail,
        );
      }
      // Nothing is wrong any more: only now is the number used up.
      this.req = req;
      const now = performance.now();
      const entry: Pending = {
        frames: payload.length === 0 ? [encoded] : [encoded, ...payload],
        phase,
        deadline: now + wait,
        sentAt: now,
        settle: undefined,
        fail: undefined,
      };
      // The place in flight is kept after an abort or a timeout: the server still works on the request.
      const abort =
        signal === undefined
          ? undefined
          : () => {
              entry.settle = undefined;
              entry.fail = undefined;
              reject(signal.reason);
            };
      if (abort !== undefined) signal?.addEventListener("abort", abort, { once: true });
      const release = (): void => {
        entry.settle = undefined;
        entry.fail = undefined;
        if (abort !== undefined) signal?.removeEventListener("abort", abort);
      };
      entry.settle = (reply, frames) => {
        release();
        try {
          resolve(parse(reply, frames));
        } catch (error) {
          reject(error);
        }
      };
      entry.fail = (error) => {
        release();
        reject(error);
      };
      this.pending.set(req, entry);
      this.post(entry.frames);
    });
  }

  /** zeromq.js takes one waiting send at a time, so they queue here while there is no peer. */
  private post(frames: readonly Uint8Array[]): void {
    if (this.sending) {
      this.outbox.push(frames);
      return;
    }
    this.sending = true;
    this.socket.send(frames as Uint8Array[]).then(this.sent, this.sendFailed);
  }

  private readonly sent = (): void => {
    this.sending = false;
    const next = this.outbox.shift();
    if (next !== undefined) this.post(next);
  };

  private readonly sendFailed = (error: Error): void => {
    this.sending = false;
    // Closing the socket fails a waiting send, and everything pending has been told by then.
    if (this.ended === undefined) this.end(new ProtocolError("UNAVAILABLE", `sending failed: ${error.message}`));
  };

  private async receive(): Promise<void> {
    try {
      while (this.ended === undefined) {
        const frames = await this.socket.receive();
        this.heard = performance.now();
        this.take(frames);
      }
    } catch (error) {
      if (this.ended === undefined) {
        this.end(
          new ProtocolError("UNAVAILABLE", `receiving failed: ${error instanceof Error ? error.message : error}`),
        );
      }
    }
  }

  private take(frames: readonly Buffer[]): void {
    let reply: WireMap;
    let req: number;
    try {
      reply = decodeHeader(frames[0] ?? Buffer.alloc(0));
      req = readInteger(reply, "req", 0, Number.MAX_SAFE_INTEGER);
    } catch (error) {
      // Whose answer this is can't be told, so the oldest request hears of it.
      const [oldest] = this.pending;
      if (oldest !== undefined) this.settled(oldest[0], (entry) => entry.fail?.(error as Error));
      return;
    }
    const entry = this.pending.get(req);
    if (entry === undefined) return; // an answer to a resend that has been answered already
    if (reply["t"] === "error") {
      const error = ProtocolError.from(parseErrorBody(reply));
      if (error.code === "OUT_OF_ORDER" && error.retryable) {
        this.resendAll();
      } else {
        this.settled(req, () => entry.fail?.(error));
      }
      return;
    }
    this.settled(req, () => entry.settle?.(reply, frames.slice(1)));
  }

  private settled(req: number, tell: (entry: Pending) => void): void {
    const entry = this.pending.get(req);
    if (entry === undefined) return;
    this.pending.delete(req);
    tell(entry);
    this.slotWaiters.shift()?.();
  }

  private resendAll(): void {
    const now = performance.now();
    // What waits in the outbox has not been sent a first time yet.
    for (const entry of this.pending.values()) {
      if (this.outbox.includes(entry.frames) || this.sending) continue;
      entry.sentAt = now;
      this.post(entry.frames);
    }
  }

  private tick(): void {
    const now = performance.now();
    for (const entry of this.pending.values()) {
      if (now > entry.deadline && entry.fail !== undefined) entry.fail(this.timeout(entry.phase));
    }
    const [oldest] = this.pending.values();
    if (oldest !== undefined && now - oldest.sentAt > this.resendAfter) this.resendAll();
    const period = this.greeting?.limits.ping_period_ms;
    if (period !== undefined && this.pending.size === 0 && now - this.heard > period) {
      this.ping().catch((error: Error) => {
        // An idle session that is lost is told to whoever asks next.
        if (error instanceof ProtocolError && error.code === "NO_SESSION") this.end(error);
      });
    }
  }

  private timeout(phase: Phase): ProtocolError {
    const connecting = phase === "hello" && !this.connected;
    const named = connecting ? "connect" : phase;
    const seconds = (ms: number): string => `${ms / 1000} s`;
    const waited =
      named === "hello" || named === "connect"
        ? this.timeouts.connect + this.timeouts.hello
        : (this.timeouts[named as keyof Timeouts] ?? this.timeouts.step);
    const what = connecting
      ? `nothing answers at ${this.options.endpoint}: is the server started, and is the address right?`
      : `the server at ${this.options.endpoint} is connected but did not answer`;
    return new ProtocolError(
      "TIMEOUT",
      `timeout in phase "${named}" after ${seconds(waited)}: ${what}`,
      { phase: named },
      true,
    );
  }
}

/** A client that has bound and waits for its server. */
export interface Listener {
  readonly endpoint: string;
  accept(signal?: AbortSignal): Promise<EnvironmentClient>;
  close(): void;
}

function expectType(reply: WireMap, type: string): void {
  if (reply["t"] !== type) throw badMessage(`the answer's type is ${JSON.stringify(reply["t"])}; it must be "${type}"`);
}
