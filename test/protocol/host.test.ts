/** @file What a host answers: readable whatever an environment does, and with an environment for each session. */
import { describe, expect, it } from "vitest";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import {
  type Environment,
  type EnvironmentDefinition,
  EnvironmentHost,
  EnvironmentServer,
  type HostOptions,
  type WireMap,
} from "../../protocol/index.js";
import { ANYWHERE, closing, connect } from "./peer.js";

/** A scalar action; `state` tells what was done, and `environment` replaces methods. */
function scalar(environment: Partial<Environment> = {}, definition: Partial<EnvironmentDefinition> = {}) {
  const state = { made: 0, closed: 0, stepped: 0, seeds: [] as (number | undefined)[] };
  const source: EnvironmentDefinition = {
    name: "scalar",
    action: { uid: "a", dtype: "int32", shape: [], low: 0, high: 3 },
    observations: [{ uid: "o", dtype: "int32", shape: [1] }],
    graphics: null,
    create: () => {
      state.made++;
      return {
        reset: (seed) => {
          state.seeds.push(seed);
          return {};
        },
        step: ([action]) => {
          state.stepped++;
          if (action === 3) throw new Error("boom");
          return { reward: 0, terminated: false, truncated: false, info: {} };
        },
        observe: (_uid, out) => out.fill(1),
        close: () => {
          state.closed++;
        },
        ...environment,
      };
    },
    ...definition,
  };
  return { state, source };
}

/** A host and a client without sockets, which must be able to read every answer. */
class Desk {
  readonly host: EnvironmentHost;
  req = 0;
  sid: string | undefined;
  /** Milliseconds, by the host's clock. */
  now = 0;

  constructor(source: EnvironmentDefinition, options: HostOptions = {}) {
    this.host = new EnvironmentHost(source, options);
  }

  ask(t: string, fields: object = {}, payload: Uint8Array[] = []): WireMap {
    const sid = this.sid === undefined ? {} : { sid: this.sid };
    const header = encodeHeader({ v: 1, t, req: ++this.req, ...sid, ...fields });
    const answer = decodeHeader(this.host.answer([header, ...payload], () => this.now)[0] ?? Buffer.alloc(0));
    if (t === "hello" && answer["t"] === "welcome") this.sid = answer["sid"] as string;
    return answer;
  }

  hello(fields: object = {}): WireMap {
    this.sid = undefined;
    return this.ask("hello", { client: "c", ...fields });
  }

  reset(count: number): WireMap {
    return this.ask("batch", { ops: Array.from({ length: count }, (_, env) => ({ env, op: "reset" })) });
  }

  step(...actions: number[]): WireMap {
    const tensors = [{ uid: "a", dtype: "int32", shape: [actions.length], frame: 0 }];
    const ops = actions.map((_, env) => ({ env, op: "step" }));
    return this.ask("batch", { ops, tensors }, [Buffer.from(Int32Array.from(actions).buffer)]);
  }
}

const resultsOf = (answer: WireMap) => answer["results"] as unknown as { error?: { code: string; message: string } }[];

