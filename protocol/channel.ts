/**
 * @file The client's end of the wire: numbered requests, in order and pipelined, resent under their number, each with
 * the timeout of its phase. It reads only a message's number, and whether it is an error.
 */
import { Dealer } from "zeromq";
import { checkHeader, DECODER_LIMITS, decodeHeader, encodeHeader } from "./codec.js";
import { EagerWait } from "./eager-wait.js";
import type { WireMap } from "./environment.js";
import { badMessage, ProtocolError } from "./errors.js";
import { PROTOCOL_VERSION, parseErrorBody, readInteger } from "./messages.js";
import { checkEndpoint, clientCurve, type Keys } from "./security.js";

/** Milliseconds, one timeout per phase; the error names the phase. */
export interface Timeouts {
  /** Until the peer is connected. */
  readonly connect: number;
  /** From then until welcome. */
  readonly hello: number;
  readonly reset: number;
  /** Also for configure and ping. */
  readonly step: number;
  readonly close: number;
}

/** Default timeouts: a minute for reset and step, 30 s for connect and hello, 3 s for close. */
export const DEFAULT_TIMEOUTS: Timeouts = { connect: 30_000, hello: 30_000, reset: 60_000, step: 60_000, close: 3000 };

export interface ChannelOptions {
  readonly endpoint: string;
  readonly keys?: Keys;
  readonly timeouts?: Partial<Timeouts>;
  /** Called when the other side's socket is gone. It may come back: pending requests are sent again then. */
  readonly onDisconnect?: () => void;
  /**
   * Milliseconds after which an unanswered request is sent again under its number. Also sent when the connection comes
   * back.
   */
  readonly resendAfter?: number;
  /** Wait awake for quick answers (eager-wait.ts); false if other work needs the core. Default: true. */
  readonly waitAwake?: boolean;
}

/**
 * After this many errors in a row without a matching request, the server is given up. A lost message can cause a few,
 * which do not count.
 */
const MOST_REBUFFS = 100;

/** Milliseconds that a tick may be late; if it is later, this client itself was stopped (Ctrl-Z, a breakpoint). */
const MOST_LATE = 250;

/** Larger than any number that may be under way. */
const FENCE = 1_000_000;

export type Phase = keyof Timeouts | "ping" | "configure";

type Parse<T> = (reply: WireMap, frames: readonly Buffer[]) => T;

/** A request that was sent. It stays in flight after an abort or a timeout, since the server still works on it. */
interface Pending {
  readonly header: Record<string, unknown>;
  frames: readonly Uint8Array[];
  readonly phase: Phase;
  /** By the client's clock. */
  readonly deadline: number;
  sentAt: number;
  /** Undefined once nobody waits for it. */
  answer: ((reply: WireMap, frames: readonly Buffer[]) => void) | undefined;
  fail: ((error: unknown) => void) | undefined;
}

/**
 * Tests whether the server could not read a request: it is sent again, then a message with a number beyond all others.
 * The answer to that one ends the wait.
 */
interface Probe {
  readonly suspect: number;
  readonly fence: number;
  /** By the client's clock. */
  readonly since: number;
  readonly error: ProtocolError;
}

/** Waits until the number of requests in flight allows another. */
interface Waiter {
  readonly phase: Phase;
  readonly deadline: number;
  readonly admit: () => void;
  readonly fail: (error: unknown) => void;
}

/** Terms of a session, fixed by welcome. */
export interface SessionTerms {
  readonly sid: string;
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
  readonly pingPeriod: number;
}

export class Channel {
  readonly timeouts: Timeouts;
  /** Whether the transport is up; a session survives a broken connection. */
  connected = false;
  /** When the last message came, by `performance.now()`. */
  heard = 0;
  private readonly socket: Dealer;
  private readonly resendAfter: number;
  /** Oldest first. */
  private readonly pending = new Map<number, Pending>();
  private readonly waiters: Waiter[] = [];
  private readonly wait: EagerWait | undefined;
  /** Places given to waiters that have not used them yet. */
  private granted = 0;
  private readonly outbox: (readonly Uint8Array[])[] = [];
  private sending = false;
  private lastReq = 0;
  /** Under way while it is unclear whether the server could read the oldest request. */
  private probe: Probe | undefined;
  /** Errors without a matching request since the last proper answer. */
  private rebuffs = 0;
  private reason: unknown;
  private over = false;
  private timer: NodeJS.Timeout | undefined;
  private interval = 0;
  /** The last tick, by `performance.now()` and by this client's clock. */
  private tickedAt = performance.now();
  private elapsed = 0;
  private terms: SessionTerms | undefined;

