/**
 * @file A small server of the protocol that can break each of its rules: written from protocol/README.md alone, in one file, to
 * see whether the conformance suite notices. With no switch set it breaks none. mutants.ts says what each switch does.
 */
import { randomBytes } from "node:crypto";
import { Unpackr } from "msgpackr";
import { Router } from "zeromq";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import type { MutantName } from "./mutants.js";
import { ACTION, hashOf, OBSERVATIONS, PARAMETERS, Place, SETTINGS, type Settings } from "./small-world.js";

type Header = Record<string, unknown>;
type Row = Record<string, unknown>;

const ENVS = 3;
const LIMITS = { max_frame_bytes: 5 * 1024 * 1024, max_in_flight: 4, ping_period_ms: 100 };
const MOST = Number.MAX_SAFE_INTEGER;

class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly detail: Row = {},
    readonly retryable = false,
  ) {
    super(message);
  }
}

const bad = (field: string, message = "is wrong"): Refusal =>
  new Refusal("BAD_MESSAGE", `${field} ${message}`, { field });

const isMap = (value: unknown): value is Header =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const isInteger = (value: unknown, low: number, high: number): value is number =>
  Number.isInteger(value) && (value as number) >= low && (value as number) <= high;

interface Slot {
  place: Place;
  state: "new" | "running" | "over";
  episode: number;
  step: number;
}

interface Session {
  readonly sid: string;
  readonly client: string;
  readonly hello: number;
  readonly helloReply: Buffer[];
  readonly limit: number;
  readonly side: number;
  readonly seed: number;
  readonly id: string;
  settings: Settings;
  last: number;
  heard: number;
  readonly kept: Map<number, Buffer[]>;
  slots: Slot[];
}

interface Tensor {
  readonly uid: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

export interface SmallServerOptions {
  readonly broken?: MutantName | undefined;
  readonly graphics?: string | null;
  readonly token?: string | undefined;
  /** Connect there, and end with the session, instead of binding. */
  readonly connect?: string;
}

export class SmallServer {
  private session: Session | undefined;
  private readonly sessions: Session[] = [];
  private readonly busy = new Map<string, Buffer[]>();
  private count = 0;
  private settings: Settings = SETTINGS;
  private left = false;
  private readonly gathered: [id: Buffer, frames: Buffer[]][] = [];
  private readonly socket = new Router({ linger: 200 });

  private constructor(private readonly options: SmallServerOptions) {
    this.socket.maxMessageSize = (this.is("large-frame-cuts") ? 1 : 2) * LIMITS.max_frame_bytes;
  }

  static async open(options: SmallServerOptions): Promise<SmallServer> {
    const server = new SmallServer(options);
    if (options.connect === undefined) await server.socket.bind("tcp://127.0.0.1:*");
    else server.socket.connect(options.connect);
    server.serve().catch(() => undefined); // closing the socket ends it
    return server;
  }

  get endpoint(): string {
    return this.socket.lastEndpoint ?? "";
  }

  close(): void {
    this.socket.close();
  }

  private is(name: MutantName): boolean {
    return this.options.broken === name;
  }

  private async serve(): Promise<void> {
    for await (const [id = Buffer.alloc(0), ...frames] of this.socket) {
      if (this.is("few-at-once")) {
        this.gather(id, frames);
        continue;
      }
      const reply = this.answer(frames, id.toString("hex"));
      if (this.is("unknown-type-unanswered") && reply[0]?.includes("t is wrong") === true) continue;
      const to = this.is("answers-first-connection") ? Buffer.from(this.session?.id ?? id.toString("hex"), "hex") : id;
      await this.socket.send([to, ...reply]);
      if (this.is("pong-twice") && decodeHeader(reply[0] as Buffer)["t"] === "pong")
        await this.socket.send([to, ...reply]);
      if (this.options.connect !== undefined && this.left && !this.is("connected-stays")) return this.close();
      if (this.options.connect === undefined && this.left && this.is("bound-leaves")) return this.close();
    }
  }

  /** Requests within a moment are answered together, those beyond max_in_flight by BUSY. */
  private gather(id: Buffer, frames: Buffer[]): void {
    if (this.gathered.push([id, frames]) > 1) return;
    setTimeout(async () => {
      for (const [i, [to, message]] of this.gathered.splice(0).entries()) {
        const refusal = new Refusal("BUSY", "too many at once", { ping_period_ms: 1 }, true);
        const isTooMany = i >= LIMITS.max_in_flight;
        await this.socket.send([
          to,
          ...(isTooMany ? this.error(refusal, { req: 0, sid: "" }) : this.answer(message, "")),
        ]);
      }
    }, 5);
  }

  private answer(frames: readonly Buffer[], id: string): Buffer[] {
    const about = { req: 0, sid: "" };
    try {
      return this.respond(frames, id, about);
    } catch (error) {
      return this.error(error, about);
    }
  }

