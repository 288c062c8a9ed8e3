/** @file The client of one server: its session, and batches of operations on its environments. */
import { randomBytes } from "node:crypto";
import { Channel, type ChannelOptions } from "./channel.js";
import type { WireMap } from "./environment.js";
import { badMessage, ProtocolError } from "./errors.js";
import {
  type EnvResult,
  isBatchOf,
  PROTOCOL_VERSION,
  parseResults,
  parseTensorHeaders,
  parseWelcome,
  type Welcome,
  type WireOp,
} from "./messages.js";
import { PACKAGE } from "./package-name.js";
import { checkEndpoint } from "./security.js";
import {
  bytesOf,
  bytesPerElement,
  createTensor,
  elementCount,
  type TensorData,
  type TensorSpec,
  tensorOver,
  wholeCheck,
} from "./spaces.js";

/** An operation on one environment of a batch. `action` has the elements of `welcome.action`; a noop only observes. */
export type Op =
  | { readonly env: number; readonly op: "reset"; readonly seed?: number; readonly options?: WireMap }
  | { readonly env: number; readonly op: "step"; readonly action: TensorData | readonly number[] }
  | { readonly env: number; readonly op: "noop" };

/** One observation of all environments in a batch: row i belongs to operation i. */
export interface BatchTensor {
  readonly spec: TensorSpec;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** The answer to a batch of n operations: a result for each, and each wanted observation as one tensor [n, …shape]. */
export interface BatchResult {
  /** In the order of the operations. */
  readonly results: readonly EnvResult[];
  readonly tensors: Readonly<Record<string, BatchTensor>>;
}

/** A value of `configure`, of the type that the server's `ParameterSpec` names. */
export type ParameterValue = number | string | boolean;

/**
 * The environments that a trainer steps: of one server, of a supervised server, or of several servers as one vector.
 */
export interface VectorEnvironment {
  readonly welcome: Welcome;
  /**
   * Operates on some environments, each at most once; returns the observations named in `want`, row i for operation i.
   * @throws ProtocolError for the message as a whole; an error of one environment is its result's `error`
   */
  batch(
    ops: readonly Op[],
    want: readonly string[],
    options?: { signal?: AbortSignal | undefined },
  ): Promise<BatchResult>;
  /**
   * Sets named parameters of `welcome.parameters` in all environments.
   * @throws ProtocolError for an unknown name or a value out of range
   */
  configure(parameters: Readonly<Record<string, ParameterValue>>): Promise<void>;
  /**
   * Resolves when the server has answered.
   * @throws ProtocolError TIMEOUT or CLOSED
   */
  ping(): Promise<void>;
  /** Ends the session, and whatever was started for it. Calling it twice is fine. */
  close(): Promise<void>;
}

/** How to reach a server, and the wishes in hello. */
export interface ClientOptions extends ChannelOptions {
  /** The server's endpoint; for `listen` the client's (`tcp://127.0.0.1:*` takes a free port). */
  readonly endpoint: string;
  /** For a server on loopback that requires a token; keys include their own. */
  readonly token?: string;
  readonly maxFrameBytes?: number;
  readonly imageSize?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
}

/** One session with one server. */
export class EnvironmentClient implements VectorEnvironment {
  private readonly channel: Channel;
  private readonly name = randomBytes(8).toString("hex");
  private greeting: Welcome | undefined;
  private specs: ReadonlyMap<string, TensorSpec> = new Map();
  private actionElements = 0;
  private fits: ReturnType<typeof wholeCheck> = () => undefined;

  private constructor(private readonly options: ClientOptions) {
    options.signal?.throwIfAborted();
    this.channel = new Channel(options, () => this.pingIdle());
  }

  /** Connects to a bound server and says hello. */
  static async connect(options: ClientOptions): Promise<EnvironmentClient> {
    checkEndpoint(options.endpoint, options.keys, true);
    const client = new EnvironmentClient(options);
    try {
      client.channel.connect();
    } catch (error) {
      client.end(error);
      const why = error instanceof Error ? error.message : String(error);
      throw new ProtocolError("CONFIGURATION", `can't connect to ${options.endpoint}: ${why}`);
    }
    return client.open(options.signal);
  }

  /** Binds; `accept` waits for the server that connects, and says hello. */
  static async listen(options: ClientOptions): Promise<Listener> {
    const client = new EnvironmentClient(options);
    try {
      await client.channel.bind();
    } catch (error) {
      client.end(error);
      const why = error instanceof Error ? error.message : String(error);
      throw new ProtocolError("CONFIGURATION", `can't bind ${options.endpoint}: ${why}`);
    }
    return {
      endpoint: client.channel.endpoint,
      accept: (signal) => client.open(signal ?? options.signal),
      close: () => client.end(new ProtocolError("CLOSED", "the listener was closed")),
    };
  }