  /** @param onIdle called when nothing was sent or received for a ping period */
  constructor(
    private readonly options: ChannelOptions,
    private readonly onIdle: () => void,
  ) {
    checkEndpoint(options.endpoint, options.keys);
    this.timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.resendAfter = options.resendAfter ?? 5000;
    this.wait = options.waitAwake === false ? undefined : new EagerWait();
    this.socket = new Dealer({
      linger: 0,
      ipv6: options.endpoint.includes("["),
      sendHighWaterMark: 0,
      heartbeatInterval: 5000,
      reconnectInterval: 50,
      reconnectMaxInterval: 1000,
      ...clientCurve(options.keys),
    });
    this.socket.events.on("handshake", () => {
      this.connected = true;
      this.probe = undefined;
      this.resendAll();
    });
    this.socket.events.on("disconnect", () => {
      if (this.connected && !this.over) options.onDisconnect?.();
      this.connected = false;
    });
    this.tickEvery(Math.min(250, this.resendAfter / 2));
    void this.receive();
  }

  connect(): void {
    this.socket.connect(this.options.endpoint);
  }

  async bind(): Promise<void> {
    await this.socket.bind(this.options.endpoint);
  }

  /** The endpoint; after binding, with the actual port. */
  get endpoint(): string {
    return this.socket.lastEndpoint ?? this.options.endpoint;
  }

  get closed(): boolean {
    return this.over;
  }

  /** From now on, requests carry the session's id and respect its server's limits. */
  begin(terms: SessionTerms): void {
    this.terms = terms;
    // Check often enough to ping in time.
    this.tickEvery(Math.min(250, this.resendAfter / 2, terms.pingPeriod / 4));
  }

  private tickEvery(interval: number): void {
    clearInterval(this.timer);
    this.interval = interval;
    // Not before the loop has read what came: a client that was stopped looks at its answers first, then at the time.
    this.timer = setInterval(() => setImmediate(() => this.tick()), interval);
  }

  /** Milliseconds for deadlines. They stand still while this client is stopped: it can't read answers then. */
  private clock(): number {
    return this.elapsed + Math.min(performance.now() - this.tickedAt, this.interval + MOST_LATE);
  }

  /** Drops the connection without a message; everything pending fails with `reason`. */
  end(reason: unknown): void {
    if (this.over) return;
    this.over = true;
    this.reason = reason;
    clearInterval(this.timer);
    this.socket.close();
    for (const entry of this.pending.values()) entry.fail?.(reason);
    this.pending.clear();
    for (const waiter of this.waiters.splice(0)) waiter.fail(reason);
  }

  /**
   * Sends a request and resolves with `parse` of its response. Waits first while the server's limit of unanswered
   * requests is reached. Sets the header's version, session and number.
   * @throws ProtocolError BAD_MESSAGE or TOO_LARGE for a request that the server could not read; it is not sent
   */
  async request<T>(
    phase: Phase,
    header: Record<string, unknown>,
    payload: readonly Uint8Array[],
    signal: AbortSignal | undefined,
    parse: Parse<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    checkHeader(header);
    const deadline = this.clock() + this.patience(phase);
    const atMost = this.terms?.maxInFlight ?? 1;
    // Earlier waiters go first.
    if (this.pending.size + this.granted >= atMost || this.waiters.length > 0) {
      await this.admission(phase, deadline, signal);
      this.granted--;
    }
    try {
      return await this.dispatch(phase, header, payload, deadline, signal, parse);
    } finally {
      // A refused request gives its place to the next.
      if (this.pending.size + this.granted < atMost) this.waiters[0]?.admit();
    }
  }

  private dispatch<T>(
    phase: Phase,
    header: Record<string, unknown>,
    payload: readonly Uint8Array[],
    deadline: number,
    signal: AbortSignal | undefined,
    parse: Parse<T>,
  ): Promise<T> {
    if (this.over) throw this.reason;
    const req = this.lastReq + 1;
    header["v"] = PROTOCOL_VERSION;
    header["req"] = req;
    if (this.terms !== undefined) header["sid"] = this.terms.sid;
    const frames = this.encode(header, payload);
    // The request is valid: only now is the number used up.
    this.lastReq = req;
    return new Promise<T>((resolve, reject) => {
      const entry: Pending = {
        ...{ header, frames, phase, deadline, sentAt: performance.now() },
        ...{ answer: undefined, fail: undefined },
      };
      const release = (): void => {
        entry.answer = undefined;
        entry.fail = undefined;
        signal?.removeEventListener("abort", abort);
      };
      entry.answer = (reply, parts) => {
        release();
        try {
          resolve(parse(reply, parts));
        } catch (error) {
          reject(error);
        }
      };
      entry.fail = (error) => {
        release();
        reject(error);
      };
      const abort = (): void => entry.fail?.(signal?.reason);
      signal?.addEventListener("abort", abort);
      this.pending.set(req, entry);
      this.post(frames);
      this.wait?.begin();
    });
  }