  private error(error: unknown, { req, sid }: { req: number; sid: string }): Buffer[] {
    const known = error instanceof Refusal ? error : new Refusal("INTERNAL", String(error));
    const { code, retryable } = known;
    const detail: Row = { ...known.detail };
    if (this.is("version-without-detail")) delete detail["protocols"];
    if (this.is("busy-without-period")) delete detail["ping_period_ms"];
    if (this.is("large-without-bytes")) delete detail["bytes"];
    if (this.is("large-without-limit")) delete detail["limit"];
    if (this.is("order-without-expected")) delete detail["expected"];
    if (this.is("graphics-without-uid")) delete detail["uid"];
    if (this.is("bad-message-without-field")) delete detail["field"];
    return [
      encodeHeader({
        v: 1,
        t: "error",
        sid,
        req,
        code,
        message: this.is("error-without-message") ? "" : known.message,
        ...(this.is("error-without-detail") ? {} : { detail }),
        ...(this.is("error-without-retryable")
          ? {}
          : { retryable: this.is("retryable-bad-message") && code === "BAD_MESSAGE" ? true : retryable }),
      }),
    ];
  }

  // ——— what is looked at, in the order of the text

  private respond(frames: readonly Buffer[], id: string, about: { req: number; sid: string }): Buffer[] {
    const header = this.read(frames[0] ?? Buffer.alloc(0), about);
    const { v, req } = header;
    const isRight = isInteger(req, 1, MOST) || (this.is("req-2^53") && req === 2 ** 53);
    if (isRight || (this.is("req-echoed") && typeof req === "number")) about.req = req as number;
    if (this.is("req-before-version") && !isRight) throw bad("req");
    if (!this.is("version-last")) this.checkVersion(v, header);
    if (!isRight && !this.is("req-unchecked")) throw bad("req");
    if (this.is("type-before-session") && typeof header["t"] !== "string") throw bad("t");
    if (header["t"] === "hello") return this.hello(header, about.req, id);
    return this.inSession(header, frames, about, id);
  }

  private checkVersion(v: unknown, header: Header): void {
    const { session } = this;
    const speaks =
      v === 1 ||
      (this.is("version-any") && typeof v === "number") ||
      (this.is("version-missing") && v == null) ||
      (this.is("version-text") && v === "1");
    if (speaks) return;
    if (this.is("version-takes-number") && session?.sid === header["sid"] && session !== undefined) session.last++;
    throw new Refusal("VERSION", "only version 1 is spoken here", { protocols: [1] });
  }

  private read(bytes: Buffer, about: { req: number }): Header {
    if (bytes.length > LIMITS.max_frame_bytes) throw this.tooLarge(bytes.length, LIMITS.max_frame_bytes);
    let header: Header;
    try {
      header = decodeHeader(bytes) as Header;
    } catch (error) {
      const message = error instanceof Error ? error.message : "";
      header = this.readAllTheSame(bytes, message, about);
    }
    this.readTooStrictly(bytes, header);
    return header;
  }

  private readAllTheSame(bytes: Buffer, why: string, about: { req: number }): Header {
    const taken: [MutantName, RegExp][] = [
      ["binary-read", /binary/],
      ["timestamps-read", /extension/],
      ["integer-keys-read", /not a string/],
      ["trailing-bytes-read", /follow the header/],
      ["large-integers-read", /beyond/],
      ["deep-nesting-read", /nest deeper/],
      ["long-strings-read", /a string of/],
      ["many-values-read", /more than \d+ values/],
      ["long-headers-read", /the header has/],
    ];
    if (taken.some(([name, about]) => this.is(name) && about.test(why))) {
      const unpackr = new Unpackr({ int64AsType: "number", mapsAsObjects: true, useRecords: false });
      const values: unknown[] = [];
      try {
        unpackr.unpackMultiple(bytes, (value) => void values.push(value));
      } catch {
        // what came before is what counts
      }
      if (isMap(values[0])) return values[0];
    }
    if (this.is("unreadable-numbered")) about.req = (this.session?.last ?? 0) + 1;
    throw new Refusal("BAD_MESSAGE", why);
  }

  private readTooStrictly(bytes: Buffer, header: Header): void {
    const depth = (value: unknown): number =>
      typeof value === "object" && value !== null
        ? 1 + Math.max(0, ...Object.values(value).slice(0, 99).map(depth))
        : 0;
    const { x } = header;
    if (this.is("nesting-15") && depth(header) > 15) throw bad("x");
    if (this.is("strings-short") && typeof x === "string" && x.length >= 65_536) throw bad("x");
    if (this.is("values-fewer") && Array.isArray(x) && x.length > 190_000) throw bad("x");
    if (this.is("floats-refused") && /req[\xca\xcb]/.test(bytes.toString("latin1"))) throw bad("req");
    if (this.is("floats-32-refused") && /req\xca/.test(bytes.toString("latin1"))) throw bad("req");
    if (this.is("wide-integers-refused") && /req[\xcf\xd3]/.test(bytes.toString("latin1"))) throw bad("req");
    if (this.is("largest-integer-refused") && x === MOST) throw bad("x");
    if (this.is("infinity-refused") && typeof x === "number" && !Number.isFinite(x)) throw bad("x");
    if (this.is("utf8-refused") && JSON.stringify(header).includes("\ufffd")) throw bad("x");
    if (this.is("first-key-counts") && bytes.includes("teleport")) header["t"] = "teleport";
    if (this.is("unknown-keys-refused") && "x_future" in header) throw bad("x_future");
  }

  // ——— sessions

  private hello(header: Header, req: number, id: string): Buffer[] {
    try {
      return this.greet(header, req, id);
    } catch (error) {
      if (this.is("refused-hello-ends")) this.session = undefined;
      throw error;
    }
  }

