/**
 * @file The .NET host and the TypeScript server give the same answers to right, wrong, resent and unreadable messages.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { Dealer } from "zeromq";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import { EnvironmentServer, type WireMap } from "../../protocol/index.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { root } from "../runs/runs.js";
import { BUILD_TIMEOUT, bound, closers, describeHost, hostCommand } from "./host.js";

const vectors = <T>(name: string): T =>
  JSON.parse(readFileSync(path.join(root, "protocol/vectors", name), "utf8")) as T;

/** One server and a low-level client. */
class Side {
  sid = "";
  private readonly socket = new Dealer({ linger: 0, receiveTimeout: 20_000, sendHighWaterMark: 0 });

  constructor(endpoint: string) {
    this.socket.connect(endpoint);
    closers.push(() => this.socket.close());
  }

  async answer(frames: readonly Uint8Array[]): Promise<{ header: WireMap; frames: readonly Buffer[] }> {
    await this.socket.send(frames as Uint8Array[]);
    const [first, ...rest] = await this.socket.receive();
    return { header: decodeHeader(first ?? Buffer.alloc(0)), frames: rest };
  }
}

/** Both servers, and the number of the session's next request. */
interface Pair {
  readonly dotnet: Side;
  readonly embedded: Side;
  next: number;
}

async function both(): Promise<Pair> {
  const server = await EnvironmentServer.bind(roomsDefinition(loadCatalog("rooms")), {
    endpoint: "tcp://127.0.0.1:*",
    envCount: 2,
  });
  closers.push(() => server.close());
  const { endpoint } = await bound([]);
  return { dotnet: new Side(endpoint), embedded: new Side(server.endpoint), next: 1 };
}

/** The fields of a header for either server. Default: `sid` is the session's, `req` the next. */
type Message = Readonly<Record<string, unknown>>;

const encode = (side: Side, next: number, message: Message): Buffer =>
  encodeHeader({ v: 1, ...(message["t"] === "hello" ? {} : { sid: side.sid }), req: next, ...message });

/** What must be equal: everything except random names, texts for people, and what a renderer adds to welcome. */
function comparable(side: Side, { header, frames }: { header: WireMap; frames: readonly Buffer[] }): object {
  const { message: _, sid, ...rest } = header;
  const whose = sid === side.sid ? "the session's" : sid === "" ? "" : "another";
  if (header["t"] === "welcome") return { t: "welcome", v: header["v"], req: header["req"], limits: header["limits"] };
  const { tick_age_ms: _age, results, ...same } = rest;
  const told = (results as readonly WireMap[] | undefined)?.map(({ error, ...result }) => {
    const { message: _words, ...body } = (error ?? {}) as WireMap;
    return { ...result, error: withoutReason(body) };
  });
  return { ...withoutReason(same), whose, results: told, frames: frames.map((frame) => frame.toString("hex")) };
}

/** Removes the text of a language's own exception. */
function withoutReason(body: WireMap): WireMap {
  const { reason: _, ...detail } = (body["detail"] ?? {}) as WireMap;
  return { ...body, detail };
}

/** Sends the same to both, compares the answers, and returns one of them. */
async function alike(
  pair: Pair,
  message: Message | Buffer | ((side: Side) => Buffer),
  payload: readonly Uint8Array[] = [],
): Promise<WireMap> {
  const ask = async (side: Side): Promise<{ header: WireMap; answer: object }> => {
    const header = typeof message === "function" ? message(side) : message;
    const first = Buffer.isBuffer(header) ? header : encode(side, pair.next, header);
    const answer = await side.answer([first, ...payload]);
    if (answer.header["t"] === "welcome") side.sid = String(answer.header["sid"]);
    return { header: answer.header, answer: comparable(side, answer) };
  };
  const [dotnet, embedded] = await Promise.all([ask(pair.dotnet), ask(pair.embedded)]);
  const said = Buffer.isBuffer(message) ? message.toString("hex") : String(JSON.stringify(message)).slice(0, 300);
  expect({ said, answer: dotnet.answer }).toEqual({ said, answer: embedded.answer });
  const { header } = embedded;
  const counts = header["sid"] === pair.embedded.sid && header["code"] !== "OUT_OF_ORDER";
  if (counts && header["req"] === pair.next) pair.next++;
  return header;
}

