import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import {
  parseResolved,
  randomTransitionsNeeded,
  readConfigurationFile,
  resolveConfiguration,
} from "../../trainer/settings/configuration.js";
import { SETTING_NAMES, SETTINGS, type Setting, SYMBOLS } from "../../trainer/settings/settings.js";

const folder = mkdtempSync(path.join(tmpdir(), "rls3-configuration-"));
afterAll(() => rmSync(folder, { recursive: true }));

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

const flags = (values: Record<string, unknown>) => ({ name: "--test", values });

describe("a configuration", () => {
  it("has a default for every setting, and each default is within its own limits", () => {
    for (const name of SETTING_NAMES) {
      const { schema, fallback } = SETTINGS[name] as Setting;
      expect(schema.safeParse(fallback).success, name).toBe(true);
    }
  });

  it("takes the paper's symbols for its settings", () => {
    const configuration = resolveConfiguration([flags({ beta: 4, E: 3, eta: 0.25, T0: 7 })]);
    expect(configuration).toMatchObject({
      extrinsicWeight: 4,
      episodesPerIteration: 3,
      samplingRate: 0.25,
      samplesPerEpisode: 7,
    });
    expect(messageOf(() => resolveConfiguration([flags({ beta: 4, extrinsicWeight: 5 })]))).toContain("keep one");
  });

  it("lets later sources win", () => {
    const configuration = resolveConfiguration([
      { name: "file", values: { beta: 1, iterations: 9 } },
      flags({ beta: 2 }),
    ]);
    expect(configuration.extrinsicWeight).toBe(2);
    expect(configuration.iterations).toBe(9);
  });

  it("gives each arm its own defaults, and a given β to all of them", () => {
    const betas = (sources: Parameters<typeof resolveConfiguration>[0]) =>
      (["rls3", "paper", "random"] as const).map((agent) => resolveConfiguration(sources, { agent }).extrinsicWeight);
    expect(betas([])).toEqual([8, 2, 8]);
    expect(betas([flags({ beta: 3 })])).toEqual([3, 3, 3]);
    expect(resolveConfiguration([], { agent: "paper" })).toMatchObject({ reward: "episode", discount: 0.99 });
    expect(resolveConfiguration([], { preset: "paper" })).toMatchObject({
      agent: "paper",
      episodesPerIteration: 20,
      samplesPerEpisode: 200,
    });
    expect(resolveConfiguration([], { preset: "paper", agent: "rls3" })).toMatchObject({
      reward: "sample",
      extrinsicWeight: 8,
      samplesPerEpisode: 200,
    });
  });

  it("takes the quick sizes whatever the preset, unless others are given", () => {
    const quick = resolveConfiguration([flags({ iterations: 2 })], { preset: "paper", quick: true });
    expect(quick).toMatchObject({ agent: "paper", iterations: 2, episodesPerIteration: 8, samplesPerEpisode: 20 });
  });

  it("weighs J₂ like the paper at any T₀: β is 10 at 200, unless given, or rewarded for each sample", () => {
    const beta = (values: Record<string, unknown>, preset?: string) =>
      resolveConfiguration([flags({ agent: "paper", ...values })], preset === undefined ? {} : { preset })
        .extrinsicWeight;
    expect(beta({}, "paper")).toBe(10);
    expect(beta({ T0: 100 })).toBe(5);
    expect(beta({ T0: 100 }, "paper")).toBe(5);
    expect(beta({ T0: 100, beta: 7 })).toBe(7);
    expect(beta({ T0: 100, reward: "sample" })).toBe(8);
    expect(resolveConfiguration([flags({ T0: 100, reward: "episode" })]).extrinsicWeight).toBe(8);
  });

  it("pre-trains the paper's agent online, an update a step, and the default one from random transitions", () => {
    const asked = (agent: "rls3" | "paper" | "random") => resolveConfiguration([], { agent });
    const online = { pretraining: "online", feasibilitySteps: 100_000, feasibilityUpdates: 100_000 };
    expect(asked("paper")).toMatchObject({ ...online, targetEntropy: -2 });
    expect(resolveConfiguration([], { preset: "paper" })).toMatchObject(online);
    expect(asked("rls3")).toMatchObject({ pretraining: "offline", feasibilitySteps: 80_000 });
    expect(() => resolveConfiguration([flags({ pretraining: "online" })])).toThrow(
      /--pretraining online: takes an agent/,
    );
    expect((["rls3", "paper", "random"] as const).map(asked).map(randomTransitionsNeeded)).toEqual([80_000, 0, 0]);
  });

  it("names the nearest key where one is unknown", () => {
    for (const [wrong, meant] of [
      ["samplesPerEpisod", "samplesPerEpisode"],
      ["learningrate", "learningRate"],
      ["bta", "beta"],
    ] as const) {
      expect(messageOf(() => resolveConfiguration([{ name: "my.yaml", values: { [wrong]: 1 } }]))).toBe(
        `my.yaml: there is no setting "${wrong}"; did you mean "${meant}"?`,
      );
    }
  });

  it("refuses every value out of type or range with one line that names the setting", () => {
    const numeric = SETTING_NAMES.filter((name) => typeof SETTINGS[name].fallback === "number");
    const refused = ["many", -101, Number.NaN, null, [1], {}]; // −101 is below the minimum of every setting
    for (const name of numeric) {
      for (const value of refused) {
        const message = messageOf(() => resolveConfiguration([{ name: "my.yaml", values: { [name]: value } }]));
        expect(message).toMatch(new RegExp(`^my\\.yaml: ${name} must be [^\\n]+$`));
      }
    }
  });

  it.each([
    ["extrinsicWeight", 1e300],
    ["hardnessCap", 1e300],
    ["loraAlpha", 1e308],
    ["loraAlphaPattern", "fc1=1e308"],
  ])("refuses %s of %s, from which 32-bit numbers become infinite", (name, value) => {
    expect(() => resolveConfiguration([flags({ [name]: value })])).toThrow(/^--test: must be /);
  });

  it.each([
    ["prompt", "where is the {a}?", "a text with {a}, {b} in it"],
    ["prompt", "where is {A} from {a} and {b}{ b }?", "a text without {A}, { b }: what it may name is {a}, {b}"],
    ["prompt", "{a} {b} {relation}", "a text without {relation}: what it may name is {a}, {b}"],
    ["answer", "above", "a text with {relation} in it"],
    ["answer", "{relation} the {c}", "a text without {c}: what it may name is {a}, {b}, {relation}"],
  ])("refuses the %s %j by what is wrong in its braces", (name, text, message) => {
    expect(messageOf(() => resolveConfiguration([flags({ [name]: text })]))).toBe(
      `--test: must be ${message}, not ${JSON.stringify(text)}`,
    );
  });

  it("accepts templates with the placeholders that they need, and empty ones", () => {
    const given = { prompt: "where is the {a} from the {b}? }{", answer: "{relation} the {b}" };
    expect(resolveConfiguration([flags(given)])).toMatchObject(given);
    expect(resolveConfiguration([flags({ prompt: "", answer: "" })])).toMatchObject({ prompt: "", answer: "" });
  });

  it.each(["ranking", "both"])("refuses to learn by %s where there are no wrong answers", (objective) => {
    const message = messageOf(() => resolveConfiguration([flags({ objective, negatives: "none" })]));
    expect(message).toMatch(new RegExp(`^--objective ${objective}: .*--negatives none has none; take `));
    expect(resolveConfiguration([flags({ objective, negatives: "one" })])).toMatchObject({ objective });
    expect(resolveConfiguration([flags({ negatives: "none" })])).toMatchObject({ objective: "answer" });
  });

  it("is read back unchanged from config.json, and a missing key is an error", () => {
    const configuration = resolveConfiguration([flags({ seed: 3 })]);
    const stored: Record<string, unknown> = JSON.parse(JSON.stringify(configuration));
    expect(parseResolved("config.json", stored)).toEqual(configuration);
    const { seed: _seed, ...rest } = stored;
    expect(messageOf(() => parseResolved("config.json", rest))).toContain("lacks seed");
  });

  it("has no symbol that is also a setting", () => {
    for (const symbol of Object.keys(SYMBOLS)) expect(SETTING_NAMES).not.toContain(symbol);
  });
});

describe("a configuration file", () => {
  const write = (text: string): string => {
    const file = path.join(folder, `${Math.abs(text.length)}-${text.charCodeAt(0)}.yaml`);
    writeFileSync(file, text);
    return file;
  };

  it("is YAML or JSON", () => {
    expect(readConfigurationFile(write("beta: 2\nagent: paper\n")).values).toEqual({ beta: 2, agent: "paper" });
    expect(readConfigurationFile(write('{"beta": 2}')).values).toEqual({ beta: 2 });
    expect(readConfigurationFile(write("# nothing")).values).toEqual({});
  });

  it("that is missing, malformed or no map gives one line", () => {
    expect(messageOf(() => readConfigurationFile(path.join(folder, "none.yaml")))).toContain("cannot read");
    expect(messageOf(() => readConfigurationFile(write("a: [1")))).toContain("not YAML or JSON");
    expect(messageOf(() => readConfigurationFile(write("- a list")))).toContain("a map");
  });
});