  private greet(header: Header, req: number, id: string): Buffer[] {
    if (this.is("hello-req-1") && req !== 1) throw bad("req");
    if (this.is("busy-before-values")) this.checkBusy(header["client"], req);
    const wishes = this.wishes(header);
    if (
      !wishes.protocols.includes(1) &&
      !this.is("protocols-unchecked") &&
      !(this.is("protocols-empty") && wishes.protocols.length === 0)
    )
      throw new Refusal("VERSION", "only version 1 is spoken here", { protocols: [1] });
    if (this.is("busy-before-token")) this.checkBusy(wishes.client, req);
    this.checkToken(header["token"]);
    const { session } = this;
    const repeated = session !== undefined && session.client === wishes.client && session.hello === req;
    if (repeated) {
      session.heard = performance.now();
      if (session.last === req && !this.is("hello-again-anew")) return session.helloReply;
      if (session.last !== req && !this.is("late-hello-anew"))
        throw new Refusal("OUT_OF_ORDER", "too late", { expected: session.last + 1 }, this.is("late-hello-retryable"));
    }
    this.checkBusy(wishes.client, req);
    if (this.is("own-hello-busy") && session?.client === wishes.client && !repeated) throw this.busyWith(session);
    return this.welcome(wishes, req, id);
  }

  private wishes(header: Header): { client: string; protocols: unknown[]; limit: number; side: number; seed: number } {
    const { client, limits, seed } = header;
    const protocols = header["protocols"] ?? [1];
    if (typeof client !== "string" && !this.is("client-unchecked")) throw bad("client");
    if (!Array.isArray(protocols) || !protocols.every((one) => Number.isInteger(one))) throw bad("protocols");
    if (!this.is("package-unchecked") && header["package"] != null && typeof header["package"] !== "string")
      throw bad("package");
    const capabilities = header["capabilities"] ?? [];
    const areTexts = Array.isArray(capabilities) && capabilities.every((one) => typeof one === "string");
    if (!areTexts && !this.is("capabilities-unchecked")) throw bad("capabilities");
    if (this.is("nil-limits-refused") && limits === null) throw bad("limits");
    if (limits != null && !isMap(limits)) throw bad("limits");
    if (this.is("unknown-limits-refused") && isMap(limits) && "x_future" in limits) throw bad("limits");
    const limit = (limits as Header | null | undefined)?.["max_frame_bytes"] ?? 2 ** 40;
    const side = header["image_size"];
    if (this.is("nil-image-size-refused") && side === null) throw bad("image_size");
    if (this.is("nil-hello-seed-refused") && seed === null) throw bad("seed");
    if (!isInteger(limit, 1024, 2 ** 40) && !this.is("limit-unchecked")) throw bad("limits.max_frame_bytes");
    if (side != null && !isInteger(side, 1, 65_535) && !this.is("image-size-unchecked")) throw bad("image_size");
    if (seed != null && !isInteger(seed, 0, MOST) && !this.is("hello-seed-unchecked")) throw bad("seed");
    return {
      client: String(client),
      protocols,
      limit: typeof limit === "number" ? limit : 2 ** 40,
      side: isInteger(side, 16, 64) ? side : 24,
      seed: typeof seed === "number" ? seed : 0,
    };
  }

  private checkToken(given: unknown): void {
    const { token } = this.options;
    if (token === undefined || given === token || this.is("token-unchecked")) return;
    if (this.is("token-missing-taken") && given == null) return;
    if (this.is("token-start-taken") && typeof given === "string" && given !== "" && token.startsWith(given)) return;
    throw new Refusal("AUTH", "the token is wrong");
  }

  private checkBusy(client: unknown, req: number): void {
    const { session } = this;
    if (session === undefined || session.client === client) return;
    const silent = performance.now() - session.heard;
    if (silent >= 3 * LIMITS.ping_period_ms && !this.is("silence-frees-never")) return;
    if (this.is("several-sessions")) return;
    const kept = `${client} ${req}`;
    const refusal = this.busyWith(session);
    this.busy.set(kept, this.error(refusal, { req, sid: "" }));
    if (this.is("busy-ends-session")) this.session = undefined;
    throw refusal;
  }

  private busyWith({ client }: Session): Refusal {
    const detail = { ping_period_ms: this.is("busy-other-period") ? 1 : LIMITS.ping_period_ms };
    return new Refusal("BUSY", `${client} has a session`, detail, !this.is("busy-not-retryable"));
  }

  private newSid(): string {
    this.count++;
    if (this.is("sid-constant")) return "c0ffeec0ffeec0ff";
    if (this.is("sid-counted")) return String(this.count).padStart(16, "0");
    if (this.is("sid-8-bits")) return randomBytes(1).toString("hex").padStart(16, "0");
    return randomBytes(8).toString("hex");
  }

  private welcome(wishes: ReturnType<SmallServer["wishes"]>, req: number, id: string): Buffer[] {
    const old = this.session;
    if (this.is("busy-kept")) {
      const kept = this.busy.get(`${wishes.client} ${req}`);
      if (kept !== undefined) return kept;
    }
    const sid = this.newSid();
    const helloReply = [encodeHeader(this.welcomeHeader(sid, req, wishes.side))];
    const settings = this.is("parameters-survive") ? this.settings : SETTINGS;
    const session: Session = {
      ...wishes,
      sid,
      id,
      hello: req,
      helloReply,
      settings,
      last: this.is("numbers-from-1") ? 0 : req,
      heard: performance.now(),
      kept: new Map(),
      slots: Array.from({ length: ENVS }, (_, i) => ({ place: new Place(i), state: "new", episode: 0, step: 0 })),
    };
    if (old !== undefined && this.is("episodes-survive"))
      session.slots.forEach((slot, i) => {
        slot.episode = old.slots[i]?.episode ?? 0;
      });
    if (old !== undefined && this.is("environments-survive")) session.slots = old.slots;
    if (old !== undefined) this.sessions.push(old);
    this.session = session;
    return helloReply;
  }

