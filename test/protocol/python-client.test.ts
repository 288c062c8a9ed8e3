/** @file The Gymnasium environment of protocol/examples, in a real Python process, against `rls3 env serve`. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { EnvironmentClient, generateKeys, type Op } from "../../protocol/index.js";
import { serve as serveCounter, shortSighted } from "./peer.js";

const here = import.meta.dirname;
const main = path.resolve(here, "../../trainer/cli/main.js");
const driver = path.resolve(here, "../../../test/protocol/python_client.py");
const contract = path.resolve(here, "../../../test/protocol/gymnasium_contract.py");
const faults = path.resolve(here, "../../../test/protocol/gymnasium_faults.py");
const gridWorld = path.resolve(here, "../../protocol/examples/grid-world.js");

const imports = (candidate: string, modules: string): boolean => {
  try {
    execFileSync(candidate, ["-c", `import ${modules}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
/** The first Python with the client's libraries (Debian: python3-zmq, python3-msgpack, python3-numpy). */
const python = ["/usr/bin/python3", "python3"].find((candidate) => imports(candidate, "zmq, msgpack, numpy"));
const missing = "no Python with zmq, msgpack and numpy: apt-get install python3-zmq python3-msgpack python3-numpy";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function started(command: readonly string[], said: RegExp): Promise<{ child: ChildProcess; endpoint: string }> {
  const child = spawn(process.execPath, [...command]);
  const ended = once(child, "exit");
  closers.push(() => {
    child.kill("SIGKILL");
    return ended;
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const endpoint = said.exec(line)?.[1];
    if (endpoint !== undefined) return { child, endpoint };
  }
  throw new Error(`${command.join(" ")} ended before it served`);
}

const serveGrid = (...more: readonly string[]) =>
  started([gridWorld, "--bind", "tcp://127.0.0.1:*", ...more], /at (tcp:\/\/\S+)$/);

const serve = (bind = "tcp://127.0.0.1:*", ...more: readonly string[]) =>
  started([main, "env", "serve", "--bind", bind, ...more], /at (tcp:\/\/\S+)$/);

type Step = readonly [name: string, ...arguments_: readonly unknown[]];
interface Told {
  readonly observation?: Readonly<Record<string, string>>;
  readonly info?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: string; readonly message: string; readonly detail: Record<string, unknown> };
  readonly [key: string]: unknown;
}
interface Task {
  readonly endpoint?: string;
  readonly steps: readonly Step[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly without?: readonly string[];
  /** Ends without close(). */
  readonly forget?: boolean;
}

/** The driver's output, a line for each step; after a `wait` it goes on once `whileWaiting` has. */
async function drive(task: Task, whileWaiting?: () => Promise<unknown>): Promise<Told[]> {
  const child = spawn(python ?? "", ["-B", driver, JSON.stringify(task)], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  closers.push(() => child.kill("SIGKILL"));
  const lines: Told[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as Told;
    if (said["waiting"] === true) {
      await whileWaiting?.();
      child.stdin.write("\n");
    } else lines.push(said);
  }
  expect(await ended).toEqual([0, null]);
  return lines;
}

const ACTIONS = Array.from({ length: 8 }, (_, step) =>
  Array.from({ length: 6 }, (_, element) => (((step + 1) * (element + 3) * 37) % 201) / 100 - 1),
);
const UIDS = ["state", "objects", "image"];
const episode: readonly Step[] = [["reset", 11], ...ACTIONS.map((action): Step => ["step", action]), ["render"]];

/**
 * Checks of gymnasium_contract.py against the tests' counter or grid-world; the last ones only where the real libraries
 * are installed.
 */
const CONTRACT: readonly (readonly [check: string, world: "counter" | "grid", behaviour: string])[] = [
  ["spaces", "counter", "has batched spaces and an autoreset mode, and gives five arrays and pictures"],
  ["discrete", "grid", "batches a Discrete to a MultiDiscrete, and names the environment and element of a bad action"],
  ["singles", "counter", "gives each environment what it gives alone from the same seed and actions"],
  ["next_step", "counter", "resets an ended environment at the next step, in the same request as the others' steps"],
  ["same_step", "counter", "resets an ended environment at once, its end in final_obs and final_info"],
  ["disabled", "counter", "leaves resets to reset_mask where autoreset is disabled"],
  ["infos", "counter", "gathers infos key by key, with a mask of who said each"],
  ["failures", "counter", "refuses a bad action before any environment moves, and goes on after a crash"],
  ["flat", "counter", "is one float32 Box each way with flat=True, alone and as a vector"],
  ["flat_whole_numbers", "grid", "cuts -1 … 1 into equal parts for whole-numbered actions"],
  ["time_limit", "counter", "truncates after max_episode_steps"],
  ["registered", "counter", "is made by gymnasium.make and make_vec, with a time limit"],
  ...(python !== undefined && imports(python, "gymnasium.wrappers")
    ? ([["wrappers", "counter", "is counted right by Gymnasium's RecordEpisodeStatistics"]] as const)
    : []),
  ...(python !== undefined && imports(python, "stable_baselines3")
    ? ([["stable_baselines3", "grid", "passes Stable-Baselines3's checker, and trains its MlpPolicy"]] as const)
    : []),
];

/** Checks of gymnasium_faults.py, which has its own servers. */
const FAULTS: readonly (readonly [check: string, behaviour: string])[] = [
  ["failed_hello", "says hello at each reset until one is answered"],
  ["failed_parameters", "begins no episode without its parameters"],
  ["failed_start", "gives back the session of an environment that could not be made"],
  ["bytes_as_actions", "takes any whole numbers for actions of uint8, alone, flat and in a vector"],
  ["wrong_keys", "refuses invalid keys by name"],
  ["wrong_answers", "refuses answers that break the specification"],
  ["long_steps", "is heard of each ping period while a step takes long"],
  ["full_line", "is heard of while a request waits for room"],
  ["forks", "leaves the session to the process that opened it"],
];
const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === "::1"));