  /** The server's welcome. */
  get welcome(): Welcome {
    if (this.greeting === undefined) throw new ProtocolError("CLOSED", "there is no session yet");
    return this.greeting;
  }

  private async open(signal: AbortSignal | undefined): Promise<EnvironmentClient> {
    const { maxFrameBytes, imageSize, seed, keys } = this.options;
    const token = keys?.token ?? this.options.token;
    const hello = {
      t: "hello",
      protocols: [PROTOCOL_VERSION],
      client: this.name,
      package: PACKAGE,
      capabilities: ["state_hash", "configure", "images", "curve"],
      limits: { max_frame_bytes: maxFrameBytes ?? 1024 * 1024 * 1024 },
      ...(token === undefined ? {} : { token }),
      ...(imageSize === undefined ? {} : { image_size: imageSize }),
      ...(seed === undefined ? {} : { seed }),
    };
    try {
      this.greeting = await this.channel.request("hello", hello, [], signal, (reply) => {
        expectType(reply, "welcome");
        return parseWelcome(reply);
      });
    } catch (error) {
      this.end(error);
      throw error;
    }
    const { sid, limits, observations, action } = this.greeting;
    this.channel.begin({
      sid,
      maxFrameBytes: limits.max_frame_bytes,
      maxInFlight: limits.max_in_flight,
      pingPeriod: limits.ping_period_ms,
    });
    this.specs = new Map(observations.map((spec) => [spec.uid, spec]));
    this.actionElements = elementCount(action.shape);
    this.fits = wholeCheck(action);
    return this;
  }

  /**
   * Operates on some environments, each at most once, and returns the observations in `want` for each. Up to
   * `limits.max_in_flight` batches may be unanswered; the server processes them in order.
   * @throws ProtocolError for the message as a whole; an error of one environment is its result's `error`
   */
  async batch(
    ops: readonly Op[],
    want: readonly string[],
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<BatchResult> {
    const { header, payload, resets } = this.encodeOps(ops);
    header["want"] = want;
    return this.channel.request(resets ? "reset" : "step", header, payload, options.signal, (reply, frames) => {
      expectType(reply, "batch_result");
      return this.decodeBatch(reply, frames, ops, want);
    });
  }

  /** Sets named parameters of the server's definition (`welcome.parameters`). */
  async configure(parameters: Readonly<Record<string, ParameterValue>>): Promise<void> {
    await this.channel.request("configure", { t: "configure", parameters }, [], undefined, (reply) => {
      expectType(reply, "configured");
    });
  }

  /**
   * Resolves when the server has answered.
   * @throws ProtocolError TIMEOUT, CLOSED or NO_SESSION
   */
  async ping(): Promise<void> {
    await this.channel.request("ping", { t: "ping" }, [], undefined, (reply) => expectType(reply, "pong"));
  }

  /** Ends the session if the server still answers; the client is closed in any case. */
  async close(): Promise<void> {
    if (this.channel.closed) return;
    try {
      if (this.greeting !== undefined) {
        await this.channel.request("close", { t: "close" }, [], undefined, (reply) => expectType(reply, "closed"));
      }
    } catch (error) {
      // A server that is gone, or has ended the session, counts as closed.
      if (!(error instanceof ProtocolError)) throw error;
    } finally {
      this.end(new ProtocolError("CLOSED", "the client was closed"));
    }
  }

  /** Drops the connection without a message; everything pending fails with `reason`. */
  end(reason: unknown): void {
    this.channel.end(reason);
  }

  /** Closes: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** If an idle session turns out to be lost, the next request reports it. */
  private pingIdle(): void {
    this.ping().catch((error: unknown) => {
      if (error instanceof ProtocolError && error.code === "NO_SESSION") this.end(error);
    });
  }

  private encodeOps(ops: readonly Op[]): { header: Record<string, unknown>; payload: Uint8Array[]; resets: boolean } {
    const { action } = this.welcome;
    const elements = this.actionElements;
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
        const problem = this.fits(op.action);
        if (problem !== undefined) {
          const message = `environment ${op.env}: ${problem.message}`;
          throw new ProtocolError("BAD_ACTION", message, problem.detail, false, op.env);
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
      if (dtype !== spec.dtype || !isBatchOf(shape, ops.length, spec.shape)) {
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
}

/** A client that has bound and waits for its server. */
export interface Listener {
  readonly endpoint: string;
  /**
   * Waits for the server and says hello.
   * @throws ProtocolError TIMEOUT, or the server's refusal; the signal's reason after an abort
   */
  accept(signal?: AbortSignal): Promise<EnvironmentClient>;
  /** Frees the endpoint; a client that was accepted is closed with it. */
  close(): void;
}

function expectType(reply: WireMap, type: string): void {
  if (reply["t"] !== type) throw badMessage(`the answer's type is ${JSON.stringify(reply["t"])}; it must be "${type}"`);
}