  private welcomeHeader(sid: string, req: number, side: number): Header {
    const { graphics = "paint" } = this.options;
    const observations = OBSERVATIONS(side);
    const header: Header = {
      v: 1,
      t: "welcome",
      sid,
      req,
      protocols: this.is("welcome-other-protocols") ? [2] : [1],
      name: "place",
      package: this.is("package-without-version") ? "small-server" : "small-server/1.0",
      env_count: ENVS,
      action: this.is("spec-long-bounds") ? { ...ACTION, low: [-1, -1, -1] } : ACTION,
      observations: this.is("observations-twice") ? [...observations, observations[0]] : observations,
      autoreset: this.is("autoreset-enabled") ? "next_step" : "disabled",
      graphics,
      time_step: this.is("time-step-text") ? "0.1" : null,
      capabilities: ["state_hash", "configure", ...(graphics === null ? [] : ["images"])],
      state_hash: this.is("hash-version-nil") ? null : 1,
      parameters: PARAMETERS,
      limits: this.is("limits-without-period") ? { ...LIMITS, ping_period_ms: null } : LIMITS,
      catalog: null,
    };
    if (this.is("welcome-without-catalog")) delete header["catalog"];
    if (this.is("welcome-without-v")) delete header["v"];
    return header;
  }

  private inSession(
    header: Header,
    frames: readonly Buffer[],
    about: { req: number; sid: string },
    id: string,
  ): Buffer[] {
    const { sid } = header;
    const now = performance.now();
    if (this.session !== undefined && this.is("silence-ends") && now - this.session.heard >= 3 * LIMITS.ping_period_ms)
      this.session = undefined;
    const old = this.sessions.find((one) => one.sid === sid);
    if (this.is("old-sessions-go-on") && old !== undefined) this.session = old;
    if (this.is("several-sessions") && old !== undefined) this.session = old;
    const { session } = this;
    if (session === undefined || session.sid !== sid || (this.is("session-of-connection") && session.id !== id)) {
      if (this.is("sid-echoed")) about.sid = String(sid);
      if (this.is("sid-missing-bad") && typeof sid !== "string") throw bad("sid");
      if (this.is("no-session-takes-number") && session !== undefined) session.last++;
      throw new Refusal("NO_SESSION", "there is no such session", {}, this.is("no-session-retryable"));
    }
    about.sid = this.is("error-without-sid") ? "" : session.sid;
    if (!this.is("pings-unheard") || header["t"] !== "ping") session.heard = now;
    if (this.is("version-last")) this.checkVersion(header["v"], header);
    const { req } = about;
    if (this.is("type-before-order")) this.checkType(header["t"]);
    const kept = session.kept.get(req);
    if (this.is("resends-unheard") && req <= session.last) session.heard = now - 1e6;
    if (req <= session.last && kept !== undefined) return kept;
    if (req !== session.last + 1) {
      const gap = req > session.last;
      if (gap && this.is("gaps-executed")) session.last = req - 1;
      else if (!gap && this.is("old-executed") && session.hello < req) session.last += 0;
      else {
        if (gap && this.is("gap-takes-number")) session.last++;
        const retryable = gap ? !this.is("gap-final") : this.is("old-retryable");
        const expected = session.last + (this.is("expected-last") ? 0 : 1);
        throw new Refusal("OUT_OF_ORDER", `the next is ${expected}`, { expected }, retryable);
      }
    }
    let reply: Buffer[];
    let failed: unknown;
    try {
      reply = this.execute(header, frames, session, req);
    } catch (error) {
      failed = error;
      reply = this.error(error, about);
    }
    this.keep(session, req, reply, failed, header, frames);
    return reply;
  }

  private keep(
    session: Session,
    req: number,
    reply: Buffer[],
    failed: unknown,
    header: Header,
    frames: readonly Buffer[],
  ): void {
    const field = failed instanceof Refusal ? failed.detail["field"] : undefined;
    const code = failed instanceof Refusal ? failed.code : undefined;
    const free =
      failed !== undefined &&
      (this.is("errors-take-none") ||
        (this.is("untyped-takes-none") && field === "t" && typeof header["t"] !== "string") ||
        (this.is("large-takes-none") && code === "TOO_LARGE") ||
        (this.is("many-frames-take-none") && frames.length > 64));
    if (free) return;
    session.last = Math.max(session.last, req);
    if (this.is("replies-not-kept") || (this.is("errors-not-kept") && failed !== undefined)) return;
    session.kept.set(req, reply);
    const most = this.is("one-reply-kept") ? 1 : this.is("all-replies-kept") ? 1e9 : LIMITS.max_in_flight;
    for (const number of session.kept.keys()) if (number <= req - most) session.kept.delete(number);
  }

  private checkType(t: unknown): void {
    if (!["batch", "ping", "configure", "close"].includes(t as string)) throw bad("t");
  }

