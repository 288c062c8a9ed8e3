import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import yargs from "yargs";
import { configurationOf, readFlags, withConfiguration } from "../../trainer/cli/options.js";
import { readSweepFlags } from "../../trainer/cli/sweep-flags.js";
import { type Configuration, resolveConfiguration } from "../../trainer/settings/configuration.js";
import { repeatCommand } from "../../trainer/sweep/command.js";
import { merge } from "../../trainer/sweep/merge.js";
import { configurationKey, planSweep, type SweepRequest, variedIn } from "../../trainer/sweep/plan.js";
import { temporaryFolder } from "../temporary.js";

const request = (more: Partial<SweepRequest>): SweepRequest => ({ base: [], seeds: [0], ...more });
const unique = <T>(arbitrary: fc.Arbitrary<T>) => fc.uniqueArray(arbitrary, { minLength: 1, maxLength: 2 });

/** Some settings of every kind, with valid values. */
const axes = {
  extrinsicWeight: unique(fc.double({ min: 0, max: 1e6, noNaN: true })),
  samplingRate: unique(fc.double({ min: 0.001, max: 1, noNaN: true })),
  episodesPerIteration: unique(fc.integer({ min: 1, max: 4096 })),
  agent: unique(fc.constantFrom("rls3", "paper")),
  replay: unique(fc.constantFrom("prioritized", "lap", "uniform")),
  earlyStopping: unique(fc.boolean()),
  vlm: unique(
    fc
      .oneof(fc.constantFrom("-", "--beta", "a b", "it's", "$HOME"), fc.string({ minLength: 1 }))
      .filter((text) => !text.includes("\0")),
  ),
} as const satisfies Partial<Record<keyof Configuration, fc.Arbitrary<unknown[]>>>;
const grids = fc.record(axes, { requiredKeys: [] });
const seedLists = fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 3 });

describe("a grid", () => {
  it("is every combination of its values with every seed, once", () => {
    fc.assert(
      fc.property(grids, seedLists, (grid, seeds) => {
        const { cells, varied } = planSweep(request({ grid, seeds }));
        const expected = Object.values(grid).reduce((count, values) => count * values.length, seeds.length);
        expect(cells).toHaveLength(expected);
        expect([...varied].sort()).toEqual(Object.keys(grid).sort());
        expect(new Set(cells.map(({ configuration }) => configurationKey(configuration))).size).toBe(expected);
        for (const { configuration } of cells) {
          for (const [name, values] of Object.entries(grid)) {
            expect(values).toContain(configuration[name as keyof Configuration]);
          }
        }
      }),
    );
  });

  it("resolves each cell like train: settings that depend on the agent follow it, unless they are given", () => {
    fc.assert(
      fc.property(grids, (grid) => {
        for (const { configuration } of planSweep(request({ grid })).cells) {
          const given = Object.fromEntries(
            Object.keys(grid).map((name) => [name, configuration[name as keyof Configuration]]),
          );
          expect(configuration).toEqual(resolveConfiguration([{ name: "train", values: given }]));
        }
      }),
    );
    const { cells } = planSweep(request({ grid: { agent: ["rls3", "paper"] } }));
    expect(cells.map(({ configuration }) => [configuration.extrinsicWeight, configuration.discount])).toEqual([
      [8, 0],
      [2, 0.99],
    ]);
    const fixed = planSweep(
      request({ base: [{ name: "--beta", values: { beta: 3 } }], grid: { agent: ["rls3", "paper"] } }),
    );
    expect(fixed.cells.map(({ configuration }) => configuration.extrinsicWeight)).toEqual([3, 3]);
  });

  it("gives its cells unique names that any file system accepts", () => {
    fc.assert(
      fc.property(grids, seedLists, (grid, seeds) => {
        const names = planSweep(request({ grid, seeds })).cells.map(({ name }) => name);
        for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._=+-]{0,180}$/);
        expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
      }),
    );
    expect(planSweep(request({ grid: { beta: [1], eta: [0.25] }, seeds: [3] })).cells[0]?.name).toBe(
      "beta=1_eta=0.25-3",
    );
  });

  it("gives a cell the same name whatever other values and seeds there are", () => {
    fc.assert(
      fc.property(fc.record(axes), seedLists, (grid, seeds) => {
        const all = new Map(
          planSweep(request({ grid, seeds })).cells.map(({ name, configuration }) => [
            configurationKey(configuration),
            name,
          ]),
        );
        const part = Object.fromEntries(Object.entries(grid).map(([name, values]) => [name, values.slice(0, 1)]));
        for (const { name, configuration } of planSweep(request({ grid: part, seeds })).cells) {
          expect(all.get(configurationKey(configuration))).toBe(name);
        }
      }),
    );
  });

  it("runs combinations with the same settings once", () => {
    // A random agent takes no feasibility steps, whatever the setting says.
    const { cells, repeated } = planSweep(request({ grid: { agent: ["random"], feasibilitySteps: [0, 100] } }));
    expect([cells.length, repeated]).toEqual([1, 1]);
  });
});

