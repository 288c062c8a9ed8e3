/** @file The conformance suite passes a right server, and names what is wrong with a wrong one. */
import { afterEach, describe, expect, it } from "vitest";
import { type CheckResult, checkServer, type Level, Peer } from "../../protocol/conformance/index.js";
import type { Environment, EnvironmentDefinition } from "../../protocol/index.js";
import { EnvironmentServer } from "../../protocol/index.js";
import { counterDefinition } from "./counter.js";

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

interface Suite {
  readonly level?: Level | undefined;
  readonly envCount?: number;
  readonly singleStart?: boolean;
}

async function failures(
  definition: EnvironmentDefinition,
  { level, envCount = 2, singleStart = false }: Suite = {},
): Promise<readonly CheckResult[]> {
  const server = await EnvironmentServer.bind(definition, {
    endpoint: "tcp://127.0.0.1:*",
    envCount,
    limits: { max_frame_bytes: 65_536 },
  });
  const peer = await Peer.open({ endpoint: server.endpoint, patience: 3000, singleStart });
  opened.push(server, peer);
  const report = await checkServer(peer, level);
  expect(report.checks.length).toBeGreaterThan(20);
  expect(report.passed + report.failed + report.notTried).toBe(report.checks.length);
  expect(report.notTried).toBeGreaterThan(0);
  const untold = report.checks.filter(
    ({ outcome, detail }) => outcome === "not tried" && !/^not tried: ./.test(detail),
  );
  expect(untold).toEqual([]);
  return report.checks.filter((check) => check.outcome === "failed");
}

/** The counter with one of its environment's methods replaced. */
function spoiled(
  spoil: (environment: Environment, definition: EnvironmentDefinition) => Partial<Environment>,
): EnvironmentDefinition {
  const definition = counterDefinition();
  const create = (index: number): Environment => {
    const environment = definition.create(index);
    const faithful: Environment = {
      reset: (seed, options) => environment.reset(seed, options),
      step: (action) => environment.step(action),
      observe: (uid, out) => environment.observe(uid, out),
      stateHash: () => environment.stateHash?.() ?? "",
    };
    return { ...faithful, ...spoil(environment, definition) };
  };
  return { ...definition, create };
}

describe("the conformance suite", () => {
  it("passes a right server, with all its capabilities and at each level", async () => {
    expect(await failures(counterDefinition())).toEqual([]);
    expect(await failures(counterDefinition(), { level: "full" })).toEqual([]);
    expect(await failures(counterDefinition(null), { level: "core" })).toEqual([]);
  });

  it("passes a right server whose answers have larger headers than observations", async () => {
    expect(await failures(counterDefinition(), { envCount: 300 })).toEqual([]);
  });

  it("passes a right server whose actions have bounds beyond the whole numbers of float32", async () => {
    const definition = counterDefinition();
    const action = { ...definition.action, low: [-1e8, -1], high: [1e8, 1] };
    expect(await failures({ ...definition, action })).toEqual([]);
  });

  it("passes a right server with only texts to configure, and tries no effect", async () => {
    const parameters = [{ name: "level", type: "string", default: "easy", description: "a name" }] as const;
    expect(await failures({ ...counterDefinition(), parameters })).toEqual([]);
  });

  it("passes an environment with a single start if told so, and fails it otherwise", async () => {
    const single = spoiled((environment) => ({ reset: (_seed, options) => environment.reset(5, options) }));
    expect(await failures({ ...single, parameters: [] }, { singleStart: true })).toEqual([]);
    const doubted = (await failures(single)).map(({ name }) => name);
    expect(doubted).toEqual(expect.arrayContaining(["reset.seeds_differ", "reset.draws_on"]));
  });

  it("reports what level full misses", async () => {
    const missing = await failures(counterDefinition(null), { level: "full" });
    expect(missing.map(({ name }) => name)).toEqual(["images.drawn"]);
    expect(missing[0]?.detail).toContain('does not claim "images"');
  });

  it.each([
    [
      "a reset that forgets its seed",
      spoiled((env) => ({ reset: (_, options) => env.reset(undefined, options) })),
      "reset.seed_repeats",
    ],
    [
      "a reset that knows one seed only",
      spoiled((env) => ({ reset: (_, options) => env.reset(4, options) })),
      "reset.seeds_differ",
    ],
    [
      "a reward that is no number",
      spoiled((env) => ({ step: (a) => ({ ...env.step(a), reward: Number.NaN }) })),
      "step.results",
    ],
    [
      "an observation with state of its own",
      spoiled(() => {
        let calls = 0;
        return { observe: (_, out) => void out.fill(calls++ % 200) };
      }),
      "noop.observes",
    ],
    ["a short hash", spoiled(() => ({ stateHash: () => "beef" })), "state_hash.follows_state"],
    [
      "a black frame",
      spoiled((env) => ({ observe: (uid, out) => (uid === "frame" ? void out.fill(0) : env.observe(uid, out)) })),
      "images.drawn",
    ],
  ])("finds %s", async (_, definition, name) => {
    const found = await failures(definition);
    expect(found.map((check) => check.name)).toContain(name);
    expect(found.find((check) => check.name === name)?.detail).toMatch(
      /Required: .* \([A-Z]\d+.* of protocol\/README\.md\)\. To do: /,
    );
  });
});