  private execute(header: Header, frames: readonly Buffer[], session: Session, req: number): Buffer[] {
    if (frames.length > 64 && !this.is("many-frames-taken")) throw new Refusal("BAD_MESSAGE", "too many frames");
    if (frames.length === 64 && this.is("frames-63")) throw new Refusal("BAD_MESSAGE", "too many frames");
    const large = frames.find((frame) => frame.length > LIMITS.max_frame_bytes);
    if (large !== undefined && !this.is("large-frame-taken")) throw this.tooLarge(large.length, LIMITS.max_frame_bytes);
    const { t } = header;
    if (this.is("unknown-type-pong") && t === "teleport") header["t"] = "ping";
    this.checkType(header["t"]);
    const base = { v: 1, sid: this.is("other-sid-in-answers") ? "elsewhere" : session.sid, req };
    switch (header["t"]) {
      case "ping":
        return [
          encodeHeader({
            ...(this.is("pong-without-v") ? { ...base, v: 2 } : base),
            t: "pong",
            ...(this.is("pong-without-age") ? {} : { tick_age_ms: 0 }),
            ...(this.is("pong-without-depth") ? {} : { queue_depth: 0 }),
          }),
        ];
      case "close":
        if (!this.is("close-closes-nothing")) this.session = undefined;
        this.left = true;
        return [encodeHeader({ ...base, t: "closed" })];
      case "configure":
        return [encodeHeader({ ...base, t: "configured", parameters: this.configure(header, session) })];
      default: {
        const { results, tensors, payload } = this.batch(header, frames.slice(1), session);
        return [encodeHeader({ ...base, t: "batch_result", results, tensors }), ...payload];
      }
    }
  }

  private tooLarge(bytes: number, limit: number): Refusal {
    return new Refusal("TOO_LARGE", `${bytes} bytes are over ${limit}`, { bytes, limit });
  }

  // ——— parameters

  private configure(header: Header, session: Session): Header {
    const given = header["parameters"];
    if (!isMap(given)) throw bad("parameters");
    const next: Header = { ...session.settings };
    for (const [name, value] of Object.entries(given)) {
      const field = `parameters.${name}`;
      const spec = PARAMETERS.find((one) => one.name === name);
      if (spec === undefined) {
        if (this.is("unknown-parameters-taken")) continue;
        throw bad(field);
      }
      const isNil = this.is("nil-parameter-taken") && value === null;
      if (!isNil && typeof value !== "number" && !this.is("parameter-types-unchecked")) throw bad(field);
      if (typeof value === "number") {
        if (Number.isNaN(value) && !this.is("parameter-nan-taken")) throw bad(field);
        if (spec.type === "int" && !Number.isInteger(value) && !this.is("parameter-fractions-taken")) throw bad(field);
        if ((value < spec.low || value > spec.high) && !this.is("parameter-bounds-unchecked")) throw bad(field);
        next[name] = value;
      }
      if (this.is("half-configured")) session.settings = { ...(next as unknown as Settings) };
    }
    if (!this.is("configured-nothing")) session.settings = next as unknown as Settings;
    this.settings = session.settings;
    return this.is("configured-empty") ? {} : given;
  }

  // ——— batches

  private batch(
    header: Header,
    payload: readonly Buffer[],
    session: Session,
  ): { results: Row[]; tensors: Row[]; payload: Buffer[] } {
    const ops = this.ops(header["ops"]);
    const steps = ops.filter(({ op }) => op === "step").length;
    const early = this.is("moves-before-want") || this.is("moves-before-shape") || this.is("moves-before-size");
    if (early && this.isWrong(header, payload, session, ops, steps)) {
      for (const op of ops) {
        const slot = session.slots[op["env"] as number] as Slot;
        if (op["op"] === "reset") this.reset(slot, op, session);
        else if (slot.state === "running") slot.step++;
      }
    }
    const actions = this.actions(header["tensors"], payload, steps);
    const want = this.want(header["want"]);
    const specs = this.specs(want, ops.length, session);
    const outputs = specs.map((spec) =>
      new Array<Buffer>(ops.length).fill(Buffer.alloc(0)).map(() => this.blank(spec)),
    );
    const results: Row[] = [];
    let row = 0;
    const ranks = ops.filter(({ op }) => op === "step").map(({ env }) => env as number);
    for (const [i, op] of ops.entries()) {
      const env = op["env"] as number;
      const slot = session.slots[env] as Slot;
      const rank = this.is("action-rows-by-environment") ? [...ranks].sort((a, b) => a - b).indexOf(env) : row;
      const index = this.is("action-rows-by-operation") ? Math.min(i, steps - 1) : rank;
      if (op["op"] === "step") row++;
      try {
        results.push(this.operate(op, slot, actions?.subarray(index * 2, index * 2 + 2), index, session));
        for (const [k, spec] of specs.entries()) {
          if (this.is("noop-observes-nothing") && op["op"] === "noop") continue;
          const bytes = slot.place.observe(spec.uid, this.drawnSide(spec, session));
          if (this.is("observation-out-of-bounds") && spec.uid === "place") bytes.writeInt32LE(5000);
          if (this.is("images-of-one-colour") && spec.uid === "image") bytes.fill(0);
          if (this.is("images-flicker") && spec.uid === "image") bytes[0] = ++this.count % 256;
          (outputs[k] as Buffer[])[i] =
            this.is("big-endian") && spec.dtype !== "uint8" ? Buffer.from(bytes).swap32() : bytes;
        }
      } catch (error) {
        if (!(error instanceof Refusal) || this.is("errors-not-apart")) throw error;
        results.push(this.failure(error, env, slot));
        if (this.is("garbage-for-errors")) for (const output of outputs) output[i]?.fill(7);
        if (this.is("rest-not-executed")) {
          for (const rest of ops.slice(i + 1)) {
            const other = session.slots[rest["env"] as number] as Slot;
            results.push(this.failure(error, rest["env"] as number, other));
          }
          break;
        }
      }
    }
    return this.assemble(ops, results, specs, outputs);
  }