describe("random draws", () => {
  const random = (samples: number, seed = 0): SweepRequest =>
    request({
      random: {
        samples,
        seed,
        keys: {
          beta: { low: 1, high: 20 },
          learningRate: { low: 1e-4, high: 1e-2, scale: "log" },
          E: { low: 8, high: 11 },
          replay: ["prioritized", "uniform"],
        },
      },
    });
  const drawn = (samples: number, seed = 0): string[] => planSweep(random(samples, seed)).cells.map(({ name }) => name);

  it("stay within their ranges, are whole where the setting is, and all differ", () => {
    const { cells } = planSweep(random(200));
    expect(cells).toHaveLength(200);
    expect(new Set(cells.map(({ name }) => name)).size).toBe(200);
    for (const { configuration } of cells) {
      expect(configuration.extrinsicWeight).toBeGreaterThanOrEqual(1);
      expect(configuration.extrinsicWeight).toBeLessThanOrEqual(20);
      expect(configuration.learningRate).toBeGreaterThanOrEqual(1e-4);
      expect(configuration.learningRate).toBeLessThanOrEqual(1e-2);
    }
    expect(new Set(cells.map(({ configuration }) => configuration.episodesPerIteration))).toEqual(
      new Set([8, 9, 10, 11]),
    );
    // Log-uniform: half of the draws are below the range's geometric mean.
    const below = cells.filter(({ configuration }) => configuration.learningRate < 1e-3).length;
    expect(below).toBeGreaterThan(70);
    expect(below).toBeLessThan(130);
  });

  it("are the same for the same seed, and more of them keep the first ones", () => {
    expect(drawn(12).slice(0, 5)).toEqual(drawn(5));
    expect(drawn(5, 1)).not.toEqual(drawn(5, 0));
  });

  it("end where there is no other combination", () => {
    const few = planSweep(request({ random: { samples: 50, keys: { replay: ["lap", "uniform"] } } }));
    expect(few.cells).toHaveLength(2);
    expect(few.undrawn).toBe(48);
    const all = planSweep(request({ random: { samples: 100, keys: { proposals: { low: 2, high: 101 } } } }));
    expect([all.cells.length, all.undrawn]).toEqual([100, 0]);
  });
});

describe("a list", () => {
  it("gives its variants' names to the cells, and is crossed with the grid", () => {
    const { cells, varied } = planSweep(
      request({
        list: [
          { name: "default", settings: {} },
          { name: "the paper's", settings: { agent: "paper", gamma: 0.9 } },
        ],
        grid: { eta: [0.25, 0.5] },
      }),
    );
    expect(varied).toEqual(["samplingRate", "agent", "discount"]);
    expect(
      cells.map(({ variant, configuration }) => [variant, configuration.agent, configuration.samplingRate]),
    ).toEqual([
      ["default", "rls3", 0.25],
      ["default", "rls3", 0.5],
      ["the paper's", "paper", 0.25],
      ["the paper's", "paper", 0.5],
    ]);
    expect(cells[0]?.name).toBe("default_eta=0.25-0");
    expect(cells[2]?.name).toMatch(/^the-paper-s\.[0-9a-f]{8}_eta=0\.25-0$/);
  });
});

describe("what varies between cells", () => {
  it("is found again from the cells: every setting with several values, except those that depend on the agent", () => {
    fc.assert(
      fc.property(grids, seedLists, (grid, seeds) => {
        const { cells } = planSweep(request({ grid, seeds }));
        const several = Object.entries(grid).flatMap(([name, values]) => (values.length > 1 ? [name] : []));
        expect(variedIn(cells.map(({ configuration }) => configuration)).sort()).toEqual(several.sort());
      }),
    );
  });
});