  /** @throws ProtocolError for frames that this server, or any server, refuses */
  private encode(header: Record<string, unknown>, payload: readonly Uint8Array[]): Uint8Array[] {
    const frames = [encodeHeader(header), ...payload];
    const bytes = frames[0]?.byteLength ?? 0;
    if (bytes > DECODER_LIMITS.headerBytes) {
      throw badMessage(`the header has ${bytes} bytes; at most ${DECODER_LIMITS.headerBytes} are allowed`);
    }
    if (frames.length > DECODER_LIMITS.frames) {
      throw badMessage(`${frames.length} frames; at most ${DECODER_LIMITS.frames} are allowed`);
    }
    const limit = this.terms?.maxFrameBytes ?? Number.POSITIVE_INFINITY;
    for (const { byteLength } of frames) {
      if (byteLength <= limit) continue;
      const message = `a frame of ${byteLength} bytes; this server takes ${limit}`;
      throw new ProtocolError("TOO_LARGE", message, { bytes: byteLength, limit });
    }
    return frames;
  }

  private admission(phase: Phase, deadline: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.over) throw this.reason;
    return new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        const at = this.waiters.indexOf(waiter);
        if (at >= 0) this.waiters.splice(at, 1);
        signal?.removeEventListener("abort", abort);
      };
      const waiter: Waiter = {
        phase,
        deadline,
        admit: () => {
          leave();
          this.granted++;
          resolve();
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const abort = (): void => waiter.fail(signal?.reason);
      signal?.addEventListener("abort", abort);
      this.waiters.push(waiter);
    });
  }

  /** zeromq.js allows one waiting send at a time, so messages queue here while there is no peer. */
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
    // Closing the socket makes a waiting send fail, too; by then everything pending has failed.
    this.end(new ProtocolError("UNAVAILABLE", `sending failed: ${error.message}`));
  };

  private async receive(): Promise<void> {
    try {
      while (!this.over) {
        const frames = await this.socket.receive();
        this.heard = performance.now();
        this.take(frames);
      }
    } catch (error) {
      // Closing the socket ends a waiting receive; end() ignores a second call.
      const why = error instanceof Error ? error.message : String(error);
      this.end(new ProtocolError("UNAVAILABLE", `receiving failed: ${why}`));
    }
  }

  private take(frames: readonly Buffer[]): void {
    let reply: WireMap;
    let req: number;
    try {
      reply = decodeHeader(frames[0] ?? Buffer.alloc(0));
      req = readInteger(reply, "req", 0, Number.MAX_SAFE_INTEGER);
    } catch (error) {
      // The matching request is unknown, so the oldest one gets the error.
      const [oldest] = this.pending.keys();
      if (oldest !== undefined) this.settle(oldest)?.fail?.(error);
      return;
    }
    if (reply["t"] !== "error") {
      const entry = this.settle(req);
      const problem = this.strangeness(reply);
      if (problem === null) entry?.answer?.(reply, frames.slice(1));
      else entry?.fail?.(problem);
      return;
    }
    const error = ProtocolError.from(parseErrorBody(reply));
    if (!this.pending.has(req) && this.isRebuffed()) {
      const message = `the server answers nothing but errors that fit no request; the last: ${error.code}: ${error.message}`;
      this.end(new ProtocolError("BAD_MESSAGE", message, error.detail));
      return;
    }
    if (this.probe !== undefined && req === this.probe.fence) this.endProbe(this.probe, error);
    else if (error.code === "OUT_OF_ORDER" && error.retryable) this.missing(error);
    else if (req === 0) this.suspect(error);
    else this.settle(req)?.fail?.(error);
  }

  /** What is wrong where an answer has another version or session; null where nothing is. */
  private strangeness({ v, sid }: WireMap): ProtocolError | null {
    if (v !== PROTOCOL_VERSION)
      return badMessage(`the answer's v is ${JSON.stringify(v)}; it must be ${PROTOCOL_VERSION}`);
    const session = this.terms?.sid;
    if (session === undefined || sid === session) return null;
    return badMessage(`the answer is of session ${JSON.stringify(sid)}; this one is ${JSON.stringify(session)}`);
  }

  /**
   * Counts an error without a matching request, and returns whether that is one too many. With nothing under way, it
   * does not count.
   */
  private isRebuffed(): boolean {
    if (this.pending.size > 0) this.rebuffs++;
    return this.rebuffs > MOST_REBUFFS + (this.terms?.maxInFlight ?? 1) ** 2;
  }

  /** The server lacks earlier requests: sends all again, but not forever. */
  private missing(error: ProtocolError): void {
    if (!this.isRebuffed()) this.resendAll();
    else
      this.end(
        new ProtocolError("BAD_MESSAGE", `the server goes on missing requests that it was sent: ${error.message}`),
      );
  }

  /**
   * An error without a number: the server could not read a request, and did not count it. To find out which, wait until
   * everything under way is answered: the server then refuses a number that is too high, and names the one it expects.
   */
  private suspect(error: ProtocolError): void {
    const [oldest] = this.pending;
    if (this.probe !== undefined || oldest === undefined) return;
    const [suspect, entry] = oldest;
    const sid = this.terms?.sid ?? "none";
    const fence = this.lastReq + FENCE;
    this.probe = { suspect, fence, since: this.clock(), error };
    this.send(entry);
    this.post([encodeHeader({ v: PROTOCOL_VERSION, t: "ping", sid, req: fence })]);
  }

  private endProbe({ suspect, error }: Probe, answer: ProtocolError): void {
    this.probe = undefined;
    // Before welcome there is no expected number, and no session.
    const isUnread = this.terms === undefined ? answer.code === "NO_SESSION" : answer.detail["expected"] === suspect;
    if (isUnread) this.giveBack(suspect, error);
    this.resendAll();
  }

  /** The request fails, and later requests move up by one number. */
  private giveBack(number: number, error: ProtocolError): void {
    const entry = this.settle(number);
    if (entry === undefined) return;
    const others = [...this.pending.values()];
    this.pending.clear();
    this.lastReq = number - 1;
    for (const other of others) {
      other.header["req"] = ++this.lastReq;
      other.frames = [encodeHeader(other.header), ...other.frames.slice(1)];
      this.pending.set(this.lastReq, other);
    }
    entry.fail?.(error);
  }

  private send(entry: Pending): void {
    entry.sentAt = performance.now();
    this.post(entry.frames);
  }

  /**
   * The request with this number, with its place free again; undefined for the second answer to one that was resent.
   */
  private settle(req: number): Pending | undefined {
    const entry = this.pending.get(req);
    if (entry === undefined) return undefined;
    this.pending.delete(req);
    this.rebuffs = 0;
    if (this.pending.size === 0) this.wait?.end(this.heard - entry.sentAt);
    this.waiters[0]?.admit();
    return entry;
  }

  private resendAll(): void {
    for (const entry of this.pending.values()) {
      // Messages that wait for their first send, as before the first connection, go out by themselves.
      if (this.sending) return;
      this.send(entry);
    }
  }

  private tick(): void {
    if (this.over) return;
    const clock = this.clock();
    const now = performance.now();
    this.elapsed = clock;
    this.tickedAt = now;
    for (const { phase, deadline, fail } of [...this.pending.values(), ...this.waiters]) {
      // While nothing connects, hello waits for the connection's time alone.
      const isAbsent = phase === "hello" && !this.connected && clock > deadline - this.timeouts.hello;
      if (isAbsent || clock > deadline) fail?.(this.timeout(phase));
    }
    const [oldest] = this.pending.values();
    // The probe's answer was lost; the next resend starts another.
    if (this.probe !== undefined && clock - this.probe.since > this.resendAfter) this.probe = undefined;
    // Without a connection, resends would only pile up; when it comes back, everything is resent.
    if (this.connected && oldest !== undefined && now - oldest.sentAt > this.resendAfter) this.resendAll();
    const period = this.terms?.pingPeriod ?? Number.POSITIVE_INFINITY;
    if (this.pending.size === 0 && now - this.heard > period) this.onIdle();
  }

  private patience(phase: Phase): number {
    if (phase === "hello") return this.timeouts.connect + this.timeouts.hello;
    return phase === "ping" || phase === "configure" ? this.timeouts.step : this.timeouts[phase];
  }

  private timeout(phase: Phase): ProtocolError {
    const absent = phase === "hello" && !this.connected;
    const named = absent ? "connect" : phase;
    const key = this.options.keys === undefined ? "" : ", and is serverPublicKey the server's key";
    const what = absent
      ? `nothing answers at ${this.options.endpoint}: is the server started, and is the address right${key}?`
      : `the server at ${this.options.endpoint} did not answer`;
    const waited = absent ? this.timeouts.connect : this.patience(phase);
    const message = `timeout in phase "${named}" after ${waited / 1000} s: ${what}`;
    return new ProtocolError("TIMEOUT", message, { phase: named }, true);
  }
}