  private assemble(ops: Header[], results: Row[], specs: readonly Spec[], outputs: Buffer[][]) {
    const order = ops.map((_, i) => i);
    const byEnv = [...order].sort((a, b) => Number(ops[a]?.["env"]) - Number(ops[b]?.["env"]));
    const rows = this.is("rows-by-environment") ? byEnv : order;
    const tensors = specs.map((spec, frame) => ({
      uid: spec.uid,
      dtype: spec.dtype,
      shape: [ops.length, ...spec.shape],
      frame,
    }));
    const payload = outputs.map((output) => Buffer.concat(rows.map((i) => output[i] as Buffer)));
    if (this.is("empty-batch-refused") && ops.length === 0) throw bad("ops");
    if (this.is("unwanted-brought") && specs.length === 0 && ops.length > 0)
      return {
        results,
        tensors: [{ uid: "place", dtype: "int32", shape: [ops.length, 3], frame: 0 }],
        payload: [Buffer.alloc(12 * ops.length)],
      };
    return {
      results: this.is("results-by-environment") ? byEnv.map((i) => results[i] as Row) : results,
      tensors,
      payload,
    };
  }

  private drawnSide(spec: Spec, session: Session): number {
    return this.is("size-announced-only") ? 24 : (spec.shape[0] ?? session.side);
  }

  private blank(spec: Spec): Buffer {
    return Buffer.alloc((spec.dtype === "uint8" ? 1 : 4) * spec.shape.reduce((a, b) => a * b, 1));
  }

  private isWrong(header: Header, payload: readonly Buffer[], session: Session, ops: Header[], steps: number): boolean {
    const fails = (work: () => unknown): boolean => {
      try {
        work();
        return false;
      } catch {
        return true;
      }
    };
    if (this.is("moves-before-want")) return fails(() => this.want(header["want"]));
    if (this.is("moves-before-shape")) return fails(() => this.actions(header["tensors"], payload, steps));
    return fails(() => this.specs(this.want(header["want"]), ops.length, session));
  }

  private ops(given: unknown): Header[] {
    if (!Array.isArray(given)) throw bad("ops");
    const seen = new Set<unknown>();
    const ops = given.map((op: unknown, i) => {
      const field = `ops[${i}]`;
      if (!isMap(op)) throw bad(field);
      if (this.is("unknown-op-keys-refused") && "x_future" in op) throw bad(field);
      if (!isInteger(op["env"], 0, ENVS - 1)) throw bad(`${field}.env`);
      if (seen.has(op["env"]) && !this.is("environment-twice")) throw bad(`${field}.env`);
      seen.add(op["env"]);
      if (!["reset", "step", "noop"].includes(op["op"] as string) && !this.is("unknown-ops-taken"))
        throw bad(`${field}.op`);
      const { seed, options } = op;
      if (this.is("nil-seed-refused") && seed === null) throw bad(`${field}.seed`);
      if (this.is("nil-options-refused") && options === null) throw bad(`${field}.options`);
      const wide = this.is("seed-2^53") ? 2 ** 54 : MOST;
      const most = this.is("seed-32-bits") ? 2 ** 32 - 1 : wide;
      const isSeed =
        isInteger(seed, 0, most) || (this.is("seed-fractions-taken") && typeof seed === "number" && seed >= 0);
      if (seed != null && !isSeed) throw bad(`${field}.seed`);
      if (options != null && !isMap(options) && !this.is("option-types-unchecked")) throw bad(`${field}.options`);
      return op;
    });
    return ops;
  }

  private want(given: unknown): string[] {
    if (this.is("nil-want-refused") && given === null) throw bad("want");
    if (given == null) return [];
    if (!Array.isArray(given) || !given.every((uid) => typeof uid === "string")) throw bad("want");
    if (new Set(given).size !== given.length && !this.is("want-twice")) throw bad("want");
    return [...new Set(given as string[])];
  }

  private specs(want: readonly string[], rows: number, session: Session): Spec[] {
    const known = OBSERVATIONS(session.side);
    return want.map((uid) => {
      const spec = known.find((one) => one.uid === uid);
      if (spec === undefined) throw bad("want");
      if (spec.graphics === true && this.options.graphics === null && !this.is("black-frames"))
        throw new Refusal("NO_GRAPHICS", "no renderer here", { uid });
      const bytes = this.blank(spec).length * rows;
      const limit = this.is("client-limit-ignored") ? 1e12 : session.limit;
      if (bytes > limit) throw this.tooLarge(bytes, limit);
      return spec;
    });
  }