describe("a folder that has a sweep", () => {
  const grow = (first: SweepRequest, second: SweepRequest) => {
    const before = merge("/sweep", "first", null, planSweep(first)).file;
    return { before, after: merge("/sweep", "second", before, planSweep(second)) };
  };

  it("accepts any further cells, and none of its cells changes its place", () => {
    fc.assert(
      fc.property(fc.record(axes), seedLists, fc.nat(1), (grid, seeds, last) => {
        const part = Object.fromEntries(
          Object.entries(grid).map(([name, values]) => [name, values.slice(0, last + 1)]),
        );
        const { before, after } = grow(request({ grid: part, seeds }), request({ grid, seeds }));
        expect(after.file.cells.slice(0, before.cells.length)).toEqual(before.cells);
        expect(after.requested).toHaveLength(planSweep(request({ grid, seeds })).cells.length);
        expect(after.added).toBe(after.file.cells.length - before.cells.length);
        const names = after.file.cells.map(({ name }) => name.toLowerCase());
        expect(new Set(names).size).toBe(names.length);
        for (const [index, cell] of after.file.cells.entries()) expect(cell.index).toBe(index);
      }),
      { numRuns: 30 },
    );
  });

  it("refuses fixed settings that differ from the folder's", () => {
    const fixed = (E: number, more: Partial<SweepRequest> = {}): SweepRequest =>
      request({ base: [{ name: "--E", values: { E } }], grid: { beta: [1, 2] }, ...more });
    expect(() => grow(fixed(8), fixed(16))).toThrow("a sweep with episodesPerIteration 8, and this one has 16");
    expect(grow(fixed(8), fixed(8, { seeds: [0, 1] })).after.added).toBe(2);
    // It varies in the second request; the first one's cells are among its cells.
    expect(grow(fixed(8), request({ grid: { beta: [1, 2], E: [8, 16] } })).after.added).toBe(2);
  });

  it("does not see a conflict in settings that depend on a varied agent", () => {
    const agents = (...agent: string[]): SweepRequest => request({ grid: { agent } });
    expect(grow(agents("rls3", "random"), agents("rls3", "paper")).after.added).toBe(1);
    expect(() =>
      grow(agents("rls3", "paper"), { ...agents("rls3", "paper"), base: [{ name: "--beta", values: { beta: 3 } }] }),
    ).toThrow("extrinsicWeight");
  });

  it("shares a preparation between cells with the same inputs, including a random agent's", () => {
    const folders = (grid: SweepRequest["grid"]) => {
      const { cells } = merge("/sweep", "c", null, planSweep(request({ grid: grid ?? {} }))).file;
      return new Set(cells.map(({ shared }) => shared)).size;
    };
    expect(folders({ beta: [1, 2], E: [4, 8], agent: ["rls3", "paper", "random"] })).toBe(1);
    expect(folders({ world: ["rooms", "tabletop"] })).toBe(2);
    expect(folders({ testSeed: [1, 2], feasibilitySteps: [100, 200] })).toBe(4);
  });

  it("looks for pre-trained agents in one place, since they depend on neither model nor test sets", () => {
    const grid = { vlm: ["bundled", "bundled-paligemma"], testImagesPerRelation: [10, 20] };
    const { cells } = merge("/sweep", "c", null, planSweep(request({ grid }))).file;
    expect(new Set(cells.map(({ shared }) => shared)).size).toBe(4);
    expect(new Set(cells.map(({ pretrained }) => pretrained))).toEqual(new Set(["/sweep/shared/agents"]));
  });

  it("gives cells that steer different KL budgets no agent in common, since it carries its budget", () => {
    const steered = (grid: Record<string, readonly unknown[]>, validityTarget: number) => {
      const base = [{ name: "--validity-target", values: { validityTarget } }];
      const { cells } = merge("/sweep", "c", null, planSweep(request({ base, grid }))).file;
      return new Set(cells.map(({ pretrained }) => pretrained)).size;
    };
    expect(steered({ klBudget: [0.8, 1.6] }, 0.8)).toBe(2);
    expect(steered({ klBudget: [0.8, 1.6] }, 0)).toBe(1);
  });

  it("takes its plugin from where it is now, if its content is the same", () => {
    const plugin = (file: string) => ({ file, sha256: "0".repeat(64) });
    const plan = planSweep(request({ grid: { beta: [1, 2] } }));
    const before = merge("/sweep", "c", null, plan, plugin("/old/mine.mjs")).file;
    const { requested } = merge("/sweep", "c", before, plan, plugin("/new/mine.mjs"));
    expect(requested.map((cell) => cell.plugin?.file)).toEqual(["/new/mine.mjs", "/new/mine.mjs"]);
    expect(requested[0]?.command).toContain("/new/mine.mjs");
  });
});

