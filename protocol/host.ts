/**
 * @file A server without sockets: one session at a time, requests in order, each executed once, replies stored for
 * resends.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { DECODER_LIMITS, decodeHeader, encodeAnswer, encodeHeader } from "./codec.js";
import type { DefinitionSource, SessionWishes, WireMap, WireValue } from "./environment.js";
import { badMessage, ProtocolError, shown } from "./errors.js";
import {
  errorBody,
  type Hello,
  PROTOCOL_VERSION,
  parseHello,
  parseParameters,
  type ServerLimits,
  specToWire,
} from "./messages.js";
import { PACKAGE } from "./package-name.js";
import { checkDefinition, tooLarge, World } from "./world.js";

/** Options of a server. `envCount` is 1 to 65535, by default 1; `timeStep` is in simulated seconds. */
export interface HostOptions {
  readonly envCount?: number;
  readonly limits?: Partial<ServerLimits>;
  /** The token that a client must send in hello; not empty. */
  readonly token?: string;
  /** The server's package, for logs: `name/version`. */
  readonly package?: string;
  readonly timeStep?: number;
  /** Whether the transport is encrypted: then welcome names the capability `curve`. */
  readonly curve?: boolean;
}

export const DEFAULT_LIMITS: ServerLimits = {
  max_frame_bytes: 64 * 1024 * 1024,
  max_in_flight: 8,
  ping_period_ms: 5000,
};

/** The frames of an answer. */
type Reply = readonly [header: Buffer, ...payload: Buffer[]];

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

/** Answers the messages of one session at a time without a socket: for tests, and for your own transports. */
export class EnvironmentHost {
  readonly limits: ServerLimits;
  private readonly envCount: number;
  private world: World | undefined;
  private session: Session | undefined;
  /** Number of sessions ended by `close`. A server that was started for one session ends after it. */
  sessionsClosed = 0;

  /** @throws ProtocolError CONFIGURATION for a definition that cannot be served */
  constructor(
    private readonly source: DefinitionSource,
    private readonly options: HostOptions = {},
  ) {
    this.envCount = options.envCount ?? 1;
    if (!Number.isInteger(this.envCount) || this.envCount < 1 || this.envCount > 65_535) {
      throw new ProtocolError("CONFIGURATION", `envCount must be an integer from 1 to 65535, not ${options.envCount}`);
    }
    if (options.token === "") {
      throw new ProtocolError("CONFIGURATION", "token is empty; leave it out to serve without one");
    }
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    checkDefinition(typeof source === "function" ? source({}) : source);
  }

  /** Closes the session's environments. */
  close(): void {
    const { world } = this;
    this.world = undefined;
    world?.close();
  }

  /** New environments for a new session, with every parameter at its default. */
  private create(wishes: SessionWishes, seed: number): World {
    const definition = typeof this.source === "function" ? this.source(wishes) : this.source;
    checkDefinition(definition);
    return new World(definition, this.envCount, seed);
  }