describe("an answer", () => {
  it("that would be too large by its number of operations is refused before anything moves", () => {
    const { source, state } = scalar();
    const desk = new Desk(source, { envCount: 14_000 });
    desk.hello();
    const refused = desk.reset(14_000);
    expect(refused).toMatchObject({ t: "error", code: "TOO_LARGE", detail: { values: expect.any(Number) } });
    expect(refused["message"]).toContain("divide the batch");
    expect(state.seeds).toEqual([]);
    expect(desk.reset(13_000)["t"]).toBe("batch_result");
    const small = new Desk(source, { envCount: 100 });
    small.hello({ limits: { max_frame_bytes: 2048 } });
    state.seeds.length = 0;
    expect(small.reset(100)).toMatchObject({ code: "TOO_LARGE", detail: { limit: 2048 } });
    expect(state.seeds).toEqual([]);
  });

  it("can be read whatever an environment throws or a client names", () => {
    const long = "x".repeat(65_530);
    const { source } = scalar({
      step: ([action]) => {
        if (action === 3) throw new Error(`log: ${long}${long}`);
        return { reward: 0, terminated: false, truncated: false, info: {} };
      },
    });
    const desk = new Desk(source, { envCount: 2 });
    desk.hello();
    desk.reset(2);
    const [first, second] = resultsOf(desk.step(3, 0));
    expect(first?.error?.code).toBe("ENV_CRASH");
    expect(first?.error?.message.length).toBeLessThan(2100);
    expect(second?.error).toBeUndefined();
    expect(desk.ask("batch", { ops: [], want: [long] })["code"]).toBe("BAD_MESSAGE");
    expect(desk.ask("configure", { parameters: { [long]: 1 } })["code"]).toBe("BAD_MESSAGE");
    const tensor = { uid: "a", dtype: "int32", shape: Array(100_000).fill(1), frame: 0 };
    expect(desk.ask("batch", { ops: [], tensors: [tensor] }, [Buffer.alloc(8)])["code"]).toBe("BAD_MESSAGE");
  });

  it("has finite rewards: any other ends its environment's episode, and the others go on", () => {
    const { source } = scalar({
      step: ([action]) => {
        const reward = [0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][action ?? 0] ?? 0;
        return { reward, terminated: false, truncated: false, info: {} };
      },
    });
    for (const action of [1, 2, 3]) {
      const desk = new Desk(source, { envCount: 2 });
      desk.hello();
      desk.reset(2);
      const [first, second] = resultsOf(desk.step(action, 0));
      expect(first).toMatchObject({ reward: 0, step: 0, error: { code: "ENV_CRASH" } });
      expect(first?.error?.message).toMatch(/its reward is (NaN|-?Infinity); reset it/);
      expect(second).toMatchObject({ reward: 0, step: 1 });
      expect(second?.error).toBeUndefined();
    }
  });

  it("with an info that can't be sent, or a welcome that is too large, is an error that says so", () => {
    const info = { image: new Uint8Array(3) } as unknown as WireMap;
    const desk = new Desk(scalar({ reset: () => info }).source);
    desk.hello();
    expect(desk.reset(1)).toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining("the answer can't be sent: results[0].info.image: an Uint8Array can't be sent"),
    });
    const low = Array(210_000).fill(-1);
    const huge = new Desk(scalar({}, { action: { uid: "a", dtype: "float32", shape: [210_000], low } }).source);
    expect(huge.hello()).toMatchObject({ code: "INTERNAL", message: expect.stringContaining("200000 values") });
  });
});

describe("a session", () => {
  it("stays with its client however long hello or a step takes: silence begins with the answer", () => {
    const slow = (): void => {
      desk.now += 20_000;
    };
    const { source } = scalar({
      step: () => {
        slow();
        return { reward: 0, terminated: false, truncated: false, info: {} };
      },
    });
    const create = (index: number): Environment => {
      slow();
      return source.create(index);
    };
    const desk = new Desk({ ...source, create });
    const other = encodeHeader({ v: 1, t: "hello", req: 1, client: "another" });
    const told = () => decodeHeader(desk.host.answer([other], () => desk.now)[0] ?? Buffer.alloc(0));
    desk.hello();
    expect(told()["code"]).toBe("BUSY");
    desk.reset(1);
    expect(desk.step(1)["t"]).toBe("batch_result");
    desk.now += 14_999;
    expect(told()["code"]).toBe("BUSY"); // which is no sign of life of the session's client
    desk.now += 1;
    expect(told()["t"]).toBe("welcome");
  });
});

describe("a host with a token", () => {
  it("lets nobody in without it, and none is no empty one", () => {
    const desk = new Desk(scalar().source, { token: "the word" });
    expect(desk.hello()).toMatchObject({ t: "error", code: "AUTH", message: "hello's token is missing" });
    expect(desk.hello({ token: "" })).toMatchObject({ t: "error", code: "AUTH" });
    expect(desk.hello({ token: "the word" })["t"]).toBe("welcome");
    expect(() => new Desk(scalar().source, { token: "" })).toThrow("token is empty");
  });
});

