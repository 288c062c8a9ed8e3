/** @file A low-level client: sends any frames, right or wrong, and checks the answers. */
import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Dealer } from "zeromq";
import { decodeHeader, encodeHeader } from "../codec.js";
import type { WireMap, WireValue } from "../environment.js";
import { ProtocolError } from "../errors.js";
import {
  type EnvResult,
  isMap,
  PROTOCOL_VERSION,
  parseResults,
  parseTensorHeaders,
  parseWelcome,
  type Welcome,
} from "../messages.js";
import { checkEndpoint, clientCurve, type Keys } from "../security.js";
import {
  bytesOf,
  bytesPerElement,
  createTensor,
  elementCount,
  type TensorData,
  type TensorSpec,
  tensorOver,
} from "../spaces.js";

/** Checks a batch's result more strictly than a client needs. */
function strictly(result: WireMap, path: string, hashes: boolean): void {
  const { error, info, state_hash: hash, reward, terminated, truncated } = result;
  demand(isMap(info), `${path}.info is no map`);
  if (error === undefined || error === null) {
    if (hashes) demand(typeof hash === "string", `${path} has no state_hash, though welcome names the capability`);
    return;
  }
  demand(hash === undefined || hash === null, `${path} has a state_hash beside its error`);
  demand(
    reward === 0 && terminated === false && truncated === false,
    `${path} has a reward or an end beside its error`,
  );
  demand(isMap(error), `${path}.error is no map`);
  const { code, message, detail, retryable, env } = error;
  demand(
    typeof code === "string" && typeof message === "string" && message !== "",
    `${path}.error lacks code or message`,
  );
  demand(isMap(detail), `${path}.error has no map detail`);
  demand(retryable === false, `${path}.error has retryable ${JSON.stringify(retryable) ?? "missing"}, not false`);
  demand(env === result["env"], `${path}.error is of environment ${JSON.stringify(env) ?? "missing"}`);
}

/** What a check found wrong; its message becomes the check's detail. */
export class Finding extends Error {}

export function demand(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new Finding(problem);
}

/** Adds `what` to a Finding from the work. */
export async function within(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new Finding(`${what}: ${error instanceof Error ? error.message : error}`);
  }
}

export interface Answer {
  readonly header: WireMap;
  readonly frames: readonly Buffer[];
}

export interface PeerOp {
  readonly env: number;
  readonly op: string;
  readonly seed?: number;
  readonly options?: WireMap;
  readonly action?: TensorData;
}

export interface Outcome {
  readonly results: readonly EnvResult[];
  readonly tensors: ReadonlyMap<string, TensorData>;
}

/** How to reach the server, and what a check may expect of it. */
export interface PeerOptions {
  readonly endpoint: string;
  /** Bind and wait for the server, instead of connecting to it. */
  readonly bind?: boolean;
  readonly keys?: Keys;
  readonly token?: string;
  /** Milliseconds to wait for any one answer. */
  readonly patience?: number;
  /** The longest silence of a check in milliseconds, to see how a server reacts; default 2000. */
  readonly longestSilence?: number;
  /** Reset options that the environment must refuse; default: a scene that its catalog lacks. */
  readonly wrongOptions?: WireMap;
  /** The environment always starts the same, whatever the seed: checks that compare starts are not tried. */
  readonly singleStart?: boolean;
}

/** The keys of `detail` for each code, on any occasion. */
const DETAILS: Readonly<Record<string, Readonly<Record<string, (value: WireValue | undefined) => boolean>>>> = {
  VERSION: { protocols: (value) => Array.isArray(value) && value.includes(PROTOCOL_VERSION) },
  BUSY: { ping_period_ms: isNumber },
  OUT_OF_ORDER: { expected: isNumber },
  TOO_LARGE: { bytes: isNumber, limit: isNumber },
  NO_GRAPHICS: { uid: (value) => typeof value === "string" },
};

/** Answered without a session id, even inside a session. */
const OF_NO_SESSION: readonly unknown[] = ["VERSION", "AUTH", "BUSY", "NO_SESSION"];

function isNumber(value: WireValue | undefined): boolean {
  return typeof value === "number";
}

/** A client that sends any frames, right or wrong, and checks the answers: for your own conformance tests. */
export class Peer {
  readonly client = randomBytes(8).toString("hex");
  readonly patience: number;
  req = 0;
  sid = "";
  private socket: Dealer;
  private known: Welcome | undefined;
  private disconnected: Promise<void> = Promise.resolve();

