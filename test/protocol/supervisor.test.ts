/** @file Real server processes that die, hang, never start or leave children behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import {
  EnvironmentPool,
  EnvironmentServer,
  followServer,
  ProtocolError,
  type SupervisedEnvironment,
  spawnServer,
} from "../../protocol/index.js";
import { counterDefinition } from "./counter.js";

const program = path.join(import.meta.dirname, "counter-server.js");
const command = process.execPath;
const quick = { firstDelay: 10, longestDelay: 50 };

async function spawned(
  args: string[] = [],
  restarts: { atMost?: number } = {},
): Promise<[SupervisedEnvironment, string[]]> {
  const events: string[] = [];
  const environment = await spawnServer({
    command,
    args: [program, ...args],
    restarts: { ...quick, ...restarts },
    onEvent: ({ message }) => events.push(message),
  });
  return [environment, events];
}

const reset = (env: number) => ({ env, op: "reset" as const, seed: 1 });
const step = (env: number, kind = 0) => ({ env, op: "step" as const, action: [1, kind] });
const KILL = 0.5;
const HANG = 0.75;

/** Whether a process exists and is no zombie. */
function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toMatch(/ENOENT|ESRCH/);
    return false;
  }
}

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("a spawned server", () => {
  it("is restarted when it dies, and its running episodes are marked truncated and lost, once", async () => {
    const [environment, events] = await spawned();
    await environment.batch([reset(0), reset(1)], []);
    const { results } = await environment.batch([step(0, KILL)], ["count"]);
    expect(results).toEqual([
      { env: 0, reward: 0, terminated: false, truncated: true, episode: 1, step: 0, info: { lost: true } },
    ]);
    expect(environment.restarts).toBe(1);
    expect(environment.lostEpisodes).toBe(2);
    expect(events[0]).toContain("exit code 17");
    expect(events[0]).toContain("loading the counting engine");

    // The other environment learns of its loss at its next step; meanwhile the first one starts afresh and continues
    // its count.
    const next = await environment.batch([reset(0), step(1)], ["count"]);
    expect(next.results[0]).toMatchObject({ env: 0, episode: 2, step: 0 });
    expect(next.results[1]).toMatchObject({ env: 1, truncated: true, info: { lost: true } });
    expect([...(next.tensors["count"]?.data ?? [])]).toEqual([1, 0, 0, 0]);

    // Reported once; from then on, the environment needs a reset.
    const again = await environment.batch([step(0), step(1)], []);
    expect(again.results[0]).toMatchObject({ step: 1, reward: 1 });
    expect(again.results[1]?.error?.code).toBe("NOT_RESET");
    expect(environment.lostEpisodes).toBe(2);
    await environment.close();
  });

  it("marks a lost episode once when several steps were under way", async () => {
    const [environment] = await spawned();
    await environment.batch([reset(0)], []);
    const [first, second, third] = await Promise.all([
      environment.batch([step(0, KILL)], []),
      environment.batch([step(0)], []),
      environment.batch([reset(0)], []),
    ]);
    expect(first?.results[0]).toMatchObject({ truncated: true, info: { lost: true } });
    expect(second?.results[0]?.error?.code).toBe("NOT_RESET");
    expect(third?.results[0]).toMatchObject({ episode: 2, step: 0 });
    expect(environment.lostEpisodes).toBe(1);
    await environment.close();
  });

  it("does not report an ended episode as lost, though a noop has observed it", async () => {
    const [environment] = await spawned();
    await environment.batch([reset(0), reset(1)], []);
    for (let i = 0; i < 5; i++) await environment.batch([step(0)], []);
    await environment.batch([{ env: 0, op: "noop" }], ["count"]);
    const { results } = await environment.batch([step(1, KILL)], []);
    expect(results[0]).toMatchObject({ env: 1, info: { lost: true } });
    expect(environment.lostEpisodes).toBe(1);
    expect((await environment.batch([step(0)], [])).results[0]?.error?.code).toBe("NOT_RESET");
    await environment.close();
  });

  it("can be given up by an abort while it is started again", async () => {
    const environment = await spawnServer({ command, args: [program], restarts: { firstDelay: 5000 } });
    await environment.batch([reset(0)], []);
    const dying = environment.batch([step(0, KILL)], []).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const begun = performance.now();
    const aborted = environment.batch([reset(1)], [], { signal: AbortSignal.timeout(100) });
    await expect(aborted).rejects.toThrow(/timeout/);
    expect(performance.now() - begun).toBeLessThan(3000);
    await environment.close();
    expect(await dying).toMatchObject({ code: "CLOSED" });
  });

  it("is not started where its log can't be written", async () => {
    const unwritable = spawnServer({ command, args: [program], logFile: "/no/such/folder/log.txt" });
    await expect(unwritable).rejects.toMatchObject({
      code: "CONFIGURATION",
      message: expect.stringMatching(/^log file \/no\/such\/folder\/log\.txt: ENOENT/),
    });
  });

  it("that hangs is restarted after the step's timeout, with its log in the message", async () => {
    const events: string[] = [];
    const environment = await spawnServer({
      command,
      args: [program],
      restarts: quick,
      client: { timeouts: { step: 500, close: 500 } },
      onEvent: ({ message }) => events.push(message),
    });
    await environment.batch([reset(0)], []);
    const { results } = await environment.batch([step(0, HANG)], []);
    expect(results[0]).toMatchObject({ truncated: true, info: { lost: true } });
    expect(events[0]).toMatch(/timeout in phase "step" after 0.5 s[\s\S]*loading the counting engine/);
    await environment.close();
  });

  it("gets its parameters again after a restart", async () => {
    const [environment] = await spawned();
    await environment.configure({ scale: 3 });
    await environment.batch([reset(0)], []);
    await environment.batch([step(0, KILL)], []);
    await environment.batch([reset(0)], []);
    const { tensors } = await environment.batch([step(0)], ["count"]);
    expect(tensors["count"]?.data[0]).toBe(1 + 3);
    await environment.close();
  });

  it("is given up after as many restarts in a row as allowed, with what it last printed", async () => {
    const [environment] = await spawned([], { atMost: 0 });
    await environment.batch([reset(0)], []);
    await expect(environment.batch([step(0, KILL)], [])).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/gave up after 0 restarts.*exit code 17[\s\S]*\| serving/),
    });
    await environment.close();
  });

  it("that does not start is reported in its own words, with its exit code", async () => {
    const failed = spawnServer({ command, args: [program, "--fail"] });
    await expect(failed).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/exit code 3[\s\S]*no engine found in \/nowhere/),
    });
    await expect(spawnServer({ command: "/no/such/player", args: [] })).rejects.toThrow(/could not be started.*ENOENT/);
  });

  it("that never connects times out in the phase spawn, with its log, and is killed", async () => {
    const error = await spawnServer({
      command,
      args: [program, "--mute"],
      spawnTimeout: 1500,
      client: { timeouts: { hello: 0 } },
    }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "TIMEOUT", detail: { phase: "spawn" } });
    expect((error as Error).message).toContain("loading the counting engine");
  });

  it("leaves nothing behind when it is closed, nor when it dies: neither zombies nor its own children", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "rls3-"));
    const pids = (log: string) =>
      [...readFileSync(log, "utf8").matchAll(/helper (\d+)/g)].map((match) => Number(match[1]));
    for (const end of ["close", "die"] as const) {
      const logFile = path.join(folder, `${end}.log`);
      const environment = await spawnServer({ command, args: [program, "--helper"], logFile, restarts: quick });
      await eventually(() => pids(logFile).length === 1);
      const [first = 0] = pids(logFile);
      expect(alive(first)).toBe(true);
      if (end === "die") {
        await environment.batch([reset(0)], []);
        await environment.batch([step(0, KILL)], []);
        await eventually(() => pids(logFile).length === 2);
      }
      await environment.close();
      await eventually(() => pids(logFile).every((pid) => !alive(pid)));
    }
    await rm(folder, { recursive: true });
  });

  it.each([
    ["throws", 2, "no such scale"],
    ["hangs", 3, "gave up after 2 restarts in a row"],
  ])("that %s when it gets its parameters again is ended", async (how, started, message) => {
    const folder = await mkdtemp(path.join(tmpdir(), "rls3-"));
    const [logFile, stuck] = [path.join(folder, "log"), path.join(folder, "stuck")];
    const environment = await spawnServer({
      ...{ command, args: [program, "--helper", "--stuck", stuck], logFile },
      restarts: { ...quick, atMost: 2 },
      client: { timeouts: { step: 500, close: 100 } },
    });
    await environment.configure({ scale: 3 });
    await environment.batch([reset(0)], []);
    writeFileSync(stuck, how);
    await expect(environment.batch([step(0, KILL)], [])).rejects.toThrow(message);
    await environment.close();
    const helpers = [...readFileSync(logFile, "utf8").matchAll(/helper (\d+)/g)].map((match) => Number(match[1]));
    expect(helpers.length).toBe(started);
    await eventually(() => !helpers.some(alive));
    await rm(folder, { recursive: true });
  });

  it.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)("does not outlive a trainer that %s ends", async (signal) => {
    const trainer = spawn(process.execPath, [path.join(import.meta.dirname, "trainer.js")]);
    let said = "";
    for await (const data of trainer.stdout) {
      said += data;
      if (said.includes("\n")) break;
    }
    const server = Number(/server (\d+)/.exec(said)?.[1]);
    expect(alive(server)).toBe(true);
    const ended = once(trainer, "exit");
    trainer.kill(signal);
    await ended;
    await eventually(() => !alive(server));
  });

  it("joins others as one vector of environments", async () => {
    const [[a], [b]] = await Promise.all([spawned(["--envs", "2"]), spawned(["--envs", "1"])]);
    const pool = new EnvironmentPool([a, b]);
    expect(pool.welcome.envCount).toBe(3);
    const seeds = [
      { env: 2, op: "reset" as const, seed: 12 },
      { env: 0, op: "reset" as const, seed: 10 },
      { env: 1, op: "reset" as const, seed: 11 },
    ];
    const { results, tensors } = await pool.batch(seeds, ["count"]);
    expect(results.map(({ env }) => env)).toEqual([2, 0, 1]);
    expect([...(tensors["count"]?.data ?? [])]).toEqual([12, 0, 10, 0, 11, 0]);
    const killed = await pool.batch([step(0), step(2, KILL)], ["count"]);
    expect(killed.results.map(({ env, truncated }) => [env, truncated])).toEqual([
      [0, false],
      [2, true],
    ]);
    expect([...(killed.tensors["count"]?.data ?? [])]).toEqual([11, 1, 0, 0]);
    await pool.close();
  });
});

