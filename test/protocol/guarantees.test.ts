/** @file The guarantees of protocol/README.md, each with a real server and real sockets. */
import { networkInterfaces } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Router } from "zeromq";
import { decodeHeader } from "../../protocol/codec.js";
import { Peer } from "../../protocol/conformance/index.js";
import {
  EnvironmentClient,
  EnvironmentServer,
  generateKeys,
  ProtocolError,
  ServerProcess,
  type WireMap,
} from "../../protocol/index.js";
import { counterDefinition } from "./counter.js";
import { ANYWHERE, closing, connect, raw, serve, shortSighted, Wire } from "./peer.js";

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
const RESET = { env: 0, op: "reset", seed: 1 } as const;
const STEP = { env: 0, op: "step", action: [1, 0] } as const;

describe("requests", () => {
  it("are executed once, however often they arrive", async () => {
    const peer = await raw((await serve()).endpoint);
    await peer.one({ ...RESET });
    const { fields, payload } = peer.batchFields([{ env: 0, op: "step", action: new Float32Array([1, 0]) }], ["count"]);
    const frames = peer.frames(fields, payload);
    const replies = [];
    for (let i = 0; i < 3; i++) {
      await peer.sendRaw(frames);
      replies.push(Buffer.concat(await peer.receiveRaw()).toString("hex"));
    }
    expect(new Set(replies).size).toBe(1);
    expect((await peer.one({ env: 0, op: "noop" })).result.step).toBe(1);
  });

  it("older than the stored replies are refused, not executed", async () => {
    const server = await serve({ limits: { max_in_flight: 2 } });
    const peer = await raw(server.endpoint);
    await peer.one({ ...RESET });
    const { fields, payload } = peer.batchFields([{ env: 0, op: "step", action: new Float32Array([1, 0]) }], []);
    const frames = peer.frames(fields, payload);
    const old = peer.req;
    await peer.exchange(frames, old);
    await peer.ask({ t: "ping" });
    expect((await peer.exchange(frames, old)).header["t"]).toBe("batch_result");
    await peer.ask({ t: "ping" });
    const refused = await peer.exchange(frames, old);
    expect(refused.header).toMatchObject({ t: "error", code: "OUT_OF_ORDER", retryable: false });
    expect((await peer.one({ env: 0, op: "noop" })).result.step).toBe(1);
  });

  it("sent over a connection that is cut are resent with the same number, and no step is lost or executed twice", async () => {
    const server = await serve();
    const wire = await Wire.to(server.endpoint);
    const client = await connect(wire.endpoint, { resendAfter: 200 });
    for (let round = 0; round < 3; round++) {
      await client.batch([RESET], []);
      // The steps reach the server; their answers are lost with the connection.
      wire.deaf = true;
      const steps = [1, 2, 3].map(() => client.batch([STEP], ["count"]));
      await wait(30);
      wire.cut();
      const answers = await Promise.all(steps);
      expect(answers.map(({ results }) => results[0]?.step)).toEqual([1, 2, 3]);
      expect([...(answers[2]?.tensors["count"]?.data ?? [])]).toEqual([4, 3]);
    }
    expect((await client.batch([STEP], [])).results[0]?.step).toBe(4);
  });

  it("pipeline up to max_in_flight, and beyond it wait their turn", async () => {
    const client = await connect((await serve({ limits: { max_in_flight: 3 } })).endpoint);
    await client.batch([RESET], []);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => client.batch([i % 5 === 0 ? RESET : STEP], [])),
    );
    expect(answers.map(({ results }) => results[0]?.step)).toEqual(Array.from({ length: 20 }, (_, i) => i % 5));
  });

  it("can be aborted, before and while they are under way, and the session goes on", async () => {
    const client = await connect((await serve()).endpoint);
    await client.batch([RESET], []);
    await expect(client.batch([STEP], [], { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    const controller = new AbortController();
    const step = client.batch([STEP], [], { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(step).rejects.toThrow("enough");
    // The first one never left; the second one did, and was executed.
    expect((await client.batch([STEP], [])).results[0]?.step).toBe(2);
  });
});

describe("an address", () => {
  it.runIf(hasIpv6)("may be IPv6's loopback, whoever binds", async () => {
    const server = await serve({ endpoint: "tcp://[::1]:*" });
    expect(server.endpoint).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
    expect((await connect(server.endpoint)).welcome.name).toBe("counter");
    const listener = await EnvironmentClient.listen({ endpoint: "tcp://[::1]:*" });
    closing(EnvironmentServer.connect(counterDefinition(), { endpoint: listener.endpoint }));
    expect(closing(await listener.accept()).welcome.name).toBe("counter");
  });
});

const nested = (levels: number): WireMap => (levels === 0 ? {} : { in: nested(levels - 1) });

describe("a request that no server can read", () => {
  it.each<[string, unknown, RegExp]>([
    ["bytes", { scene: Buffer.from("x") }, /^ops\[0\]\.options\.scene: a Buffer can't be sent; nil, booleans/],
    ["a date", { at: [new Date(0)] }, /^ops\[0\]\.options\.at\[0\]: a Date can't be sent/],
    ["a bigint", { scene: 2n }, /^ops\[0\]\.options\.scene: a bigint can't be sent/],
    ["a map", new Map([[1, 2]]), /^ops\[0\]\.options: a Map can't be sent/],
    ["numbers in a typed array", { at: new Float32Array(2) }, /^ops\[0\]\.options\.at: a Float32Array can't be sent/],
    ["a function", { act: () => 1 }, /^ops\[0\]\.options\.act: a function can't be sent/],
    ["a long string", { name: "é".repeat(40_000) }, /^ops\[0\]\.options\.name: a string of 80000 bytes; at most 65536/],
    ["a long key", { ["k".repeat(70_000)]: 1 }, /^ops\[0\]\.options\.kkk.*: a string of 70000 bytes/],
    ["17 levels", nested(13), /in: maps and arrays nest deeper than 16$/],
    ["many values", { many: Array(200_000).fill(0) }, /more than 200000 values in a header$/],
    ["many bytes", { many: Array(100).fill("x".repeat(65_000)) }, /^the header has 65\d+ bytes; at most 4194304 are/],
  ])("is refused before it takes a number, naming the key: %s", async (_, options, message) => {
    const client = await connect((await serve()).endpoint, { timeouts: { reset: 2000 } });
    const reset = { ...RESET, options: options as WireMap };
    const refused = client.batch([reset], []);
    await expect(refused).rejects.toMatchObject({ code: "BAD_MESSAGE", message: expect.stringMatching(message) });
    expect((await client.batch([RESET], [])).results[0]?.episode).toBe(1);
  });

  it("is not one with a number beyond the range of integers: the server names its place, and the session goes on", async () => {
    const client = await connect((await serve()).endpoint, { timeouts: { reset: 2000 } });
    await expect(client.batch([{ ...RESET, seed: 2 ** 60 }], [])).rejects.toMatchObject({
      code: "BAD_MESSAGE",
      detail: { field: "ops[0].seed" },
    });
    expect((await client.batch([{ ...RESET, options: { mass: 2 ** 60 } }], [])).results[0]?.episode).toBe(1);
  });

  it("does not include deep nesting within the limit, or any text", async () => {
    const client = await connect((await serve()).endpoint);
    const options = { deep: nested(11), text: "x".repeat(65_536) };
    expect((await client.batch([{ ...RESET, options }], [])).results[0]?.error).toBeUndefined();
  });

  it("and is answered without a number frees its number: later requests are executed in order, once", async () => {
    const reader = await shortSighted((await serve({ limits: { max_in_flight: 4 } })).endpoint);
    const client = await connect(reader.endpoint, { timeouts: { reset: 5000, step: 5000 } });
    await client.batch([RESET], []);
    const unreadable = { ...RESET, options: { unreadable: true } };
    const batches = [[STEP], [unreadable], [STEP], [unreadable], [STEP]].map((ops) => client.batch(ops, []));
    const outcomes = (await Promise.allSettled(batches)).map((one) =>
      one.status === "fulfilled" ? one.value.results[0]?.step : one.reason.message,
    );
    const told = "the integer at byte 5 is too large";
    expect(outcomes).toEqual([1, told, 2, told, 3]);
    expect((await client.batch([STEP], [])).results[0]?.step).toBe(4);
    await client.close();
  });

  it("is not one that was read, even after an answer without a request", async () => {
    const reader = await shortSighted((await serve()).endpoint);
    const client = await connect(reader.endpoint, { timeouts: { reset: 5000, step: 5000 } });
    await client.batch([RESET], []);
    for (const step of [1, 2, 3]) {
      reader.stray = 1;
      expect((await client.batch([STEP], [])).results[0]?.step).toBe(step);
    }
  });

  it("may be a hello, and is reported at once; an answer without a request before welcome is ignored", async () => {
    const reader = await shortSighted((await serve()).endpoint);
    await expect(connect(reader.endpoint, { token: "unreadable" })).rejects.toMatchObject({
      code: "BAD_MESSAGE",
      message: "the integer at byte 5 is too large",
    });
    reader.stray = 1;
    expect((await connect(reader.endpoint)).welcome.name).toBe("counter");
  });

  it("gives its place to waiting requests", async () => {
    const client = await connect((await serve({ limits: { max_in_flight: 1, max_frame_bytes: 2048 } })).endpoint, {
      timeouts: { reset: 3000, step: 3000 },
    });
    const large = { ...RESET, options: { text: "x".repeat(3000) } };
    const all = [[RESET], [large], [STEP], [large], [STEP]].map((ops) => client.batch(ops, []));
    const codes = (await Promise.allSettled(all)).map((one) =>
      one.status === "fulfilled" ? one.value.results[0]?.step : one.reason.code,
    );
    expect(codes).toEqual([0, "TOO_LARGE", 1, "TOO_LARGE", 2]);
  });
});

describe("an error", () => {
  it("names the element of a bad action, its meaning and its bound; the other environments go on", async () => {
    const client = await connect((await serve()).endpoint);
    await client.batch([RESET, { ...RESET, env: 1 }], []);
    for (const [action, element, bound, message] of [
      [[1.5, 0], 0, "high", "action[0] (move) = 1.5 is above 1; it must be a number from -1 to 1"],
      [[0, -2], 1, "low", "action[1] (kind) = -2 is below -1; it must be a number from -1 to 1"],
      [[0, Number.NaN], 1, "number", "action[1] (kind) is NaN; it must be a number from -1 to 1"],
    ] as const) {
      const { results } = await client.batch(
        [
          { env: 0, op: "step", action },
          { ...STEP, env: 1 },
        ],
        [],
      );
      expect(results[0]?.error).toMatchObject({
        code: "BAD_ACTION",
        message,
        env: 0,
        detail: { uid: "action", element, bound },
      });
      expect(results[1]?.error).toBeUndefined();
    }
    expect((await client.batch([{ env: 0, op: "noop" }], [])).results[0]?.step).toBe(0);
  });

  it("is NOT_RESET for a step before the first reset and after an episode's end", async () => {
    const client = await connect((await serve()).endpoint);
    expect((await client.batch([STEP], [])).results[0]?.error?.code).toBe("NOT_RESET");
    await client.batch([RESET], []);
    for (let i = 1; i <= 5; i++) expect((await client.batch([STEP], [])).results[0]?.truncated).toBe(i === 5);
    const { results } = await client.batch([STEP], ["count"]);
    expect(results[0]?.error).toMatchObject({ code: "NOT_RESET", message: expect.stringContaining("episode is over") });
    // The final observation is still available.
    expect([...((await client.batch([{ env: 0, op: "noop" }], ["count"])).tensors["count"]?.data ?? [])]).toEqual([
      6, 5,
    ]);
  });

  it("does not come from unknown keys", async () => {
    const peer = await raw((await serve()).endpoint);
    const { results } = await peer.batch([{ env: 0, op: "reset", seed: 1 }], [], { tomorrow: { a: [1, { b: null }] } });
    expect(results[0]?.error).toBeUndefined();
  });

  it("is BAD_MESSAGE for an unknown type and for wrong values, naming the field; the connection stays open", async () => {
    const peer = await raw((await serve()).endpoint);
    await peer.one({ ...RESET });
    const say = async (fields: object) => (await peer.ask({ want: [], ...fields })).header;
    expect(await say({ t: "dance" })).toMatchObject({
      code: "BAD_MESSAGE",
      message: expect.stringContaining('"dance"'),
    });
    expect(await say({ t: "batch", ops: [{ env: 7, op: "noop" }] })).toMatchObject({
      code: "BAD_MESSAGE",
      message: "ops[0].env must be an integer from 0 to 1; it is number (7)",
      detail: { field: "ops[0].env" },
    });
    expect(await say({ t: "batch", ops: [{ env: 0, op: "reset", options: 3 }] })).toMatchObject({
      detail: { field: "ops[0].options" },
    });
    expect(await say({ t: "batch", ops: [], want: ["colour"] })).toMatchObject({
      message: expect.stringContaining("known: count, frame"),
    });
    expect(await say({ t: "configure", parameters: { scale: 11 } })).toMatchObject({
      detail: { field: "parameters.scale" },
    });
    expect((await peer.one({ env: 0, op: "noop" })).result.step).toBe(0);
  });

  it("is BAD_MESSAGE of one environment for wrong options of a reset, and its episode goes on", async () => {
    const client = await connect((await serve()).endpoint);
    await client.batch([RESET], []);
    const { results } = await client.batch(
      [
        { ...RESET, options: { mood: 7 } },
        { ...RESET, env: 1 },
      ],
      [],
    );
    expect(results[0]?.error).toMatchObject({ code: "BAD_MESSAGE", message: "options.mood must be a string", env: 0 });
    expect(results[1]?.error).toBeUndefined();
    expect((await client.batch([STEP], [])).results[0]).toMatchObject({ episode: 1, step: 1 });
  });

  it("is TOO_LARGE for an oversized frame, at the server and before a client sends one", async () => {
    const server = await serve({ envCount: 1, limits: { max_frame_bytes: 2048 } });
    const peer = await raw(server.endpoint);
    const answer = await peer.ask({ t: "ping" }, [Buffer.alloc(2049)]);
    expect(answer.header).toMatchObject({ code: "TOO_LARGE", detail: { bytes: 2049, limit: 2048 } });
    expect((await peer.ask({ t: "ping" })).header["t"]).toBe("pong");
    await peer.ask({ t: "close" });

    const client = await connect(server.endpoint);
    const huge = { env: 0, op: "reset", options: { note: "x".repeat(3000) } } as const;
    await expect(client.batch([huge], [])).rejects.toMatchObject({ code: "TOO_LARGE", detail: { limit: 2048 } });
    expect((await client.batch([RESET], [])).results[0]?.error).toBeUndefined();
  });

  it("is VERSION for another major version, naming those spoken", async () => {
    const peer = closing(await Peer.open({ endpoint: (await serve()).endpoint }));
    const { header } = await peer.ask({ ...peer.helloFields(), v: 2 });
    expect(header).toMatchObject({ t: "error", code: "VERSION", detail: { protocols: [1] } });
    await peer.hello();
  });

  it("is NO_GRAPHICS for a wanted image where the server has no renderer, and nothing is executed", async () => {
    const client = await connect((await serve({}, null)).endpoint);
    expect(client.welcome.graphics).toBeNull();
    await expect(client.batch([RESET], ["count", "frame"])).rejects.toMatchObject({
      code: "NO_GRAPHICS",
      detail: { uid: "frame" },
    });
    expect((await client.batch([STEP], [])).results[0]?.error?.code).toBe("NOT_RESET");
  });

  it("is ENV_CRASH for an environment that throws: it needs a reset, the others go on", async () => {
    const client = await connect((await serve()).endpoint);
    await client.batch([RESET, { ...RESET, env: 1 }], []);
    const { results, tensors } = await client.batch(
      [
        { ...STEP, action: [0, 1] },
        { ...STEP, env: 1 },
      ],
      ["count"],
    );
    expect(results[0]?.error).toMatchObject({
      code: "ENV_CRASH",
      message: expect.stringContaining("the physics exploded"),
    });
    expect(results[1]).toMatchObject({ env: 1, step: 1 });
    expect([...(tensors["count"]?.data ?? [])]).toEqual([0, 0, 2, 1]);
    expect((await client.batch([STEP], [])).results[0]?.error?.code).toBe("NOT_RESET");
    expect((await client.batch([RESET], [])).results[0]).toMatchObject({ episode: 2, step: 0 });
    const crashed = await client.batch([{ ...RESET, options: { crash: true } }], []);
    expect(crashed.results[0]?.error?.code).toBe("ENV_CRASH");
  });
});

describe("a session", () => {
  it("is one at a time: a second client is BUSY until the first has closed", async () => {
    const server = await serve();
    const first = await connect(server.endpoint);
    await expect(EnvironmentClient.connect({ endpoint: server.endpoint })).rejects.toMatchObject({
      code: "BUSY",
      retryable: true,
    });
    await first.batch([RESET], []);
    await first.close();
    await first.close();
    const second = await connect(server.endpoint);
    // Nothing of the first session is left: its environments start afresh.
    expect((await second.batch([STEP], [])).results[0]?.error?.code).toBe("NOT_RESET");
  });

  it("of a silent client is freed after three ping periods; an idle client keeps it by pinging", async () => {
    const server = await serve({ limits: { ping_period_ms: 400 } });
    const silent = await raw(server.endpoint);
    await wait(1400);
    const idle = await connect(server.endpoint);
    expect((await silent.ask({ t: "ping" })).header).toMatchObject({ code: "NO_SESSION" });
    await wait(1600);
    await expect(EnvironmentClient.connect({ endpoint: server.endpoint })).rejects.toMatchObject({ code: "BUSY" });
    expect((await idle.batch([RESET], [])).results[0]?.error).toBeUndefined();
  });

  it("starts with every parameter at its default", async () => {
    const server = await serve();
    const total = async (client: EnvironmentClient): Promise<number | undefined> => {
      await client.batch([RESET], []);
      return (await client.batch([STEP], ["count"])).tensors["count"]?.data[0];
    };
    const first = await connect(server.endpoint);
    await first.configure({ scale: 5 });
    expect(await total(first)).toBe(6);
    await first.close();
    expect(await total(await connect(server.endpoint))).toBe(2);
  });

  it("gives the client what its hello requests", async () => {
    const requests: unknown[] = [];
    const server = closing(
      await EnvironmentServer.bind(
        (request) => {
          requests.push(request);
          const definition = counterDefinition();
          const side = request.imageSize ?? 4;
          const observations = definition.observations.map((spec) =>
            spec.uid === "frame" ? { ...spec, shape: [side, side, 3] } : spec,
          );
          return { ...definition, observations };
        },
        { endpoint: ANYWHERE },
      ),
    );
    const client = await connect(server.endpoint, { imageSize: 8, seed: 5 });
    expect(requests.at(-1)).toEqual({ imageSize: 8 });
    const reset = await client.batch([{ env: 0, op: "reset" }], ["frame"]);
    expect(reset.tensors["frame"]?.shape).toEqual([1, 8, 8, 3]);
    expect(reset.results[0]?.info).toEqual({ seed: 5 });
  });

  it("begins with the name and version of its client", async () => {
    const server = closing(new Router({ linger: 0 }));
    await server.bind(ANYWHERE);
    const timeouts = { connect: 200, hello: 200 };
    const unanswered = connect(server.lastEndpoint ?? "", { timeouts }).catch((error: unknown) => error);
    const [, hello = Buffer.alloc(0)] = await server.receive();
    expect(decodeHeader(hello)["package"]).toMatch(/^rls3\/\d+\.\d+\.\d+$/);
    expect(await unanswered).toMatchObject({ code: "TIMEOUT" });
  });

  it("names the phase of a timeout", async () => {
    const nobody = EnvironmentClient.connect({ endpoint: "tcp://127.0.0.1:9", timeouts: { connect: 100, hello: 100 } });
    await expect(nobody).rejects.toMatchObject({ code: "TIMEOUT", detail: { phase: "connect" } });
    const wire = await Wire.to((await serve()).endpoint);
    const client = await connect(wire.endpoint, { timeouts: { step: 200, reset: 200, close: 100 } });
    wire.deaf = true;
    await expect(client.batch([RESET], [])).rejects.toMatchObject({ code: "TIMEOUT", detail: { phase: "reset" } });
    await expect(client.batch([STEP], [])).rejects.toMatchObject({ code: "TIMEOUT", detail: { phase: "step" } });
  });
});

describe("a client that was stopped itself", () => {
  /** As Ctrl-Z or a breakpoint: nothing is read, and no timer runs. */
  const stop = (milliseconds: number): void => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  };
  const timeouts = { reset: 1500, step: 1500, close: 500 };

  async function spawned(): Promise<EnvironmentClient> {
    const listener = closing(await EnvironmentClient.listen({ endpoint: ANYWHERE, timeouts }));
    const args = [path.join(import.meta.dirname, "counter-server.js"), "--connect", listener.endpoint];
    const server = new ServerProcess({ command: process.execPath, args });
    closing({ close: () => server.kill() });
    return listener.accept();
  }

  it("still gets the answers that came meanwhile, to waiting requests too", async () => {
    const client = await spawned();
    await client.batch([RESET], []);
    // Two more than may be under way.
    const steps = Array.from({ length: 10 }, () => client.batch([{ env: 0, op: "noop" }], []));
    stop(2500);
    expect(await Promise.all(steps)).toHaveLength(10);
    const again = client.batch([STEP], []);
    stop(2500);
    expect((await again).results[0]?.step).toBe(1);
  });

  it("waits no longer than its timeout once it goes on", async () => {
    const client = await spawned();
    await client.batch([RESET], []);
    const hanging = client.batch([{ ...STEP, action: [1, 0.75] }], []);
    hanging.catch(() => undefined);
    stop(2500);
    const begun = performance.now();
    const next = client.batch([STEP], []);
    await expect(hanging).rejects.toMatchObject({ code: "TIMEOUT", detail: { phase: "step" } });
    await expect(next).rejects.toMatchObject({ code: "TIMEOUT", detail: { phase: "step" } });
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});

describe("beyond loopback", () => {
  it("an endpoint without keys is refused on both sides, before any socket is opened", async () => {
    const endpoint = "tcp://0.0.0.0:*";
    const refusal = { code: "CONFIGURATION", message: expect.stringContaining("CURVE keys and a token") };
    await expect(EnvironmentServer.bind(counterDefinition(), { endpoint })).rejects.toMatchObject(refusal);
    await expect(EnvironmentClient.connect({ endpoint: "tcp://192.0.2.7:5005" })).rejects.toMatchObject(refusal);
    await expect(EnvironmentClient.listen({ endpoint })).rejects.toMatchObject(refusal);
  });

  it("CURVE keys and the token open it; without either nobody gets in", async () => {
    const keys = generateKeys("a token of some length");
    const server = await serve({ endpoint: "tcp://0.0.0.0:*", keys });
    const endpoint = server.endpoint.replace("0.0.0.0", "127.0.0.1");
    const { serverSecretKey: _, ...clientKeys } = keys;
    const client = await connect(endpoint, { keys: clientKeys });
    expect(client.welcome.capabilities).toContain("curve");
    expect((await client.batch([RESET], ["count"])).results[0]?.error).toBeUndefined();
    await client.close();
    const short = { timeouts: { connect: 150, hello: 150 } };
    await expect(EnvironmentClient.connect({ endpoint, ...short })).rejects.toMatchObject({ code: "TIMEOUT" });
    const stranger = { ...clientKeys, serverPublicKey: generateKeys("none that it would know").serverPublicKey };
    await expect(EnvironmentClient.connect({ endpoint, keys: stranger, ...short })).rejects.toMatchObject({
      code: "TIMEOUT",
    });
    const guess = { ...clientKeys, token: "another token, a wrong one" };
    await expect(EnvironmentClient.connect({ endpoint, keys: guess })).rejects.toMatchObject({ code: "AUTH" });
  });

  it("a token may be required on loopback too", async () => {
    const server = await serve({ token: "open sesame" });
    await expect(EnvironmentClient.connect({ endpoint: server.endpoint })).rejects.toBeInstanceOf(ProtocolError);
    expect((await connect(server.endpoint, { token: "open sesame" })).welcome.name).toBe("counter");
  });
});

describe("a server", () => {
  it("that connects to its client ends with the session, and when its client is gone", async () => {
    const listener = closing(await EnvironmentClient.listen({ endpoint: ANYWHERE }));
    const server = EnvironmentServer.connect(counterDefinition(), { endpoint: listener.endpoint });
    const client = await listener.accept();
    await client.close();
    await server.closed;

    const other = closing(await EnvironmentClient.listen({ endpoint: ANYWHERE }));
    const orphan = EnvironmentServer.connect(counterDefinition(), { endpoint: other.endpoint, orphanedAfter: 100 });
    (await other.accept()).end(new Error("the trainer was killed"));
    await orphan.closed;
  });

  it("that connects stays with a client that is connected and silent, however long", async () => {
    const peer = closing(await Peer.open({ endpoint: ANYWHERE, bind: true, patience: 3000 }));
    const options = { endpoint: peer.endpoint, orphanedAfter: 50, limits: { ping_period_ms: 20 } };
    closing(EnvironmentServer.connect(counterDefinition(), options));
    await peer.hello();
    await peer.one({ ...RESET });
    await wait(400);
    expect((await peer.one({ env: 0, op: "noop" })).result.episode).toBe(1);
  });

  it.runIf(hasIpv6)("binds and connects on [::1] too, where this machine has it", async () => {
    const server = closing(await EnvironmentServer.bind(counterDefinition(), { endpoint: "tcp://[::1]:*" }));
    const peer = await raw(server.endpoint);
    expect(peer.welcome.name).toBe("counter");
  });
});
