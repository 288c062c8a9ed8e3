/** @file A client with bare hands: sends any frames, right or wrong, and looks at what comes back. */
import { randomBytes } from "node:crypto";
import { Dealer } from "zeromq";
import { decodeHeader, encodeHeader } from "../codec.js";
import type { WireMap } from "../environment.js";
import { ProtocolError } from "../errors.js";
import {
  type EnvResult,
  PROTOCOL_VERSION,
  parseResults,
  parseTensorHeaders,
  parseWelcome,
  type Welcome,
} from "../messages.js";
import { clientCurve, type Keys } from "../security.js";
import {
  bytesOf,
  bytesPerElement,
  createTensor,
  elementCount,
  type TensorData,
  type TensorSpec,
  tensorOver,
} from "../spaces.js";

/** What a check found wrong; its message becomes the check's detail. */
export class Finding extends Error {}

export function demand(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new Finding(problem);
}

export interface Answer {
  readonly header: WireMap;
  readonly frames: readonly Buffer[];
}

export interface PeerOp {
  readonly env: number;
  readonly op: string;
  readonly seed?: number;
  readonly action?: TensorData;
}

export interface Outcome {
  readonly results: readonly EnvResult[];
  readonly tensors: ReadonlyMap<string, TensorData>;
}

export interface PeerOptions {
  readonly endpoint: string;
  /** Bind and wait for the server, instead of connecting to it. */
  readonly bind?: boolean;
  readonly keys?: Keys;
  readonly token?: string;
  /** Milliseconds to wait for any one answer. */
  readonly patience?: number;
}

export class Peer {
  readonly client = randomBytes(8).toString("hex");
  readonly patience: number;
  req = 0;
  sid = "";
  private readonly socket: Dealer;
  private known: Welcome | undefined;

  private constructor(readonly options: PeerOptions) {
    this.patience = options.patience ?? 10_000;
    this.socket = new Dealer({
      linger: 0,
      receiveTimeout: this.patience,
      sendTimeout: this.patience,
      ...clientCurve(options.keys),
    });
  }

  static async open(options: PeerOptions): Promise<Peer> {
    const peer = new Peer(options);
    if (options.bind === true) await peer.socket.bind(options.endpoint);
    else peer.socket.connect(options.endpoint);
    return peer;
  }

  get endpoint(): string {
    return this.socket.lastEndpoint ?? this.options.endpoint;
  }

  get welcome(): Welcome {
    if (this.known === undefined) throw new Finding("there is no session, because hello failed");
    return this.known;
  }

  close(): void {
    this.socket.close();
  }

  async sendRaw(frames: readonly Uint8Array[]): Promise<void> {
    await this.socket.send(frames as Uint8Array[]);
  }

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

  async receive(): Promise<Answer> {
    const [first, ...frames] = await this.receiveRaw();
    const header = decodeHeader(first ?? Buffer.alloc(0));
    demand(header["v"] === PROTOCOL_VERSION, `the answer's v is ${header["v"]}, not ${PROTOCOL_VERSION}`);
    demand(typeof header["t"] === "string", "the answer has no type t");
    return { header, frames };
  }

  /** Throws away answers that are still under way: everything up to that to a ping without a session. */
  async drain(): Promise<void> {
    const marker = 2 ** 50 + this.req;
    await this.sendRaw([encodeHeader({ v: PROTOCOL_VERSION, t: "ping", sid: "none", req: marker })]);
    for (;;) {
      const [first] = await this.receiveRaw();
      try {
        if (first !== undefined && decodeHeader(first)["req"] === marker) return;
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error; // an unreadable answer is thrown away like the others
      }
    }
  }

  /** The next request of this session, as frames; its number is used up. */
  frames(fields: object, payload: readonly Uint8Array[] = []): Uint8Array[] {
    return [encodeHeader({ v: PROTOCOL_VERSION, sid: this.sid, req: ++this.req, ...fields }), ...payload];
  }

  /** Sends the next request and takes its answer. */
  async ask(fields: object, payload: readonly Uint8Array[] = []): Promise<Answer> {
    return this.exchange(this.frames(fields, payload), this.req);
  }

  async exchange(frames: readonly Uint8Array[], req: number): Promise<Answer> {
    await this.sendRaw(frames);
    const answer = await this.receive();
    demand(answer.header["req"] === req, `the answer to request ${req} carries req ${answer.header["req"]}`);
    return answer;
  }

  /** Asks for something wrong: the answer must be this error. */
  async refused(code: string, fields: object, payload: readonly Uint8Array[] = []): Promise<WireMap> {
    return this.mustBe(code, await this.ask(fields, payload));
  }

  mustBe(code: string, { header }: Answer): WireMap {
    const got = header["t"] === "error" ? `error ${header["code"]} (${header["message"]})` : `"${header["t"]}"`;
    demand(header["t"] === "error" && header["code"] === code, `expected the error ${code}, got ${got}`);
    demand(typeof header["message"] === "string" && header["message"] !== "", `the error ${code} has no message`);
    demand(typeof header["retryable"] === "boolean", `the error ${code} lacks retryable`);
    return header;
  }

  helloFields(extra: object = {}): object {
    const token = this.options.keys?.token ?? this.options.token;
    return {
      t: "hello",
      client: this.client,
      protocols: [PROTOCOL_VERSION],
      package: "rls3 env check",
      capabilities: [],
      limits: { max_frame_bytes: 2 ** 30 },
      ...(token === undefined ? {} : { token }),
      ...extra,
    };
  }

  async hello(extra: object = {}): Promise<Answer> {
    const answer = await this.ask(this.helloFields(extra));
    demand(answer.header["t"] === "welcome", `hello was answered by ${JSON.stringify(answer.header).slice(0, 300)}`);
    this.known = parseWelcome(answer.header);
    this.sid = this.known.sid;
    return answer;
  }

  /** Observations that any server can give: all, without a renderer those that need none. */
  get observable(): readonly TensorSpec[] {
    return this.welcome.observations.filter((spec) => spec.graphics !== true || this.welcome.graphics !== null);
  }

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

  async batch(ops: readonly PeerOp[], want: readonly string[] = [], extra: object = {}): Promise<Outcome> {
    const { fields, payload } = this.batchFields(ops, want, extra);
    return this.outcome(await this.ask(fields, payload), ops, want);
  }

  outcome({ header, frames }: Answer, ops: readonly PeerOp[], want: readonly string[]): Outcome {
    const said = header["t"] === "error" ? `: ${header["code"]} ${header["message"]}` : "";
    demand(header["t"] === "batch_result", `a batch was answered by "${header["t"]}"${said}`);
    const results = parseResults(header, ops);
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

  /** One environment's result, which must be no error. */
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
