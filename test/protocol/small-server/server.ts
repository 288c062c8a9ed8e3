/**
 * @file A small server of the protocol that can break each of its rules, written from protocol/README.md alone, to test
 * the conformance suite. Without a switch it breaks none; mutants.ts lists the switches.
 */
import { randomBytes } from "node:crypto";
import { Router } from "zeromq";
import { decodeHeader, encodeHeader } from "../../../protocol/codec.js";
import { Batches } from "./batches.js";
import {
  bad,
  ENVS,
  type Header,
  type Is,
  isInteger,
  isMap,
  LIMITS,
  MOST,
  Refusal,
  type Row,
  type Session,
  tooLarge,
} from "./message.js";
import type { MutantName } from "./mutants.js";
import { read } from "./reading.js";
import { ACTION, OBSERVATIONS, PARAMETERS, Place, SETTINGS, type Settings } from "./world.js";

export interface SmallServerOptions {
  readonly broken?: MutantName | undefined;
  readonly graphics?: string | null;
  readonly token?: string | undefined;
  /** Connect to this endpoint, and end with the session, instead of binding. */
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

  private readonly is: Is;
  private readonly batches: Batches;

  private constructor(private readonly options: SmallServerOptions) {
    this.is = (name) => options.broken === name;
    this.batches = new Batches(this.is, options.graphics === undefined ? "paint" : options.graphics);
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

  /** Requests that arrive together are answered together, those beyond max_in_flight with BUSY. */
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

  // ——— checks, in the order of the specification

  private respond(frames: readonly Buffer[], id: string, about: { req: number; sid: string }): Buffer[] {
    const header = read(this.is, frames[0] ?? Buffer.alloc(0), about, (this.session?.last ?? 0) + 1);
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
        throw new Refusal(
          "OUT_OF_ORDER",
          "too late",
          { expected: session.last + (this.is("late-hello-expected") ? 2 : 1) },
          this.is("late-hello-retryable"),
        );
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
    if (!this.is("token-type-unchecked") && header["token"] != null && typeof header["token"] !== "string")
      throw bad("token");
    if (this.is("other-sizes-refused") && side != null && !isInteger(side, 16, 64)) throw bad("image_size");
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
      capabilities: [
        "state_hash",
        "configure",
        ...(graphics === null ? [] : ["images"]),
        ...(this.is("curve-without-keys") ? ["curve"] : []),
      ],
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
    const most = LIMITS.max_frame_bytes - (this.is("frame-at-limit-refused") ? 1 : 0);
    const large = frames.find((frame) => frame.length > most);
    if (large !== undefined && !this.is("large-frame-taken")) throw tooLarge(large.length, LIMITS.max_frame_bytes);
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
        const { results, tensors, payload } = this.batches.batch(header, frames.slice(1), session);
        return [encodeHeader({ ...base, t: "batch_result", results, tensors }), ...payload];
      }
    }
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
        if (value === spec.high && this.is("parameter-bounds-exclusive")) throw bad(field);
        if ((value < spec.low || value > spec.high) && !this.is("parameter-bounds-unchecked")) throw bad(field);
        next[name] = value;
      }
      if (this.is("half-configured")) session.settings = { ...(next as unknown as Settings) };
    }
    if (!this.is("configured-nothing")) session.settings = next as unknown as Settings;
    this.settings = session.settings;
    return this.is("configured-empty") ? {} : given;
  }
}