  /**
   * Turns the frames of a message into the frames of its answer: one response per request. Never throws.
   * @param clock milliseconds that only go forward; read before and after the work, which is no silence of the client
   */
  answer(frames: readonly Uint8Array[], clock: () => number = () => performance.now()): readonly Buffer[] {
    let req = 0;
    try {
      const [first] = frames;
      if (first === undefined) throw badMessage("a message without frames");
      this.checkFrames([first], 0);
      const header = decodeHeader(first);
      const given = header["req"];
      if (Number.isSafeInteger(given) && (given as number) >= 1) req = given as number;
      if (header["v"] !== PROTOCOL_VERSION) throw wrongVersion(shown(header["v"]));
      if (req === 0) {
        throw badMessage(`req must be an integer from 1 to 2^53 - 1; it is ${shown(given)}`, { field: "req" });
      }
      if (header["t"] === "hello") return this.hello(parseHello(header), req, clock);
      return this.inSession(req, header, frames, clock);
    } catch (error) {
      return [encodeError(error, req, "")];
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

  private hello(hello: Hello, req: number, clock: () => number): readonly Buffer[] {
    if (!hello.protocols.includes(PROTOCOL_VERSION)) throw wrongVersion(hello.protocols.join(", "));
    const { token } = this.options;
    if (token !== undefined && (hello.token === undefined || !sameToken(token, hello.token))) {
      throw new ProtocolError(
        "AUTH",
        `hello's token is ${hello.token === undefined ? "missing" : "not this server's"}`,
      );
    }
    const [current, now] = [this.session, clock()];
    // A client that was silent for three ping periods loses its session as soon as another client says hello.
    const left = current === undefined || now - current.lastHeard >= 3 * this.limits.ping_period_ms;
    if (!left && current.client !== hello.client) {
      throw new ProtocolError(
        "BUSY",
        "another client has a session here; it ends with its close or after three silent ping periods",
        { ping_period_ms: this.limits.ping_period_ms },
        true,
      );
    }
    if (current?.client === hello.client && current.firstReq === req) {
      // The same hello again: its welcome was lost on the way.
      const reply = current.replies[req % this.limits.max_in_flight];
      current.lastHeard = now;
      if (reply !== undefined && current.lastReq === req) return reply;
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
    const world = this.create(hello.imageSize === undefined ? {} : { imageSize: hello.imageSize }, hello.seed);
    try {
      session.replies[req % this.limits.max_in_flight] = [encodeAnswer(this.welcome(session, world, req))];
    } catch (error) {
      world.close();
      throw error;
    }
    session.lastHeard = clock();
    // Only now is it certain that hello succeeds: an error would have ended nothing.
    try {
      this.close();
    } catch {
      // The old session is over, however its environments ended.
    }
    this.world = world;
    this.session = session;
    return session.replies[req % this.limits.max_in_flight] as Reply;
  }

  private welcome(session: Session, { definition, hashes }: World, req: number): WireMap {
    const parameters = definition.parameters ?? [];
    return {
      v: PROTOCOL_VERSION,
      t: "welcome",
      sid: session.sid,
      req,
      protocols: [PROTOCOL_VERSION],
      name: definition.name,
      package: this.options.package ?? PACKAGE,
      env_count: this.envCount,
      action: specToWire(definition.action),
      observations: definition.observations.map(specToWire),
      autoreset: "disabled",
      graphics: definition.graphics,
      time_step: this.options.timeStep ?? null,
      capabilities: [
        ...(hashes ? ["state_hash"] : []),
        ...(parameters.length > 0 ? ["configure"] : []),
        ...(definition.graphics !== null ? ["images"] : []),
        ...(this.options.curve === true ? ["curve"] : []),
      ],
      state_hash: hashes ? (definition.stateHashVersion ?? 1) : null,
      parameters: parameters.map((parameter) => ({ ...parameter })) as unknown as WireValue[],
      limits: { ...this.limits },
      catalog: definition.catalog ?? null,
    };
  }

  private inSession(
    req: number,
    header: WireMap,
    frames: readonly Uint8Array[],
    clock: () => number,
  ): readonly Buffer[] {
    const { session, world } = this;
    const { sid } = header;
    if (session === undefined || world === undefined || session.sid !== sid) {
      const said = typeof sid === "string" ? `"${sid.slice(0, 32)}"` : shown(sid);
      throw new ProtocolError("NO_SESSION", `there is no session ${said} here (any more); say hello first`);
    }
    session.lastHeard = clock();
    if (req !== session.lastReq + 1) {
      const isRecent = req <= session.lastReq && req > session.lastReq - this.limits.max_in_flight;
      const reply = isRecent ? session.replies[req % this.limits.max_in_flight] : undefined;
      if (reply !== undefined && req > session.firstReq) return reply;
      return [encodeError(outOfOrder(req, session.lastReq + 1, req > session.lastReq), req, sid)];
    }
    let reply: Reply;
    try {
      this.checkFrames(frames, 1);
      const { t: type } = header;
      if (typeof type !== "string") throw badMessage("t must be a string: the message's type", { field: "t" });
      reply = this.execute(type, session, world, req, header, frames.slice(1));
      // Observations were checked against the limit before they were made; the header's length depends on the infos.
      const bytes = reply[0].byteLength;
      if (bytes > session.maxFrameBytes) throw tooLarge("the answer's header", bytes, session.maxFrameBytes);
    } catch (error) {
      reply = [encodeError(error, req, sid)];
    }
    // Errors take their number too: a resend must get the same answer.
    session.lastReq = req;
    session.replies[req % this.limits.max_in_flight] = reply;
    // Another client's hello may be read next, before what the session's own client sent during a long request.
    session.lastHeard = clock();
    return reply;
  }

  private execute(
    type: string,
    session: Session,
    world: World,
    req: number,
    header: WireMap,
    payload: readonly Uint8Array[],
  ): Reply {
    const { sid } = session;
    switch (type) {
      case "batch": {
        const { results, tensors, frames } = world.batch(header, payload, session.maxFrameBytes);
        return [encodeAnswer({ v: PROTOCOL_VERSION, t: "batch_result", sid, req, results, tensors }), ...frames];
      }
      case "ping":
        return [encodeHeader({ v: PROTOCOL_VERSION, t: "pong", sid, req, tick_age_ms: 0, queue_depth: 0 })];
      case "configure": {
        const parameters = parseParameters(header, world.definition.parameters ?? []);
        for (const [name, value] of parameters) world.configure(name, value);
        return [
          encodeAnswer({ v: PROTOCOL_VERSION, t: "configured", sid, req, parameters: Object.fromEntries(parameters) }),
        ];
      }
      case "close":
        this.session = undefined;
        this.sessionsClosed++;
        this.close();
        return [encodeHeader({ v: PROTOCOL_VERSION, t: "closed", sid, req })];
      default:
        throw badMessage(`unknown message type "${type.slice(0, 64)}"; known: hello, batch, ping, configure, close`, {
          field: "t",
        });
    }
  }
}

function wrongVersion(given: string): Error {
  return new ProtocolError("VERSION", `this server speaks protocol ${PROTOCOL_VERSION}, not ${given}`, {
    protocols: [PROTOCOL_VERSION],
  });
}

function outOfOrder(req: number, expected: number, gap: boolean): Error {
  const why = gap ? `requests before ${req} are missing` : `the reply to ${req} is not kept any more`;
  return new ProtocolError("OUT_OF_ORDER", `${why}; the next is ${expected}`, { expected }, gap);
}

function sameToken(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function encodeError(error: unknown, req: number, sid: string): Buffer {
  const known =
    error instanceof ProtocolError
      ? error
      : new ProtocolError("INTERNAL", error instanceof Error ? error.message : String(error));
  const header = { v: PROTOCOL_VERSION, t: "error", sid, req, ...errorBody(known) };
  try {
    return encodeAnswer(header);
  } catch {
    return encodeHeader({ ...header, detail: {} }); // a definition's own error, with a detail that can't be sent
  }
}