const RESET = { env: 0, op: "reset", seed: 7 };
const STEP = { env: 0, op: "step" };
const NOOP = { env: 0, op: "noop" };
const ACTION = { uid: "action", dtype: "float32", shape: [1, 6], frame: 0 };
const HELLO = { t: "hello", client: "one" };
const action = (...values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const fine = action(0.5, -0.5, 0.25, 0, -1, 1);

/** Messages of the session, with their payload. */
const OF_THE_SESSION: readonly (readonly [Message, ...Uint8Array[]])[] = [
  [{ t: "ping" }],
  [{ t: "batch", ops: [NOOP, { ...STEP, env: 1 }], tensors: [ACTION] }, fine],
  [
    {
      t: "batch",
      ops: [
        { env: 0, op: "reset" },
        { env: 1, op: "reset" },
      ],
      want: ["state", "objects", "scene"],
    },
  ],
  [{ t: "batch", ops: [{ env: 1, op: "reset" }] }],
  [{ t: "batch", ops: [RESET, { ...RESET, env: 1, seed: 2 ** 53 - 1 }], want: ["objects"] }],
  [{ t: "batch", ops: [STEP, { ...NOOP, env: 1 }], tensors: [ACTION], want: ["scene", "state"] }, fine],
  [{ t: "batch", ops: [] }],
  [{ t: "batch", ops: [], want: ["state"], tensors: null }],
  [{ t: "batch", ops: [], tensors: [{ ...ACTION, shape: [0, 6] }] }, Buffer.alloc(0)],
  [{ t: "batch", ops: [], tensors: [ACTION] }, fine],
  [{ t: "batch", ops: [NOOP] }, fine, fine],
  // Actions.
  [{ t: "batch", ops: [STEP] }],
  [{ t: "batch", ops: [STEP], tensors: [] }],
  [{ t: "batch", ops: [STEP], tensors: [ACTION] }],
  [{ t: "batch", ops: [STEP], tensors: [ACTION] }, fine.subarray(4)],
  [{ t: "batch", ops: [STEP], tensors: [ACTION, ACTION] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [{ ...ACTION, frame: 1 }] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [{ ...ACTION, frame: 1 }] }, Buffer.alloc(0), fine],
  [{ t: "batch", ops: [STEP], tensors: [{ ...ACTION, frame: 0.5 }] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [{ ...ACTION, shape: [6] }] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [{ ...ACTION, shape: "6" }] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [{ ...ACTION, shape: [1, -6] }] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [{ ...ACTION, dtype: "int32" }] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [{ ...ACTION, dtype: "float16" }] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [{ ...ACTION, uid: "other" }] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [ACTION, { uid: "other", dtype: "uint8", shape: [9], frame: 0 }] }, fine],
  [{ t: "batch", ops: [STEP], tensors: [ACTION, { uid: "other", dtype: "uint8", shape: [24], frame: 0 }] }, fine],
  ...[1.5, -1.0000001, Number.NaN, Number.POSITIVE_INFINITY].map(
    (value) => [{ t: "batch", ops: [STEP], tensors: [ACTION] }, action(0, value, 2, 0, 0, 0)] as const,
  ),
  // Operations.
  ...[undefined, null, 5, "step", {}, [STEP], [5], [{}], [RESET, RESET], [RESET, NOOP, { ...NOOP, env: 1 }]].map(
    (ops) => [{ t: "batch", ops }] as const,
  ),
  ...[2, -1, 0.5, "0", null, undefined].map((env) => [{ t: "batch", ops: [{ ...NOOP, env }] }] as const),
  ...["jump", 5, null, undefined].map((op) => [{ t: "batch", ops: [{ env: 0, op }] }] as const),
  ...[-1, 0.5, "7", 2 ** 53, Number.NaN, null, [], {}].map(
    (seed) => [{ t: "batch", ops: [{ ...RESET, seed }] }] as const,
  ),
  ...[5, "scene", [], null, {}, { other: 1 }].map((options) => [{ t: "batch", ops: [{ ...RESET, options }] }] as const),
  ...[0, 4, 5, -1, 0.5, "attic", "", null, true, [], {}].map(
    (scene) => [{ t: "batch", ops: [{ ...RESET, options: { scene } }], want: ["scene"] }] as const,
  ),
  [{ t: "batch", ops: [NOOP], want: ["state"] }],
  // Wants.
  ...["state", 5, {}, [5], [null], ["nothing"], ["state", "state"], ["state", "nothing"]].map(
    (want) => [{ t: "batch", ops: [NOOP], want }] as const,
  ),
  // The other types.
  ...[undefined, null, 5, [], { gravity: 1 }, { episodeProgress: null }, { episodeProgress: "1" }].map(
    (parameters) => [{ t: "configure", parameters }] as const,
  ),
  ...[-0.1, 1.1, Number.NaN, true].map(
    (episodeProgress) => [{ t: "configure", parameters: { episodeProgress } }] as const,
  ),
  [{ t: "configure", parameters: { episodeProgress: 0.5 } }],
  [{ t: "configure", parameters: {} }],
  [{ t: "batch", ops: [RESET], want: ["state"] }],
  ...[undefined, null, 5, true, "", "dance", "welcome", "error"].map((t) => [{ t }] as const),
  [{ t: "ping" }, ...Array<Uint8Array>(64).fill(Buffer.alloc(0))],
  [{ t: "ping" }, ...Array<Uint8Array>(63).fill(Buffer.alloc(0))],
  [{ t: "ping" }, Buffer.alloc(64 * 2 ** 20 + 1)],
];

/** Messages that take no number, or belong to no session. */
const OTHERS: readonly Message[] = [
  ...[0, -1, 0.5, "2", null, undefined, Number.NaN, 2 ** 53].map((req) => ({ t: "ping", req })),
  ...["", "another", 5, null, undefined, []].map((sid) => ({ t: "ping", sid })),
  ...[0, 2, 1.5, "1", null, undefined, []].map((v) => ({ t: "ping", v })),
  { t: "ping", v: 2, req: -1 },
  { t: null, sid: "another", ops: 5 },
  ...[1, 2, 10 ** 6].map((req) => ({ t: "ping", req })),
];

/** Hellos that open no session, then some that do. */
const HELLOS: readonly Message[] = [
  { ...HELLO, client: "another" },
  ...[null, 5, undefined].map((client) => ({ ...HELLO, client })),
  ...["big", 1.5, -4, 0, 65_536].map((image_size) => ({ ...HELLO, image_size })),
  ...["a", 1.5, -1, 2 ** 53, Number.NaN].map((seed) => ({ ...HELLO, seed })),
  ...[5, []].map((field) => ({ ...HELLO, package: field })),
  ...["images", [5], ["images", null]].map((capabilities) => ({ ...HELLO, capabilities })),
  ...[1, [], [2], ["1"], [1.5], [1, -1], [65_536]].map((protocols) => ({ ...HELLO, protocols })),
  ...[5, [], { max_frame_bytes: 1023 }, { max_frame_bytes: 2 ** 41 }, { max_frame_bytes: "much" }].map((limits) => ({
    ...HELLO,
    limits,
  })),
  { ...HELLO, token: 5 },
  { ...HELLO, v: 2 },
  { ...HELLO, req: 0 },
  { ...HELLO, token: "of no use", limits: { max_frame_bytes: null }, seed: null, unknown: { at: [1] } },
  { ...HELLO, image_size: 32, seed: 2 ** 53 - 1 },
];

/** Stray and missing bytes, a surrogate, overlong forms, and code points beyond the last one. */
const NO_UTF8 = ["ff", "80", "c328", "e282", "f09f92", "f09f92f0", "eda080", "c0af", "e08080", "f4908080", "f8808080"];

/** A right message with one of its values replaced, at any depth. */
function replaced(message: unknown, places: readonly number[], value: unknown): unknown {
  const [place, ...rest] = places;
  if (place === undefined || typeof message !== "object" || message === null) return value;
  const keys = Object.keys(message);
  const key = keys[place % Math.max(1, keys.length)];
  if (key === undefined) return value;
  const changed = { ...message, [key]: replaced((message as Record<string, unknown>)[key], rest, value) };
  return Array.isArray(message) ? Object.values(changed) : changed;
}

const anything = fc.oneof(
  fc.constantFrom(null, true, -1, 0, 1, 2, 0.5, 6, 2 ** 31, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY),
  fc.constantFrom("", "step", "reset", "action", "state", "float32", [], {}, [0], [[]], { scene: 1 }),
  fc.string({ maxLength: 5 }),
);

describeHost("the .NET host and the TypeScript server", () => {
  beforeAll(() => void hostCommand(), BUILD_TIMEOUT);

  it("give the same answers to messages of a session and to those that take no number", async () => {
    const pair = await both();
    await alike(pair, HELLO);
    for (const [message, ...payload] of OF_THE_SESSION) await alike(pair, message, payload);
    for (const message of OTHERS) await alike(pair, message);
    // Sent again: the same answer, or an error that it is no longer stored.
    for (const ago of [1, 7, 8, 9]) await alike(pair, { t: "ping", req: pair.next - ago });
    expect(await alike(pair, { t: "ping" })).toMatchObject({ t: "pong" });
  });

  it("give the same answers to hellos and at the start of a session", async () => {
    const pair = await both();
    const observe = {
      t: "batch",
      ops: [
        { env: 0, op: "reset" },
        { env: 1, op: "reset" },
      ],
      want: ["state"],
    };
    await alike(pair, { t: "ping" });
    await alike(pair, { ...HELLO, seed: 5 });
    await alike(pair, { t: "configure", parameters: { episodeProgress: 0.75 } });
    await alike(pair, observe);
    for (const hello of HELLOS) await alike(pair, hello);
    await alike(pair, HELLO);
    await alike(pair, { ...HELLO, req: pair.next - 1 });
    await alike(pair, observe);
    await alike(pair, { ...HELLO, req: pair.next - 2 });
    await alike(pair, observe);
    expect(await alike(pair, { t: "close" })).toMatchObject({ t: "closed" });
    expect(await alike(pair, { t: "close" })).toMatchObject({ code: "NO_SESSION" });
    await alike(pair, { ...HELLO, client: "another" });
    await alike(pair, observe);
  });

  it("give the same answers where any value of a message is replaced by any other", async () => {
    const pair = await both();
    await alike(pair, HELLO);
    const right = [
      { t: "batch", ops: [RESET, { ...RESET, env: 1, options: { scene: 1 } }], want: ["state"] },
      { t: "batch", ops: [STEP, { ...NOOP, env: 1 }], tensors: [ACTION], want: ["scene", "objects"] },
      { t: "configure", parameters: { episodeProgress: 0.5 } },
      {
        ...HELLO,
        protocols: [1],
        limits: { max_frame_bytes: 2048 },
        capabilities: ["images"],
        seed: 3,
        image_size: 64,
      },
    ];
    const changes = fc.tuple(fc.constantFrom(...right), fc.array(fc.nat(7), { minLength: 1, maxLength: 4 }), anything);
    for (const [message, places, value] of fc.sample(changes, { seed: 1, numRuns: 1500 })) {
      await alike(pair, replaced(message, places, value) as Message, [fine]);
    }
  });

  it("read invalid UTF-8 in texts the same way", async () => {
    const pair = await both();
    await alike(pair, HELLO);
    for (const bytes of NO_UTF8) {
      const text = Buffer.concat([Buffer.from("a"), Buffer.from(bytes, "hex"), Buffer.from("z")]);
      const place = "#".repeat(text.length);
      const { detail } = await alike(pair, (side: Side) => {
        const header = encode(side, pair.next, { t: "configure", parameters: { [place]: 1 } });
        text.copy(header, header.indexOf(place));
        return header;
      });
      // The unknown parameter is named.
      expect((detail as WireMap)["field"]).toMatch(/^parameters\.a\ufffd.*z$/);
    }
  });

  it("give the same answers to the vectors: messages of another session or this one, unreadable headers", async () => {
    const pair = await both();
    await alike(pair, HELLO);
    const messages = vectors<{ header: Message; hex: string; frames: { hex: string }[] }[]>("messages.json");
    for (const { header, hex, frames } of messages) {
      const payload = frames.map((frame) => Buffer.from(frame.hex, "hex"));
      await alike(pair, Buffer.from(hex, "hex"), payload);
      const { sid: _, req: _number, ...own } = header;
      if (own["t"] !== "close") await alike(pair, own, payload);
    }
    for (const name of ["refused-headers.json", "fuzzed-headers.json"]) {
      const headers = vectors<{ hex: string }[]>(name);
      expect(headers.length).toBeGreaterThan(10);
      for (const { hex } of headers) await alike(pair, Buffer.from(hex, "hex"));
    }
    expect(await alike(pair, { t: "ping" })).toMatchObject({ t: "pong" });
  });
});
