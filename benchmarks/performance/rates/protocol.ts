/**
 * @file Environment steps through the protocol: one server process over tcp loopback. The floor has the same sockets
 * and message sizes without an environment.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { Dealer } from "zeromq";
import { encodeHeader } from "../../../protocol/codec.js";
import { EagerWait } from "../../../protocol/eager-wait.js";
import { type BatchResult, type Op, type SupervisedEnvironment, spawnServer } from "../../../protocol/index.js";
import { at } from "../../../trainer/at.js";
import { Random } from "../../../trainer/random/random.js";
import { type Benchmark, bestPair, bestRate } from "./benchmark.js";

const MAIN = path.resolve(import.meta.dirname, "../../../trainer/cli/main.js");
const RESET_EVERY = 40;
const ACTIONS = 1024;
const CHUNK = 200;
/** Many short repetitions: a round trip involves four threads of two processes, and each may be delayed. */
const SECONDS = 0.4;
const REPETITIONS = 12;
const WARM_UP = 3000;

interface Sizes {
  readonly request: readonly number[];
  readonly answer: readonly number[];
}

/** One served process with its client; actions are drawn beforehand. */
class Served {
  private count = 0;
  private readonly actions: readonly Float32Array[];

  private constructor(
    readonly environment: SupervisedEnvironment,
    private readonly envCount: number,
  ) {
    const random = new Random(1);
    this.actions = Array.from({ length: ACTIONS }, () => Float32Array.from({ length: 6 }, () => random.uniform(-1, 1)));
  }

  static async start(envCount: number): Promise<Served> {
    const args = [MAIN, "env", "serve", "--envs", `${envCount}`];
    return new Served(await spawnServer({ command: process.execPath, args }), envCount);
  }

  /** The next message: a step of each environment, now and then a reset. */
  ops(): Op[] {
    const reset = this.count % RESET_EVERY === 0;
    const ops: Op[] = [];
    for (let env = 0; env < this.envCount; env++) {
      const action = at(this.actions, (this.count * this.envCount + env) % ACTIONS);
      ops.push(reset ? { env, op: "reset", seed: this.count + env } : { env, op: "step", action });
    }
    this.count++;
    return ops;
  }

  /** Round trips one after another; returns the number of environment steps. */
  async steps(messages: number, want: readonly string[]): Promise<number> {
    for (let i = 0; i < messages; i++) check(await this.environment.batch(this.ops(), want));
    return messages * this.envCount;
  }

  /** Message sizes, taken from a real exchange. */
  async sizes(want: readonly string[]): Promise<Sizes> {
    let result = check(await this.environment.batch(this.ops(), want));
    for (let i = 0; i < RESET_EVERY / 2; i++) result = check(await this.environment.batch(this.ops(), want));
    const sid = this.environment.welcome.sid;
    const { action } = this.environment.welcome;
    const shape = [this.envCount, ...action.shape];
    const request = {
      v: 1,
      t: "batch",
      sid,
      req: 1000,
      ops: result.results.map(({ env }) => ({ env, op: "step" })),
      tensors: [{ uid: action.uid, dtype: action.dtype, shape, frame: 0 }],
      want,
    };
    const tensors = Object.values(result.tensors).map(({ spec, shape }, frame) => ({
      uid: spec.uid,
      dtype: spec.dtype,
      shape,
      frame,
    }));
    const results = result.results.map(({ stateHash, ...rest }) => ({ ...rest, state_hash: stateHash }));
    const answer = { v: 1, t: "batch_result", sid, req: 1000, results, tensors };
    return {
      request: [encodeHeader(request).length, this.envCount * 24],
      answer: [encodeHeader(answer).length, ...Object.values(result.tensors).map(({ data }) => data.byteLength)],
    };
  }
}

function check(batch: BatchResult): BatchResult {
  const failed = batch.results.find((result) => result.error !== undefined);
  if (failed?.error !== undefined) throw new Error(`environment ${failed.env}: ${failed.error.message}`);
  return batch;
}

/** The same sockets, sizes and kind of waiting, without an environment. */
class Echo {
  private readonly wait = new EagerWait();

  private constructor(
    private readonly socket: Dealer,
    private readonly request: readonly Buffer[],
    private readonly ended: Promise<unknown>,
  ) {}

  static async start(sizes: Sizes): Promise<Echo> {
    const socket = new Dealer({ linger: 500, sendHighWaterMark: 0 });
    await socket.bind("tcp://127.0.0.1:*");
    const program = path.resolve(import.meta.dirname, "servers/echo.js");
    const child = spawn(process.execPath, [program, socket.lastEndpoint ?? "", sizes.answer.join(",")], {
      stdio: "inherit",
    });
    return new Echo(
      socket,
      sizes.request.map((size) => Buffer.alloc(size)),
      once(child, "exit"),
    );
  }

  async roundTrips(messages: number): Promise<number> {
    for (let i = 0; i < messages; i++) {
      const sent = performance.now();
      await this.socket.send(this.request as Buffer[]);
      this.wait.begin();
      await this.socket.receive();
      this.wait.end(performance.now() - sent);
    }
    return messages;
  }

  async close(): Promise<void> {
    await this.socket.send([Buffer.alloc(0)]);
    await this.ended;
    this.socket.close();
  }
}

const describe = ({ request, answer }: Sizes): string =>
  `request ${request.join("+")} bytes, answer ${answer.join("+")} bytes`;

async function withFloor(
  envCount: number,
  want: readonly string[],
): Promise<{ value: number; floor: number; note: string }> {
  const served = await Served.start(envCount);
  const sizes = await served.sizes(want);
  const echo = await Echo.start(sizes);
  await served.steps(WARM_UP, want);
  const best = await bestPair(
    () => served.steps(CHUNK, want),
    async () => (await echo.roundTrips(CHUNK)) * envCount,
    SECONDS,
    REPETITIONS,
  );
  await served.environment.close();
  await echo.close();
  return { ...best, note: describe(sizes) };
}

export const benchmarks: readonly Benchmark[] = [
  { name: "env.state", counts: "round trips", measure: () => withFloor(1, ["state"]) },
  { name: "env.batch8", counts: "environment steps", measure: () => withFloor(8, ["state"]) },
  {
    name: "env.echo",
    counts: "round trips",
    measure: async () => {
      const served = await Served.start(1);
      const sizes = await served.sizes(["state"]);
      await served.environment.close();
      const echo = await Echo.start(sizes);
      const value = await bestRate(() => echo.roundTrips(CHUNK));
      await echo.close();
      return { value, note: describe(sizes) };
    },
  },
  {
    name: "env.image64",
    counts: "round trips",
    measure: async () => {
      const served = await Served.start(1);
      const value = await bestRate(() => served.steps(CHUNK, ["state", "image"]));
      await served.environment.close();
      return { value, note: "one environment, state and a 64 x 64 image each step" };
    },
  },
];