  private actions(given: unknown, frames: readonly Buffer[], steps: number): Float32Array | undefined {
    if (this.is("nil-tensors-refused") && given === null) throw bad("tensors");
    const tensors = given == null ? [] : this.tensors(given, frames);
    const action = tensors.find(({ uid }) => uid === ACTION.uid);
    if (this.is("other-tensors-refused") && tensors.some(({ uid }) => uid !== ACTION.uid)) throw bad("tensors");
    if (action === undefined) {
      if (steps > 0 && !this.is("missing-action-taken")) throw bad("tensors");
      return steps > 0 ? new Float32Array(2 * steps) : undefined;
    }
    if (this.is("no-rows-refused") && steps === 0) throw bad("tensors");
    if (this.is("rows-without-steps-taken") && steps === 0) return undefined;
    const expected = [steps, ...ACTION.shape];
    const isRight = action.dtype === ACTION.dtype && action.shape.join() === expected.join();
    if (!isRight) {
      const shape = this.is("shape-given") ? action.shape : this.is("shape-without-rows") ? ACTION.shape : expected;
      const detail = { uid: ACTION.uid, dtype: this.is("dtype-given") ? action.dtype : ACTION.dtype, shape };
      if (this.is("shape-bad-message")) throw bad("tensors");
      if (!(this.is("dtype-unchecked") && action.dtype !== ACTION.dtype))
        throw new Refusal("BAD_ACTION", "wrong shape", detail);
      return new Float32Array(2 * steps);
    }
    return new Float32Array(Uint8Array.from(action.bytes).buffer);
  }

  private tensors(given: unknown, frames: readonly Buffer[]): Tensor[] {
    if (!Array.isArray(given)) throw bad("tensors");
    const uids = new Set<unknown>();
    return given.map((entry: unknown, i) => {
      const field = `tensors[${i}]`;
      if (!isMap(entry)) throw bad(field);
      if (this.is("unknown-tensor-keys-refused") && "x_future" in entry) throw bad(field);
      const { uid, dtype, shape, frame } = entry;
      if (typeof uid !== "string") throw bad(field);
      if (this.is("other-tensors-unchecked") && uid !== ACTION.uid)
        return { uid, dtype: "", shape: [], bytes: Buffer.alloc(0) };
      const size = { float32: 4, float64: 8, int32: 4, uint8: 1 }[dtype as string];
      if (size === undefined) throw bad(field);
      if (!Array.isArray(shape) || !shape.every((n) => isInteger(n, 0, MOST))) throw bad(field);
      if (!isInteger(frame, 0, frames.length - 1)) throw bad(field);
      const bytes = frames[frame] as Buffer;
      const right = size * shape.reduce((a: number, b: number) => a * b, 1);
      const fits = bytes.length === right || (this.is("long-frames-taken") && bytes.length > right);
      if (!fits && !(this.is("short-frames-taken") && bytes.length < right)) throw bad(field);
      if (uids.has(uid) && !this.is("tensors-twice")) throw bad(field);
      uids.add(uid);
      const taken = Buffer.alloc(right);
      bytes.copy(taken);
      return { uid, dtype: dtype as string, shape, bytes: taken };
    });
  }

  // ——— one environment

  private reset(slot: Slot, op: Header, session: Session): Row {
    const { env, seed, options } = op;
    const start = (options as Header | null | undefined)?.["position"];
    const refused = start !== undefined && !isInteger(start, 0, 999);
    if (this.is("refused-reset-ends") && refused) slot.state = "new";
    if (this.is("refused-reset-counts") && refused) slot.episode++;
    if (this.is("refused-reset-moves") && refused) slot.place.reset(1, undefined);
    if (refused && this.is("options-crash")) {
      slot.state = "new";
      throw new Refusal("ENV_CRASH", "the environment failed", { reason: "position" });
    }
    if (refused && !this.is("options-ignored")) throw bad("options.position");
    if (this.is("running-not-reset") && slot.state === "running") throw new Refusal("NOT_RESET", "it is running");
    const first = slot.episode === 0 && !this.is("hello-seed-ignored");
    const base = this.is("hello-seed-for-all") ? session.seed : this.plus(session.seed, env as number);
    const drawn = first ? base : undefined;
    const given = this.is("seeds-ignored") ? undefined : this.is("one-seed") ? 4 : seed;
    const own = typeof given === "number" ? given : drawn;
    const from = this.is("each-reset-seeded") && own === undefined ? base : own;
    slot.place.reset(
      this.is("clock-seeds") && own === undefined ? performance.now() : from,
      refused ? undefined : (start as number | undefined),
    );
    slot.state = "running";
    slot.episode++;
    if (!this.is("steps-over-episodes")) slot.step = 0;
    return { scene: 0 };
  }

  private plus(seed: number, env: number): number {
    if (this.is("hello-seed-sum")) return Math.min(MOST, seed + env);
    return seed > MOST - env ? env - (MOST - seed) - 1 : seed + env;
  }