/** ZeroMQ's own thread frees the port of a closed socket a moment later, without notice. */
async function onceFree<T>(bind: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await bind();
    } catch (error) {
      if (tries === 100 || !String(error).includes("in use")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describe("a server that others start and stop", () => {
  it("is waited for, and used again when it comes back, like the Editor's Play", async () => {
    const events: string[] = [];
    const first = await EnvironmentServer.bind(counterDefinition(), { endpoint: "tcp://127.0.0.1:*" });
    const endpoint = first.endpoint;
    const environment = await followServer({
      endpoint,
      restarts: quick,
      onEvent: ({ message }) => events.push(message),
    });
    await environment.batch([reset(0)], []);
    // A second trainer waits for the first one's session to end.
    const waiting = followServer({ endpoint, restarts: quick, onEvent: ({ message }) => events.push(message) });
    await eventually(() => events.some((message) => message.includes("another client has a session")));
    await environment.close();
    const other = await waiting;
    await other.batch([reset(0)], []);
    first.close();
    await first.closed;
    const stepping = other.batch([step(0)], []);
    const second = await onceFree(() => EnvironmentServer.bind(counterDefinition(), { endpoint }));
    expect((await stepping).results[0]).toMatchObject({ truncated: true, info: { lost: true } });
    expect((await other.batch([reset(0)], [])).results[0]).toMatchObject({ episode: 2 });
    expect(events.join("\n")).toContain("waiting for the environment");
    await other.close();
    second.close();
  });
});