  private constructor(readonly options: PeerOptions) {
    this.patience = options.patience ?? 10_000;
    this.socket = this.newSocket();
  }

  private newSocket(): Dealer {
    const socket = new Dealer({
      linger: 0,
      ipv6: this.options.endpoint.includes("["),
      receiveTimeout: this.patience,
      sendTimeout: this.patience,
      ...clientCurve(this.options.keys),
    });
    this.disconnected = new Promise((resolve) => {
      socket.events.on("disconnect", () => resolve());
    });
    return socket;
  }

  /** Binds or connects; sends nothing yet. */
  static async open(options: PeerOptions): Promise<Peer> {
    checkEndpoint(options.endpoint, options.keys, options.bind !== true);
    const peer = new Peer(options);
    try {
      if (options.bind === true) await peer.socket.bind(options.endpoint);
      else peer.socket.connect(options.endpoint);
    } catch (error) {
      peer.close();
      throw error;
    }
    return peer;
  }

  /** Opens another connection in place of this one; for the server it has another routing id. */
  async reconnect(): Promise<void> {
    const { endpoint } = this;
    this.socket.close();
    this.socket = this.newSocket();
    if (this.options.bind !== true) {
      this.socket.connect(endpoint);
      return;
    }
    // The old socket frees its port a little later.
    const until = performance.now() + this.patience;
    for (;;) {
      try {
        return await this.socket.bind(endpoint);
      } catch (error) {
        if (performance.now() > until) throw error;
        await wait(20);
      }
    }
  }

  /** Whether the server ends the connection within the peer's patience. */
  async isLeft(): Promise<boolean> {
    return Promise.race([this.disconnected.then(() => true), wait(this.patience, false, { ref: false })]);
  }

  get endpoint(): string {
    return this.socket.lastEndpoint ?? this.options.endpoint;
  }

  get welcome(): Welcome {
    if (this.known === undefined) throw new Finding("there is no session, because hello failed");
    return this.known;
  }

  /** Closes the socket without a message. */
  close(): void {
    this.socket.close();
  }

  /** Sends frames as they are. */
  async sendRaw(frames: readonly Uint8Array[]): Promise<void> {
    await this.socket.send(frames as Uint8Array[]);
  }

  /**
   * The frames of the next message.
   * @throws Finding if none comes within `patience` milliseconds
   */
  async receiveRaw(): Promise<Buffer[]> {
    try {
      return await this.socket.receive();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      throw new Finding(
        `no answer within ${this.patience / 1000} s: every request gets exactly one response, an error too`,
      );
    }
  }

  /**
   * The next message, with its header decoded.
   * @throws Finding if v, t, sid or req is missing or wrong
   */
  async receive(): Promise<Answer> {
    const [first, ...frames] = await this.receiveRaw();
    const header = decodeHeader(first ?? Buffer.alloc(0));
    demand(header["v"] === PROTOCOL_VERSION, `the answer's v is ${header["v"]}, not ${PROTOCOL_VERSION}`);
    demand(typeof header["t"] === "string", "the answer has no type t");
    demand(typeof header["sid"] === "string", `the answer "${header["t"]}" has no sid`);
    demand(Number.isInteger(header["req"]), `the answer "${header["t"]}" has no req`);
    return { header, frames };
  }