  private operate(op: Header, slot: Slot, action: Float32Array | undefined, row: number, session: Session): Row {
    let outcome = { reward: 0, terminated: false, truncated: false, info: {} as Row };
    const kind = op["op"];
    if (kind === "reset") outcome.info = this.reset(slot, op, session);
    else {
      const tooEarly = slot.state === "new" && !(this.is("noop-before-reset") && kind === "noop");
      const afterEnd =
        slot.state === "over" && (kind === "step" || this.is("noop-after-end-refused")) && !this.is("steps-after-end");
      if ((tooEarly && !this.is("steps-before-reset")) || afterEnd) {
        if (this.is("resets-itself") && afterEnd) this.reset(slot, {}, session);
        else throw new Refusal("NOT_RESET", "reset it first", {}, this.is("not-reset-retryable"));
      }
    }
    if (kind === "step" && action !== undefined) {
      if (this.is("refused-action-moves")) slot.place.shift();
      if (this.is("refused-action-counts")) slot.step++;
      this.checkAction(action, row);
      if (this.is("refused-action-moves")) slot.place.shift(-1);
      if (this.is("refused-action-counts")) slot.step--;
      const settings = this.is("parameters-of-first") && op["env"] !== 0 ? SETTINGS : session.settings;
      outcome = slot.place.step(action, settings);
      if (this.is("parameters-once"))
        session.settings = slot.episode > 1 && outcome.truncated ? SETTINGS : session.settings;
      slot.step++;
      if (outcome.truncated) slot.state = "over";
    }
    if (kind === "noop") this.breakNoop(slot, outcome);
    return this.result(op, slot, outcome);
  }

  private breakNoop(slot: Slot, outcome: { reward: number; terminated: boolean; truncated: boolean }): void {
    if (this.is("noop-moves")) slot.place.shift();
    if (this.is("noop-counts")) slot.step++;
    if (this.is("noop-rewards")) outcome.reward = 1;
    if (this.is("noop-ends")) outcome.terminated = true;
    if (this.is("noop-episodes")) slot.episode++;
    if (this.is("state-forgotten-at-end") && slot.state === "over") slot.place.reset(0, undefined);
  }

  private checkAction(action: Float32Array, row: number): void {
    const wrong = [...action].map((value, i) => {
      const low = ACTION.low[i] as number;
      const high = ACTION.high[i] as number;
      const inside = this.is("bounds-exclusive") ? value > low && value < high : value >= low && value <= high;
      const passes = this.is("bounds-unchecked") && !Number.isNaN(value);
      return inside || passes || (this.is("nan-taken") && Number.isNaN(value)) ? -1 : i;
    });
    const found = wrong.filter((i) => i >= 0);
    const element = this.is("last-element-named") ? found.at(-1) : found[0];
    if (element === undefined) return;
    const value = action[element] as number;
    const [low, high] = [ACTION.low[element] as number, ACTION.high[element] as number];
    const isNumber = this.is("infinity-no-number") ? Number.isFinite(value) : !Number.isNaN(value);
    const detail: Row = {
      uid: ACTION.uid,
      element: this.is("elements-over-batch") ? row * 2 + element : element,
      name: ACTION.names[element],
      bound: !isNumber ? "number" : value < low !== this.is("bounds-swapped") ? "low" : "high",
      low,
      high,
      value: Number.isNaN(value) && !this.is("nan-value") ? "NaN" : value,
    };
    if (this.is("detail-without-value")) delete detail["value"];
    if (this.is("detail-without-low")) delete detail["low"];
    if (this.is("detail-without-high")) delete detail["high"];
    if (this.is("detail-without-name")) delete detail["name"];
    if (this.is("detail-without-uid")) delete detail["uid"];
    throw new Refusal("BAD_ACTION", `${ACTION.uid}[${element}] = ${value} is out of bounds`, detail);
  }

  private result(
    op: Header,
    slot: Slot,
    outcome: { reward: number; terminated: boolean; truncated: boolean; info: Row },
  ): Row {
    const { episode, step } = slot;
    const isReset = op["op"] === "reset";
    const result: Row = {
      env: op["env"],
      ...outcome,
      episode: this.is("episodes-from-0") ? episode - 1 : this.is("episodes-of-server") ? ++this.count : episode,
      step,
      state_hash: this.hash(slot),
    };
    if (this.is("reset-rewards") && isReset) result["reward"] = 1;
    if (this.is("reset-ends") && isReset) result["truncated"] = true;
    if (this.is("reward-nan")) result["reward"] = Number.NaN;
    if (this.is("info-missing")) delete result["info"];
    if (this.is("noop-without-info") && op["op"] === "noop") result["info"] = null;
    if (this.is("info-of-clock")) result["info"] = { time: performance.now() };
    if (this.is("reward-of-clock") && op["op"] === "step") result["reward"] = performance.now();
    if (this.is("hash-missing")) delete result["state_hash"];
    return result;
  }

  private hash(slot: Slot): string {
    const hash = hashOf(slot.place);
    if (this.is("hash-short")) return hash.slice(8);
    if (this.is("hash-capitals")) return `A${hash.slice(1)}`;
    if (this.is("hash-constant")) return "0".repeat(16);
    if (this.is("hash-random")) return randomBytes(8).toString("hex");
    if (this.is("hash-counts")) return String(++this.count).padStart(16, "0");
    return hash;
  }

  private failure(error: Refusal, env: number, slot: Slot): Row {
    const { code, message, detail, retryable } = error;
    const body: Row = { code, message, detail, retryable, env };
    if (this.is("failure-without-env")) delete body["env"];
    if (this.is("failure-without-detail")) delete body["detail"];
    if (this.is("failure-without-message")) body["message"] = "";
    return {
      env,
      reward: this.is("failure-rewards") ? -1 : 0,
      terminated: this.is("failure-ends"),
      truncated: false,
      episode: slot.episode,
      step: slot.step,
      info: {},
      ...(this.is("hash-beside-error") ? { state_hash: hashOf(slot.place) } : {}),
      error: body,
    };
  }
}

type Spec = ReturnType<typeof OBSERVATIONS>[number];