const hold = (check: string, argument: string): Promise<void> => passes(contract, check, argument);

/** Fails with the script's output. */
async function passes(...script: readonly string[]): Promise<void> {
  const child = spawn(python ?? "", ["-B", ...script], { stdio: ["ignore", "pipe", "pipe"] });
  closers.push(() => child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += String(data)));
  const [code] = await once(child, "close");
  expect(code, said).toBe(0);
  expect(said).not.toContain("not installed");
}

const sha256 = (data: ArrayLike<number> & ArrayBufferView): string =>
  createHash("sha256")
    .update(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");

/** The same episode with the TypeScript client, in the driver's form. */
async function reference(endpoint: string): Promise<Told[]> {
  const client = await EnvironmentClient.connect({ endpoint });
  const lines: Told[] = [];
  const ops: Op[] = [
    { env: 0, op: "reset", seed: 11 },
    ...ACTIONS.map((action): Op => ({ env: 0, op: "step", action })),
  ];
  for (const op of ops) {
    const { results, tensors } = await client.batch([op], UIDS);
    const [result] = results;
    if (result === undefined) throw new Error("an empty batch");
    const { reward, terminated, truncated, info, stateHash } = result;
    const observation = Object.fromEntries(
      UIDS.map((uid) => [uid, sha256(tensors[uid]?.data ?? new Uint8Array())] as const),
    );
    lines.push({
      observation,
      ...(op.op === "step" && { reward, terminated, truncated }),
      info: { ...info, state_hash: stateHash },
    });
  }
  await client.close();
  return lines;
}

describe.skipIf(python === undefined)(
  python === undefined ? `the Python client (skipped: ${missing})` : "the Python client",
  () => {
    it("gets from a seed and actions what the TypeScript client gets, with numpy and without", async () => {
      const { endpoint } = await serve();
      const expected = await reference(endpoint);
      const options = { observations: UIDS, render_mode: "rgb_array" };
      const lines = await drive({ endpoint, options, steps: [...episode, ...episode] });
      expect(lines.slice(0, 9)).toEqual(expected);
      expect(lines.slice(10, 19)).toEqual(expected);
      expect(lines[9]).toMatchObject({ type: "ndarray", shape: [64, 64, 3] });
      expect(lines[9]?.["image"]).toBe(expected.at(-1)?.observation?.["image"]);
      const plain = await drive({ endpoint, options, without: ["numpy", "gymnasium"], steps: episode });
      expect(plain.slice(0, 9)).toEqual(expected);
      expect(plain[9]).toMatchObject({ type: "memoryview", image: lines[9]?.["image"] });
    });

    it("maps the server's specs to spaces, and passes Gymnasium's checker where that is installed", async () => {
      const { endpoint } = await serve("tcp://127.0.0.1:*", "--image-size", "32");
      const options = { image_size: 48, render_mode: "rgb_array" };
      const [spaces, samples, checked] = await drive({
        endpoint,
        options,
        steps: [["spaces"], ["sample", 5], ["check"]],
      });
      const observations = { state: { shape: [45] }, objects: { shape: [3, 5] }, scene: { shape: [1] } };
      expect(spaces).toEqual({ observations, action: { shape: [6] } });
      expect(samples).toEqual({ samples: [6, 6, 6] });
      expect([null, "passed"]).toContain(checked?.["gymnasium"]);
      const grid = await serveGrid();
      const [gridSpaces] = await drive({ endpoint: grid.endpoint, steps: [["spaces"]] });
      expect(gridSpaces).toEqual({ observations: { shape: [4] }, action: { n: 4, start: 0 } });
    });

    it("names what is wrong with an action, and goes on", async () => {
      const { endpoint } = await serve();
      const [early, , high, nan, short, fine] = await drive({
        endpoint,
        steps: [
          ["step", [0, 0, 0, 0, 0, 0]],
          ["reset", 1],
          ["step", [0, 0, 1.5, 0, 0, 0]],
          ["step", [0, 0, 0, "nan", 0, 0]],
          ["step", [0, 0, 0]],
          ["step", [0, 0, 0, 0, 0, 0]],
        ],
      });
      const grid = await serveGrid();
      const moves: Step[] = [
        ["reset", 1],
        ["step", 2 ** 32],
        ["step", 1.5],
        ["step", 1],
      ];
      for (const without of [[], ["numpy"]]) {
        const [, wrapped, fraction, moved] = await drive({ endpoint: grid.endpoint, without, steps: moves });
        expect(wrapped?.error?.message).toMatch(/^BAD_ACTION: the action .*int32/);
        expect(fraction?.error?.message).toMatch(/^BAD_ACTION: the action can't be sent as int32/);
        expect(moved?.error).toBeUndefined();
      }
      expect(early?.error?.code).toBe("NOT_RESET");
      expect(high?.error?.message).toContain("BAD_ACTION: action[2] (x) = 1.5 is above 1");
      expect(high?.error?.detail).toMatchObject({ element: 2, name: "x", bound: "high", value: 1.5 });
      expect(nan?.error?.message).toContain("action[3] (z) is NaN");
      expect(short?.error?.message).toContain("action must be float32 [1,6]");
      expect(fine?.error).toBeUndefined();
    });

    it("names the key of a value that cannot be sent, and goes on; numpy's numbers can be sent", async () => {
      const { endpoint } = await serve();
      const kinds = ["object", "complex", "bytes", "key", "seed", "integer", "string", "text", "deep", "large"];
      const steps = kinds.flatMap((kind): Step[] => [
        ["odd", kind],
        ["reset", 7],
      ]);
      const options = { timeouts: { reset: 5 } };
      const lines = await drive({ endpoint, options, steps: [...steps, ["odd", "numpy"], ["odd", "item"]] });
      const refusals = lines.filter((_, i) => i % 2 === 0).slice(0, kinds.length);
      expect(refusals.map(({ error }) => error?.message)).toEqual([
        expect.stringMatching(/^BAD_MESSAGE: options\.scene: object can't be sent; None, bool, int/),
        expect.stringMatching(/^BAD_MESSAGE: options\.scene: numpy\.complex128 can't be sent/),
        expect.stringMatching(/options\.scene\[0\]: bytes can't be sent/),
        expect.stringMatching(/options: the key 1 can't be sent; keys are str/),
        expect.stringMatching(/^BAD_MESSAGE: seed: 9223372036854775808 is beyond the integers that can be sent/),
        expect.stringMatching(/options\.any: -1152921504606846976 is beyond/),
        expect.stringMatching(/options\.any: a string of 70000 bytes; at most 65536 are allowed/),
        expect.stringMatching(/options\.any: is no text that UTF-8 can write/),
        expect.stringMatching(/in: lists and dicts nest deeper than 16/),
        expect.stringMatching(/the header has 48\d+ bytes; at most 4194304 are allowed/),
      ]);
      const others = lines.slice(0, 2 * kinds.length).filter((_, i) => i % 2 === 1);
      expect(others.map(({ error }) => error)).toEqual(kinds.map(() => undefined));
      expect(lines.slice(-2).map(({ error }) => error)).toEqual([undefined, undefined]);
      expect(lines.at(-2)?.observation).toEqual(lines.at(-3)?.observation);
    });

    it("reuses the number of a request that the server could not read", async () => {
      const reader = await shortSighted((await serve()).endpoint);
      const unreadable: Step = ["reset", 1, { unreadable: true }];
      const options = { timeouts: { reset: 5 } };
      const steps: Step[] = [["reset", 1], unreadable, unreadable, ["reset", 1]];
      const [first, one, two, last] = await drive({ endpoint: reader.endpoint, options, steps });
      for (const { error } of [one, two] as Told[])
        expect(error?.message).toContain("the integer at byte 5 is too large");
      expect(last).toEqual(first);
      reader.stray = 1;
      const [again] = await drive({ endpoint: reader.endpoint, options, steps: [["reset", 1]] });
      expect(again).toEqual(first);
    });

    it("refuses what the server does not have before the first reset", async () => {
      const { endpoint } = await serve();
      const open = async (options: Record<string, unknown>) =>
        (await drive({ endpoint, options, steps: [] }))[0]?.error;
      expect((await open({ observations: ["smell"] }))?.message).toContain(
        "some of ['state', 'objects', 'scene', 'image'",
      );
      expect((await open({ index: 1 }))?.message).toContain("index is below 1");
      expect((await open({ render_mode: "human" }))?.message).toContain("'rgb_array'");
    });

    it("waits for a server that has another client, and reports it if that lasts", async () => {
      const { endpoint } = await serve();
      const other = await EnvironmentClient.connect({ endpoint });
      const impatient = { timeouts: { hello: 0.5 }, resend: 0.1 };
      const [busy] = await drive({ endpoint, options: impatient, steps: [["reset", 1]] });
      expect(busy?.error?.code).toBe("BUSY");
      const patient = drive({ endpoint, options: { resend: 0.1 }, steps: [["reset", 1]] });
      setTimeout(() => void other.close(), 500);
      expect((await patient)[0]?.info?.["state_hash"]).toMatch(/^[0-9a-f]{16}$/);
    });

    it("repeats a request to a server that does not answer for a while; the server executes it once", async () => {
      const { child, endpoint } = await serve();
      const expected = await reference(endpoint);
      const frozen = async (): Promise<void> => {
        child.kill("SIGSTOP");
        setTimeout(() => child.kill("SIGCONT"), 700);
      };
      const steps: Step[] = [...episode.slice(0, 4), ["wait"], ...episode.slice(4, 9)];
      const lines = await drive({ endpoint, options: { observations: UIDS, resend: 0.1 }, steps }, frozen);
      expect(lines.filter(({ info }) => info !== undefined)).toEqual(expected);
    });

    it("pings while the trainer computes: no other client takes a silent session", async () => {
      const refused: number[] = [];
      const { endpoint } = await serveCounter({ limits: { ping_period_ms: 100, max_in_flight: 1 } });
      const impatient = { endpoint, timeouts: { hello: 300 } };
      const intrude = async (): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, 1000));
        await expect(EnvironmentClient.connect(impatient)).rejects.toThrow(/another client/);
        refused.push(1);
      };
      const lines = await drive({ endpoint, steps: [["reset", 1], ["wait"], ["step", [1, 0]], ["reset", 1]] }, intrude);
      expect(refused).toEqual([1]);
      expect(lines.map(({ error }) => error)).toEqual([undefined, undefined, undefined, undefined]);
    });

    it("sets parameters, and sets them again in the session after a lost one", async () => {
      const first = await serve();
      const { endpoint } = first;
      const last = ["last"] as const;
      const lines = await drive(
        {
          endpoint,
          options: { parameters: { episodeProgress: 0.25 }, timeouts: { step: 1 }, resend: 0.2 },
          steps: [
            ["reset", 1],
            last,
            ["configure", { episodeProgress: 0.5 }],
            ["configure", { episodeProgress: 2 }],
            ["configure", { gravity: 1 }],
            ["reset", 1],
            last,
            ["wait"],
            ["step", ACTIONS[0]],
            ["reset", 1],
            last,
          ],
        },
        async () => {
          first.child.kill("SIGKILL");
          await once(first.child, "exit");
          await serve(endpoint);
        },
      );
      const told = lines.filter((line) => Object.keys(line).length > 0);
      expect(told.map(({ last }) => last).filter((last) => last !== undefined)).toEqual([0.25, 0.5, 0.5]);
      expect(told[2]).toEqual({ parameters: { episodeProgress: 0.5 } });
      expect(told[3]?.error?.message).toMatch(/BAD_MESSAGE: .*episodeProgress/);
      expect(told[4]?.error?.message).toMatch(/BAD_MESSAGE: .*gravity/);
    });

    it("starts a server, reports how it died, starts it again at a reset, and ends it", async () => {
      const spawned = [process.execPath, gridWorld];
      const steps: Step[] = [["reset", 1], ["kill"], ["step", 1], ["step", 1], ["reset", 1], ["pid"]];
      const begun = Date.now();
      const lines = await drive({ options: { spawn: spawned }, steps });
      expect(Date.now() - begun).toBeLessThan(20_000);
      const [before, , died, gone, after, last] = lines;
      expect(died?.error?.message).toMatch(/^UNAVAILABLE: .*grid-world\.js --connect tcp:\S+ was killed by signal 9/);
      expect(died?.error?.message).toContain("\n  grid-world: 1 environments at tcp://127.0.0.1:");
      expect(gone?.error?.code).toBe("NO_SESSION");
      expect(after).toEqual(before);
      expect(() => process.kill(Number(last?.["pid"]), 0)).toThrow(/ESRCH/);
      const [, forgotten] = await drive({ options: { spawn: spawned }, steps: [["reset", 1], ["pid"]], forget: true });
      expect(() => process.kill(Number(forgotten?.["pid"]), 0)).toThrow(/ESRCH/);
    });

    it("reports a command that cannot be started, ends at once or never connects", async () => {
      const failed = async (spawned: unknown, more: object = {}) =>
        (await drive({ options: { spawn: spawned, ...more }, steps: [] }))[0]?.error?.message;
      expect(await failed(["/no/such/player"])).toMatch(/^UNAVAILABLE: \/no\/such\/player .*could not be started/);
      const complaint = "console.error('no display'); process.exit(3)";
      expect(await failed([process.execPath, "-e", complaint, "--"])).toMatch(
        /^UNAVAILABLE: .*ended with exit code 3[\s\S]*\n {2}no display$/,
      );
      const timeouts = { timeouts: { spawn: 0.5 } };
      expect(await failed([process.execPath, "-e", "setInterval(() => {}, 1000)", "--"], timeouts)).toMatch(
        /^TIMEOUT: spawn: .*did not connect to tcp:\S+ in 0\.5 s; does it take --connect/,
      );
      expect(await failed("grid-world", { endpoint: "tcp://127.0.0.1:5005" })).toMatch(/^CONFIGURATION: give either/);
    });

    it.each(CONTRACT)("as Gymnasium's contract asks (%s, %s), it %s", async (check, world) => {
      const counter = async () => (await serveCounter({ envCount: 3 })).endpoint;
      await hold(check, world === "counter" ? await counter() : (await serveGrid("--envs", "3")).endpoint);
    });

    it.each(FAULTS)("where things go wrong (%s), it %s", (check) => passes(faults, check));

    it.skipIf(!hasIpv6)(`reaches a server at [::1]${hasIpv6 ? "" : " (skipped: this machine has no IPv6)"}`, () =>
      passes(faults, "ipv6"),
    );

    it("steps a vector without Gymnasium, and says that it needs numpy", async () => {
      const { endpoint } = await serveGrid("--envs", "2");
      for (const flat of [false, true]) {
        const steps: Step[] = [["close"], ["vector", { flat }]];
        const [, told] = await drive({ endpoint, without: ["gymnasium"], steps });
        expect(told).toEqual({ shapes: [[2, 4], [2, 4], [2], [2], [2]], closed: true });
        const [, bare] = await drive({ endpoint, without: ["gymnasium", "numpy"], steps });
        expect(bare?.error?.message).toMatch(/^CONFIGURATION: a vector needs numpy/);
      }
      const [lone] = await drive({ endpoint, without: ["gymnasium", "numpy"], options: { flat: true }, steps: [] });
      expect(lone?.error?.message).toMatch(/^CONFIGURATION: flat=True needs numpy/);
    });

    it("steps all environments of a server that it started", async () => {
      await hold("spawned", [process.execPath, gridWorld, "--envs", "3"].map((word) => `'${word}'`).join(" "));
    });

    it("names the phase that ran out of time when the server is killed, and starts again with a new one", async () => {
      const first = await serve();
      const { endpoint } = first;
      let stage = 0;
      const lines = await drive(
        {
          endpoint,
          options: { timeouts: { step: 4, reset: 30 }, resend: 0.2 },
          steps: [["reset", 11], ["wait"], ["step", ACTIONS[0]], ["wait"], ["step", ACTIONS[0]], ["reset", 11]],
        },
        async () => {
          stage++;
          if (stage === 1) {
            first.child.kill("SIGKILL");
            await once(first.child, "exit");
          } else await serve(endpoint);
        },
      );
      const [before, killed, lost, after] = lines.filter((line) => Object.keys(line).length > 0);
      expect(killed?.error?.code).toBe("TIMEOUT");
      expect(killed?.error?.message).toContain(`step: ${endpoint} did not answer within 4 s`);
      expect(lost?.error?.code).toBe("NO_SESSION");
      expect(after).toEqual(before);
      const [never] = await drive({ endpoint: "tcp://127.0.0.1:9", options: { timeouts: { hello: 0.2 } }, steps: [] });
      expect(never?.error?.message).toContain("hello: tcp://127.0.0.1:9 did not answer within 0.2 s");
    });

    it("talks over CURVE with a keys file and its token, and without them to nobody beyond loopback", async () => {
      const folder = mkdtempSync(path.join(tmpdir(), "rls3-keys-"));
      closers.push(() => rmSync(folder, { recursive: true }));
      const { serverSecretKey, ...shared } = generateKeys("a token of some length");
      const file = (name: string, keys: object): string => {
        writeFileSync(path.join(folder, name), JSON.stringify(keys));
        return path.join(folder, name);
      };
      const { endpoint } = await serve(
        "tcp://0.0.0.0:*",
        "--keys",
        file("server.json", { ...shared, serverSecretKey }),
      );
      const near = endpoint.replace("0.0.0.0", "127.0.0.1");
      const [first] = await drive({
        endpoint: near,
        options: { keys: file("client.json", shared) },
        steps: [["reset", 1]],
      });
      expect(first?.info?.["state_hash"]).toMatch(/^[0-9a-f]{16}$/);
      const stranger = file("other.json", { ...shared, token: "another token of some length" });
      const [refused] = await drive({ endpoint: near, options: { keys: stranger }, steps: [] });
      expect(refused?.error?.code).toBe("AUTH");
      const [alone] = await drive({ endpoint: "tcp://192.0.2.1:5005", steps: [] });
      expect(alone?.error?.message).toContain("needs a keys file");
    });
  },
);