  /** Checks that no unrequested message comes. */
  async expectSilence(milliseconds: number): Promise<void> {
    this.socket.receiveTimeout = milliseconds;
    try {
      const [first] = await this.socket.receive();
      const said = first === undefined ? "" : JSON.stringify(decodeHeader(first)).slice(0, 200);
      throw new Finding(`a message came that answers no request: ${said}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    } finally {
      this.socket.receiveTimeout = this.patience;
    }
  }

  /** Discards answers that are still under way: everything up to the answer to a ping without a session. */
  async drain(): Promise<void> {
    const marker = 2 ** 50 + this.req;
    await this.sendRaw([encodeHeader({ v: PROTOCOL_VERSION, t: "ping", sid: "none", req: marker })]);
    for (;;) {
      const [first] = await this.receiveRaw();
      try {
        if (first !== undefined && decodeHeader(first)["req"] === marker) return;
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error; // an unreadable answer is discarded like the others
      }
    }
  }

  /** The next request of this session, as frames; uses up its number. */
  frames(fields: object, payload: readonly Uint8Array[] = []): Uint8Array[] {
    return [...this.framesOf({ sid: this.sid, req: ++this.req, ...fields }), ...payload];
  }

  /** A header with only these fields. */
  framesOf(fields: object): Uint8Array[] {
    return [encodeHeader({ v: PROTOCOL_VERSION, ...fields })];
  }

  /** Whether the server connected to this peer: then it ends with the session. */
  get endsWithSession(): boolean {
    return this.options.bind === true;
  }

  /** Sends the next request and returns its answer. */
  async ask(fields: object, payload: readonly Uint8Array[] = []): Promise<Answer> {
    return this.exchange(this.frames(fields, payload), this.req);
  }

  /**
   * Sends frames and returns the answer.
   * @throws Finding if it does not carry `req`
   */
  async exchange(frames: readonly Uint8Array[], req: number): Promise<Answer> {
    await this.sendRaw(frames);
    const answer = await this.receive();
    const { req: given, t, code, message } = answer.header;
    const said = t === "error" ? ` (${code}: ${message})` : "";
    demand(given === req, `the answer to request ${req} carries req ${given}${said}`);
    return answer;
  }

  /** Sends a wrong request: the answer must be this error. */
  async refused(
    code: string,
    fields: object,
    payload: readonly Uint8Array[] = [],
    expected: { field?: string } = {},
  ): Promise<WireMap> {
    return this.mustBe(code, await this.ask(fields, payload), expected);
  }

  /** A hello that must be refused. It takes no number, so that an open session goes on. */
  async refusedHello(code: string, extra: object, field?: string): Promise<WireMap> {
    const answer = await this.ask({ ...this.helloFields(), ...extra });
    this.req--;
    return this.mustBe(code, answer, { sid: "", ...(field === undefined ? {} : { field }) });
  }

  /**
   * Checks that the answer is the error `code`, complete by the specification, and returns its detail. `field` is what
   * `detail.field` must name, `sid` the answer's where it is not the usual one.
   * @throws Finding that says what is wrong
   */
  mustBe(code: string, { header }: Answer, { field, sid }: { field?: string; sid?: string } = {}): WireMap {
    const got = header["t"] === "error" ? `error ${header["code"]} (${header["message"]})` : `"${header["t"]}"`;
    demand(header["t"] === "error" && header["code"] === code, `expected the error ${code}, got ${got}`);
    demand(typeof header["message"] === "string" && header["message"] !== "", `the error ${code} has no message`);
    const { detail, retryable } = header;
    demand(typeof retryable === "boolean", `the error ${code} lacks retryable`);
    // For OUT_OF_ORDER it depends on the case.
    demand(code === "OUT_OF_ORDER" || retryable === (code === "BUSY"), `the error ${code} has retryable ${retryable}`);
    demand(isMap(detail), `the error ${code} has no map detail`);
    for (const [key, holds] of Object.entries(DETAILS[code] ?? {}))
      demand(holds(detail[key]), `detail.${key} of ${code} is ${JSON.stringify(detail[key]) ?? "missing"}`);
    if (field !== undefined) {
      const named = detail["field"];
      // A part of the key, or a key that contains it, also names it.
      const close = typeof named === "string" && (named.startsWith(field) || field.startsWith(named));
      demand(close, `detail.field is ${JSON.stringify(named) ?? "missing"}, not "${field}"`);
    }
    const right = sid ?? (header["req"] === 0 || OF_NO_SESSION.includes(code) ? "" : this.sid);
    demand(header["sid"] === right, `the error ${code} has sid "${header["sid"]}", not "${right}"`);
    return detail;
  }

  /** Checks that a result has this error, and returns its detail. */
  mustFail(code: string, result: EnvResult | undefined, what: string): WireMap {
    demand(result?.error?.code === code, `${what}: expected ${code}, got ${result?.error?.code ?? "no error"}`);
    return result.error.detail;
  }

  /** The fields of a valid hello, changed by `extra`. */
  helloFields(extra: object = {}): object {
    const token = this.options.keys?.token ?? this.options.token;
    return {
      t: "hello",
      client: this.client,
      protocols: [PROTOCOL_VERSION],
      package: "rls3-env-check/1",
      capabilities: [],
      limits: { max_frame_bytes: 2 ** 30 },
      ...(token === undefined ? {} : { token }),
      ...extra,
    };
  }

  /**
   * Says hello and takes the session.
   * @throws Finding if the answer is no welcome
   */
  async hello(extra: object = {}): Promise<Answer> {
    return this.adopt(await this.ask(this.helloFields(extra)));
  }

  /** Takes the session that the answer to a hello opens. */
  adopt(answer: Answer): Answer {
    demand(answer.header["t"] === "welcome", `hello was answered by ${JSON.stringify(answer.header).slice(0, 300)}`);
    this.known = parseWelcome(answer.header);
    this.sid = this.known.sid;
    return answer;
  }

  /** Observations that this server can give: all, or without a renderer those that need none. */
  get observable(): readonly TensorSpec[] {
    return this.welcome.observations.filter((spec) => spec.graphics !== true || this.welcome.graphics !== null);
  }

  /** A batch as header fields and payload: the actions of its steps as one tensor [steps, …shape]. */
  batchFields(
    ops: readonly PeerOp[],
    want: readonly string[],
    extra: object = {},
  ): { fields: object; payload: Uint8Array[] } {
    const { action } = this.welcome;
    const actions = ops.flatMap((op) => (op.action === undefined ? [] : [op.action]));
    const size = elementCount(action.shape);
    const rows = createTensor(action.dtype, actions.length * size);
    actions.forEach((values, i) => {
      rows.set(values, i * size);
    });
    const wire = ops.map(({ action: _, ...op }) => op);
    const tensors = [{ uid: action.uid, dtype: action.dtype, shape: [actions.length, ...action.shape], frame: 0 }];
    const payload = actions.length === 0 ? [] : [bytesOf(rows)];
    return { fields: { t: "batch", ops: wire, want, ...(actions.length === 0 ? {} : { tensors }), ...extra }, payload };
  }

  /**
   * Sends a batch and checks the answer against welcome.
   * @throws Finding that says what is wrong with it
   */
  async batch(ops: readonly PeerOp[], want: readonly string[] = [], extra: object = {}): Promise<Outcome> {
    const { fields, payload } = this.batchFields(ops, want, extra);
    return this.outcome(await this.ask(fields, payload), ops, want);
  }

  /**
   * Checks the answer to a batch: results, uids, dtypes and shapes.
   * @throws Finding that says what is wrong
   */
  outcome({ header, frames }: Answer, ops: readonly PeerOp[], want: readonly string[]): Outcome {
    const said = header["t"] === "error" ? `: ${header["code"]} ${header["message"]}` : "";
    demand(header["t"] === "batch_result", `a batch was answered by "${header["t"]}"${said}`);
    demand(header["sid"] === this.sid, `a batch_result has sid ${JSON.stringify(header["sid"])}, not the session's`);
    const results = parseResults(header, ops);
    (header["results"] as readonly WireMap[]).forEach((result, i) => {
      strictly(result, `results[${i}]`, this.welcome.capabilities.includes("state_hash"));
    });
    const uids = Array.isArray(header["tensors"]) ? header["tensors"].length : 0;
    demand(uids === want.length, `the answer has ${uids} tensors for ${want.length} wanted observations`);
    const tensors = new Map<string, TensorData>();
    for (const tensor of parseTensorHeaders(header, frames, bytesPerElement)) {
      const spec = this.welcome.observations.find(({ uid }) => uid === tensor.uid);
      demand(
        spec !== undefined && want.includes(tensor.uid),
        `the answer brings "${tensor.uid}", which was not wanted`,
      );
      const expected = [ops.length, ...spec.shape];
      demand(
        tensor.dtype === spec.dtype && tensor.shape.join() === expected.join(),
        `${tensor.uid} is ${tensor.dtype} [${tensor.shape}]; by welcome it must be ${spec.dtype} [${expected}]`,
      );
      tensors.set(tensor.uid, tensorOver(tensor.dtype, frames[tensor.frame] as Buffer));
    }
    const missing = want.find((uid) => !tensors.has(uid));
    demand(missing === undefined, `the answer lacks the wanted observation "${missing}"`);
    return { results, tensors };
  }

  /** One environment's result, which must not be an error. */
  async one(
    op: PeerOp,
    want: readonly string[] = [],
  ): Promise<{ result: EnvResult; tensors: ReadonlyMap<string, TensorData> }> {
    const { results, tensors } = await this.batch([op], want);
    const [result] = results;
    demand(result !== undefined, "no result");
    demand(
      result.error === undefined,
      `${op.op} of environment ${op.env} failed: ${result.error?.code} ${result.error?.message}`,
    );
    return { result, tensors };
  }
}