describe("environments", () => {
  it("are closed when their session ends, each though another's close throws", () => {
    const { source, state } = scalar();
    const desk = new Desk(source, { envCount: 3 });
    desk.hello();
    expect(desk.ask("close")["t"]).toBe("closed");
    expect(state).toMatchObject({ made: 3, closed: 3 });
    desk.hello();
    desk.hello();
    expect(state).toMatchObject({ made: 9, closed: 6 });
    let closed = 0;
    const failing = new Desk(
      scalar({
        close: () => {
          closed++;
          throw new Error("stuck");
        },
      }).source,
      { envCount: 3 },
    );
    failing.hello();
    expect(() => failing.host.close()).toThrow("stuck");
    expect(closed).toBe(3);
  });

  it("of a session go on after a hello whose environments could not be made", () => {
    let isBroken = false;
    const { source, state } = scalar();
    const create = (index: number): Environment => {
      if (isBroken && index === 1) throw new Error("no licence left");
      return source.create(index);
    };
    const desk = new Desk({ ...source, create }, { envCount: 2 });
    desk.hello();
    desk.reset(2);
    const { sid } = desk;
    isBroken = true;
    expect(desk.hello()).toMatchObject({ code: "INTERNAL", message: "no licence left" });
    expect(state.closed).toBe(1); // the new one that had been made
    desk.sid = sid;
    desk.req--;
    expect(resultsOf(desk.step(1, 1)).map(({ error }) => error)).toEqual([undefined, undefined]);
    // Nor does a crash without a replacement cost more than its environment.
    expect(resultsOf(desk.step(1, 3)).map(({ error }) => error?.code)).toEqual([undefined, "ENV_CRASH"]);
    const crashed = resultsOf(desk.reset(2));
    expect(crashed[0]?.error).toBeUndefined();
    expect(crashed[1]?.error?.message).toContain("no licence left");
    isBroken = false;
    expect(resultsOf(desk.reset(2)).map(({ error }) => error)).toEqual([undefined, undefined]);
  });

  it("that replace crashed ones have a seed at their first reset", () => {
    const { source, state } = scalar();
    const desk = new Desk(source, { envCount: 2 });
    desk.hello({ seed: 2 ** 53 - 2 });
    desk.reset(2);
    desk.reset(2);
    desk.step(0, 3);
    desk.reset(2);
    desk.reset(2);
    // hello.seed + 1 + 2 episodes of 2 environments, mod 2^53.
    expect(state.seeds).toEqual([2 ** 53 - 2, 2 ** 53 - 1, undefined, undefined, undefined, 3, undefined, undefined]);
  });
});

describe("an action of whole numbers", () => {
  it("that its dtype would change is refused before it is sent, naming the element", async () => {
    const { source, state } = scalar();
    const server = closing(await EnvironmentServer.bind(source, { endpoint: ANYWHERE }));
    const client = await connect(server.endpoint);
    await client.batch([{ env: 0, op: "reset" }], []);
    const range = "from -2147483648 to 2147483647";
    for (const [value, message] of [
      [2 ** 32, `environment 0: a[0] = 4294967296 is above 2147483647; it must be a number ${range}`],
      [2.9, `environment 0: a[0] = 2.9 is no whole number; it must be a number ${range}`],
      [Number.NaN, `environment 0: a[0] is NaN; it must be a number ${range}`],
    ] as const) {
      const refused = client.batch([{ env: 0, op: "step", action: [value] }], []);
      await expect(refused).rejects.toMatchObject({ code: "BAD_ACTION", message, detail: { uid: "a", element: 0 } });
    }
    expect(state.stepped).toBe(0);
    expect((await client.batch([{ env: 0, op: "step", action: [2] }], [])).results[0]?.step).toBe(1);
  });
});