describe("the command that repeats a cell", () => {
  /** The words that a shell makes of a command. */
  const words = (command: string): string[] =>
    spawnSync("sh", ["-c", `printf '%s\\0' ${command}`], { encoding: "utf8" })
      .stdout.split("\0")
      .slice(2, -1);

  it("gives the cell's settings when it is typed", () => {
    fc.assert(
      fc.property(grids, fc.integer({ min: 0, max: 99 }), fc.boolean(), (grid, seed, quick) => {
        const { cells } = planSweep(request({ grid, seeds: [seed], quick }));
        const configuration = cells[0]?.configuration;
        if (configuration === undefined) throw new Error("a grid has a cell");
        const flags = withConfiguration(yargs(words(repeatCommand(configuration)))).parseSync();
        expect(configurationOf(readFlags(flags))).toEqual(configuration);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a sweep's flags and file", () => {
  const parent = temporaryFolder("sweep-file");
  const given = (text: string, flags: Readonly<Record<string, unknown>> = {}) => {
    const file = path.join(parent, "sweep.yaml");
    writeFileSync(file, text);
    return readSweepFlags({ config: file, ...flags }, ["local", "slurm"]);
  };

  it("a flag with several values is varied, one with a single value is fixed, and both override the file", () => {
    const text =
      "grid: {beta: [1, 2], eta: [.25, .5]}\niterations: 3\nseeds: [4, 5]\nslurm: {partition: gpu}\nexecutor: slurm";
    const { cells, varied } = planSweep(given(text).request);
    expect([cells.length, varied]).toEqual([8, ["extrinsicWeight", "samplingRate"]]);
    expect(cells[0]?.configuration).toMatchObject({ iterations: 3, earlyStopping: false, seed: 4 });
    expect(given(text)).toMatchObject({ executor: "slurm", executorSettings: { partition: "gpu" } });
    const over = planSweep(given(text, { extrinsicWeight: "7", episodesPerIteration: "8,16", seeds: "1" }).request);
    expect(over.varied).toEqual(["samplingRate", "episodesPerIteration"]);
    expect(over.cells.every(({ configuration }) => configuration.extrinsicWeight === 7)).toBe(true);
  });

  it("named seeds alone are a sweep; without them something must vary", () => {
    const { cells, varied } = planSweep(given("", { extrinsicWeight: "1", seeds: "3,4" }).request);
    expect([cells.map(({ configuration }) => configuration.seed), varied]).toEqual([[3, 4], []]);
    expect(planSweep(given("seeds: [5]\nbase: {beta: 2}").request).cells).toHaveLength(1);
    expect(() => given("", { extrinsicWeight: "1" })).toThrow(/nothing is varied/);
  });

  const wrong: readonly (readonly [string, string, Readonly<Record<string, unknown>>, string])[] = [
    ["an empty value", "", { extrinsicWeight: "1,,2" }, "has an empty value"],
    ["a value of the wrong type", "", { extrinsicWeight: "1,ten" }, '--beta: must be a number, not "ten"'],
    ["a value out of its limits", "", { samplingRate: "0.5,2" }, "--eta: must be at most 1, not 2"],
    ["a value twice", "", { extrinsicWeight: "1,1.0" }, "--beta: names 1 twice"],
    ["a choice that there is not", "", { agent: "rls3,papr" }, "--agent: is one of rls3, paper, random"],
    ["no seeds", "", { seeds: "0" }, "--seeds: takes 1 to 1000 seeds"],
    ["no jobs", "", { jobs: "0" }, "--jobs: takes a whole number"],
    ["an unknown key", "gird: {beta: [1]}", {}, 'did you mean "grid"?'],
    ["an unknown setting in the grid", "grid: {betta: [1, 2]}", {}, 'did you mean "beta"?'],
    ["an unknown setting in a variant", "list: [{name: a, betta: 1}]", {}, 'did you mean "beta"?'],
    ["a grid that is no map", "grid: [1, 2]", {}, "grid: takes a map"],
    ["an axis without a value", "grid: {beta: []}", {}, "names no value"],
    ["a list without a variant", "list: []", {}, "names no variant"],
    ["a variant twice", "list: [{name: a, beta: 1}, {name: a, beta: 2}]", {}, 'names the variant "a" twice'],
    [
      "a range that is none",
      "random: {samples: 2, keys: {beta: {low: 3, high: 1}}}",
      {},
      "low (3) must be below high (1)",
    ],
    ["a range of words", "random: {samples: 2, keys: {replay: {low: 1, high: 2}}}", {}, "is one of"],
    ["no samples", "random: {samples: 0, keys: {beta: [1, 2]}}", {}, "samples: must be a whole number"],
    ["a setting varied in two ways", "grid: {beta: [1, 2]}\nlist: [{beta: 3}]", {}, "is varied by grid and by list"],
    ["a setting under two names", "grid: {beta: [1], extrinsicWeight: [2]}", {}, "gives extrinsicWeight twice"],
    ["a flag for what variants say", "list: [{beta: 3}]", { extrinsicWeight: "1" }, "--beta: is varied by list"],
    ["a seed in the grid", "grid: {seed: [1, 2]}", {}, "seeds are varied by --seeds"],
  ];
  it.each(wrong)("%s is a mistake that is named", (_name, text, flags, message) => {
    expect(() => planSweep(given(text, flags).request)).toThrow(message);
  });
});
