import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { EnvironmentServer, readKeys, type SessionWishes } from "../../protocol/index.js";
import { EXAMPLES } from "../../trainer/cli/examples.js";
import { trainDocument } from "../../trainer/cli/train-document.js";
import { LANGUAGE_VERSION } from "../../trainer/language/index.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { resolveConfiguration } from "../../trainer/settings/configuration.js";
import { rls3, root, TINY_MODEL, tiny } from "../runs/runs.js";

const parent = mkdtempSync(path.join(tmpdir(), "rls3-commands-"));
afterAll(() => rmSync(parent, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(path.join(parent, name), text);
  return path.join(parent, name);
};

const folder = (name: string, config: string): string => {
  mkdirSync(path.join(parent, name));
  file(path.join(name, "config.json"), config);
  return path.join(parent, name);
};

/** A copy of the bundled model with changed weights. */
function broken(name: string, spoil: (weights: string) => void): string {
  const directory = path.join(parent, name);
  cpSync(path.join(root, "trainer/vlm/bundled"), directory, { recursive: true });
  spoil(path.join(directory, "model.safetensors"));
  return directory;
}

const folderOfWeights = (): string =>
  broken("folder-of-weights", (weights) => {
    rmSync(weights);
    mkdirSync(weights);
  });

const notNumbers = (): string =>
  broken("not-numbers", (weights) => {
    const bytes = readFileSync(weights);
    // The last half-precision number becomes NaN.
    bytes.writeUInt16LE(0x7e00, bytes.length - 2);
    writeFileSync(weights, bytes);
  });

describe("bad input gives one line on standard error, exit code 2, and writes nothing", () => {
  const truncated = path.join(parent, "truncated");
  const comparison = folder("comparison", JSON.stringify({ seeds: [0], configuration: { rls3: {}, random: {} } }));
  const noConfiguration = folder("no-configuration", "null");
  const olderRun = folder("older-run", JSON.stringify({ schema: 1, configuration: resolveConfiguration([]) }));
  const olderComparison = folder(
    "older-comparison",
    JSON.stringify({ schema: 1, seeds: [0], configuration: { random: resolveConfiguration([]) } }),
  );
  const newerRun = folder("newer-run", JSON.stringify({ schema: 1, languageVersion: LANGUAGE_VERSION + 1 }));
  mkdirSync(path.join(parent, "older-sweep"));
  const olderSweep = path.dirname(
    file("older-sweep/sweep.json", JSON.stringify({ schema: 1, command: "rls3 sweep", varied: [], cells: [] })),
  );
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["an unknown flag", ["train", "--learningrate", "1"], /learningrate.*did you mean --learning-rate/],
    [
      "another command's flag",
      ["sweep", "--beta", "1", "--seed", "3"],
      /--seed: there is no .*; did you mean --seeds\?$/m,
    ],
    ["a flag by another word", ["env", "view", "--image-size", "64"], /no such flag; did you mean --size\?$/m],
    ["a flag like none of the command's", ["env", "view", "--negatives", "all"], /no such flag; --help lists/],
    ["an unknown command", ["trian"], /there is no command "trian"; did you mean rls3 train\?/],
    ["an unknown command of a group", ["env", "vew"], /there is no command "vew"; did you mean rls3 env view\?/],
    ["an unknown command", ["trian"], /train/],
    ["a misspelt symbol", ["train", "--gama", ".9"], /--gama: .*did you mean --gamma\?$/m],
    ["a symbol in the other case", ["train", "--t0", "5"], /--t0: .*did you mean --T0\?$/m],
    ["a flag of two letters", ["train", "--lr", "1"], /--lr: there is no such flag; --help lists/],
    ["a flag by one of its words", ["eval", "--seed", "3"], /--seed: .*did you mean --test-seed\?$/m],
    [
      "a misspelt flag that is needed",
      ["vlm", "merge", "a", "--adaptr", "b"],
      /--adaptr: .*did you mean --adapter\?$/m,
    ],
    [
      "a sweep that is resumed as a run",
      ["sweep", "--resume", "a"],
      /--resume: a sweep is continued by the same command/,
    ],
    [
      "a world that does not ship",
      ["train", "--world", "kitchen"],
      /no world "kitchen" .*rooms, tabletop.*\.\/kitchen\.json/,
    ],
    [
      "an agent of a comparison",
      ["compare", "--config", file("agent.yaml", "agent: paper")],
      /agent\.yaml: agent: .*--arms/,
    ],
    ["an agent of a comparison", ["compare", "--agent", "paper"], /^rls3: --agent: .*--arms$/m],
    ["a seed of a comparison", ["compare", "--config", file("seed.yaml", "seed: 3")], /seed\.yaml: seed: .*--seeds/],
    [
      "early stopping in a comparison",
      ["compare", "--config", file("early.yaml", "earlyStopping: true")],
      /early\.yaml: earlyStopping: .*equal budgets/,
    ],
    ["a sweep of nothing", ["sweep", "--beta", "1"], /nothing is varied; give a setting several values/],
    ["a word where a number belongs", ["env", "view", "--seed", "x"], /--seed: takes a number/],
    ["a value of the wrong type", ["train", "--beta", "much"], /--beta.*must be a number, not "much"/],
    ["a value out of range", ["train", "--eta", "1.5"], /--eta.*at most 1, not 1.5/],
    ["a choice that is none", ["train", "--reward", "both"], /--reward.*one of sample, episode/],
    ["eval's pictures of nobody", ["eval", "--render", "both"], /--render.*one of server, embedded/],
    ["a flag given twice", ["train", "--beta", "1", "--beta", "2"], /--beta/],
    [
      "an unknown key in a file",
      ["train", "--config", file("a.yaml", "samplesPerEpisod: 3")],
      /did you mean "samplesPerEpisode"/,
    ],
    ["a file that is not there", ["train", "--config", "nowhere.yaml"], /nowhere.yaml/],
    ["a model that is not there", ["train", "--vlm", "nowhere"], /nowhere/],
    ["a model without weights", ["train", "--vlm", truncated], /truncated/],
    ["a flag without its value", ["train", "--config"], /--config: needs a value/],
    ["a flag with an empty value", ["train", "--vlm", TINY_MODEL, "--config", ""], /--config: needs a value/],
    ["a switch that is neither on nor off", ["train", "--quick=maybe"], /--quick: is on or off/],
    ["nothing where a folder belongs", ["report"], /rls3 report: something is missing/],
    ["a port beyond the last", ["env", "serve", "--bind", "tcp://127.0.0.1:99999"], /ports go from 0 to 65535/],
    [
      "an unknown key in a command's file",
      ["env", "view", "--config", file("b.yaml", "sed: 3")],
      /did you mean "seed"/,
    ],
    [
      "a command's flag given twice",
      ["env", "view", "--out", "a.png", "--out", "b.png"],
      /--out: is given more than once/,
    ],
    [
      "a server to start that is a folder",
      ["env", "check", "--spawn", parent],
      /is a folder: name the player's program/,
    ],
    ["weights that are a folder", ["vlm", "inspect", folderOfWeights()], /model\.safetensors is a folder/],
    ["weights that are no numbers", ["train", "--vlm", notNumbers()], /holds values that are no finite numbers/],
    ["a player that is not there", [...["train", ...tiny()], "--env", "./nowhere"], /no such player/],
    ["an address beyond this machine without keys", ["train", "--env", "tcp://192.0.2.1:5005"], /takes CURVE keys/],
    ["keys for no server", ["train", ...tiny(), "--keys", "keys.json"], /--keys keys.json: is for --env tcp/],
    ["a world that is not there", [...["train", ...tiny()], "--world", "nowhere"], /nowhere/],
    ["an unknown preset", ["train", "--preset", "big"], /there is paper/],
    [
      "a preset that is no name",
      ["train", "--config", file("p.yaml", "preset: [paper]")],
      /p\.yaml: preset takes a preset's name/,
    ],
    [
      "a seed among a sweep's settings",
      ["sweep", "--config", file("s.yaml", "seed: 7\ngrid: {beta: [1, 5]}")],
      /s\.yaml: seeds are varied by/,
    ],
    ["an unknown arm", ["compare", "--arms", "rls3,randon"], /did you mean "random"/],
    ["a seed that is none", ["compare", "--seeds", "1,x"], /--seeds/],
    ["a folder to resume that is no run's", ["train", "--resume", parent], /no config.json/],
    ["settings beside --resume", ["train", "--resume", parent, "--beta", "3"], /--resume/],
    ["settings beside a comparison's --resume", ["compare", "--resume", parent, "--seeds", "3"], /--resume/],
    ["a comparison resumed as a run", ["train", "--resume", comparison], /rls3 compare --resume/],
    [
      "a configuration to resume that is none",
      ["train", "--resume", noConfiguration],
      /config.json.*no run's configuration/,
    ],
    [
      "a run of a version that asked other pairs",
      ["train", "--resume", olderRun],
      /older-run\/config\.json: was made with version 1 .*this rls3 has version 2.*start again in another folder/,
    ],
    ["a run of a later version", ["train", "--resume", newerRun], /newer-run\/config\.json: was made with version 3 /],
    [
      "a comparison of a version that asked other pairs",
      ["compare", "--resume", olderComparison],
      /older-comparison\/config\.json: was made with version 1 /,
    ],
    [
      "a sweep of a version that asked other pairs",
      ["sweep", "--beta", "1,2", "--vlm", TINY_MODEL, "--device", "cpu", "--out", olderSweep],
      /older-sweep\/sweep\.json: was made with version 1 /,
    ],
    ["a folder below a file", ["compare", "--out", path.join(file("a-file", ""), "out")], /a-file is a file/],
  ];
  it.each(cases)("%s", async (_name, args, message) => {
    if (!existsSync(truncated)) file("truncated", "");
    const out = path.join(parent, "out");
    const takesOut = args[0] === "train" && !args.includes("--resume");
    const { code, err, out: printed } = await rls3(...args, ...(takesOut ? ["--out", out] : []));
    expect(code, err).toBe(2);
    expect(err.trimEnd().split("\n").at(-1)).toMatch(message);
    expect(err).not.toMatch(/^\s+at /m);
    expect(printed).toBe("");
    expect(existsSync(out)).toBe(false);
  });
});

describe("every command", () => {
  /** Each help is printed once, whatever asks for it: a process each. */
  const helps = new Map<string, ReturnType<typeof rls3>>();
  const helpOf = (name: string): ReturnType<typeof rls3> => {
    const help = helps.get(name) ?? rls3(...name.split(" ").filter((word) => word !== ""), "--help");
    helps.set(name, help);
    return help;
  };

  it.each(Object.keys(EXAMPLES))("%s takes --config, --json and --quiet", async (name) => {
    const { code, out } = await helpOf(name);
    expect(code).toBe(0);
    for (const flag of ["config", "json", "quiet"]) expect(out).toMatch(new RegExp(`--${flag} `));
  });

  it("is listed by rls3 alone and by rls3 help, and rls3 help NAME says what --help says", async () => {
    const alone = await rls3();
    expect([alone.code, alone.err]).toEqual([0, ""]);
    expect(alone.out).toMatch(/rls3 train .*rls3 doctor /s);
    expect(await rls3("help")).toEqual(alone);
    expect(await rls3("help", "env", "view")).toEqual(await rls3("env", "view", "--help"));
  });

  /** Every command that help lists: "train", "env view". */
  async function listed(): Promise<readonly string[]> {
    const names = async (...words: readonly string[]): Promise<readonly string[]> => {
      const { out } = await helpOf(words.join(" "));
      const lines = out.matchAll(
        new RegExp(`^ {2}rls3 (${[...words, "[\\w-]+"].join(" ")})(?: [[<][\\w.]+[\\]>])*(?: {2,}|$)`, "gm"),
      );
      return [...lines].map(([, name = ""]) => name);
    };
    const groups = ["env", "vlm"];
    const [alone, ...inGroups] = await Promise.all([names(), ...groups.map((group) => names(group))]);
    return [...alone, ...inGroups.flat()].filter((name) => ![...groups, "completion"].includes(name)).sort();
  }

  it("has an example with existing flags", async () => {
    const names = await listed();
    expect(names, "each command has an entry in trainer/cli/examples.ts, and no other").toEqual(
      Object.keys(EXAMPLES).sort(),
    );
    for (const [name, lines] of Object.entries(EXAMPLES)) {
      const help = await helpOf(name);
      for (const [line] of lines) {
        expect(line).toMatch(new RegExp(`^rls3 ${name}\\b`));
        const [own = ""] = line.split(" -- ");
        for (const [flag] of own.matchAll(/(?<= )--[\w-]+/g))
          expect(help.out, `${line}: ${flag}`).toContain(`${flag} `);
      }
    }
  });

  it("has a place in the table of the top README", async () => {
    const readme = readFileSync(path.join(root, "README.md"), "utf8");
    const named = [...readme.matchAll(/^\|.*?[^\\]\|/gm)].flatMap(([cell]) =>
      [...cell.matchAll(/`rls3 ([a-z][\w -]*?)((?:\\\|[\w-]+)*)(?: [A-Z]+)?`/g)].flatMap(
        ([, first = "", more = ""]) => [
          first,
          ...more
            .split("\\|")
            .slice(1)
            .map((other) => first.replace(/[\w-]+$/, other)),
        ],
      ),
    );
    expect(
      (await listed()).filter((name) => !named.includes(name)),
      "commands that README.md lacks",
    ).toEqual([]);
  });

  it("has help as wide as COLUMNS in a pipe", () => {
    const help = (columns: string) => {
      const env = { ...process.env, COLUMNS: columns };
      return spawnSync(process.execPath, [path.join(root, "dist/trainer/cli/main.js"), "train", "--help"], {
        encoding: "utf8",
        env,
      }).stdout.split("\n");
    };
    const widest = (lines: readonly string[]) => Math.max(...lines.map((line) => line.length));
    expect(widest(help("120"))).toBeGreaterThan(100);
    expect(widest(help(""))).toBeLessThanOrEqual(80);
  });

  it("is completed by a shell, with its flags", async () => {
    expect((await rls3("completion")).out).toContain("--get-yargs-completions");
    expect((await rls3("--get-yargs-completions", "rls3", "env", "")).out).toMatch(/^serve\ncheck\nview\n/);
  });

  it("takes its flags from --config too, and typed ones win", async () => {
    const config = file("view.json", JSON.stringify({ world: "tabletop", seed: 3, size: 32 }));
    const out = path.join(parent, "view.png");
    const { out: printed, err } = await rls3("env", "view", "--config", config, "--seed", "4", "--out", out, "--json");
    expect(JSON.parse(printed), err).toMatchObject({ world: "tabletop", seed: 4, file: out });
  });
});

describe("a folder", () => {
  it("that is not empty is refused, and left unchanged", async () => {
    const used = path.join(parent, "used");
    const { code } = await rls3("train", ...tiny(1), "--agent", "random", "--out", used);
    expect(code).toBe(0);
    const before = readdirSync(used, { recursive: true });
    for (const command of ["train", "compare"]) {
      const again = await rls3(command, "--out", used);
      expect(again.code).toBe(2);
      expect(again.err).toContain("holds another run");
    }
    expect(readdirSync(used, { recursive: true })).toEqual(before);
  });

  it("belongs to one run: of two that start at once, one is refused and the other finishes", async () => {
    const both = path.join(parent, "both");
    const ended = await Promise.all([0, 1].map(() => rls3("train", ...tiny(1), "--agent", "random", "--out", both)));
    expect(ended.map(({ code }) => code).sort()).toEqual([0, 2]);
  });
});

describe("a server with keys", () => {
  it("is reached with the keys file of env keys, however few environments it has", async () => {
    const folder = path.join(parent, "keys");
    expect((await rls3("env", "keys", "--out", folder)).code).toBe(0);
    const [serverKeys, clientKeys] = ["server-keys.json", "client-keys.json"].map((name) => path.join(folder, name));
    if (process.platform !== "win32") expect(statSync(serverKeys as string).mode & 0o777).toBe(0o600);
    expect(readKeys(clientKeys as string)).not.toHaveProperty("serverSecretKey");
    const catalog = loadCatalog("rooms");
    const server = await EnvironmentServer.bind(
      ({ imageSize = 64 }: SessionWishes) => roomsDefinition(catalog, { imageSize }),
      { endpoint: "tcp://127.0.0.1:*", envCount: 2, keys: readKeys(serverKeys as string) },
    );
    const sets = ["--test-images-per-relation", "1", "--natural-images", "3"];
    const reached = ["--env", server.endpoint, "--keys", clientKeys as string];
    const { code, err } = await rls3("eval", ...tiny().slice(0, 4), ...sets, ...reached);
    server.close();
    await server.closed;
    expect(code, err).toBe(0);
  });

  it("keeps its keys: they are not overwritten", async () => {
    const folder = path.join(parent, "kept-keys");
    expect((await rls3("env", "keys", "--out", folder, "--token", "a token of some length")).code).toBe(0);
    const before = readFileSync(path.join(folder, "server-keys.json"), "utf8");
    const { code, err } = await rls3("env", "keys", "--out", folder);
    expect([code, err]).toEqual([2, expect.stringMatching(/^rls3: .*server-keys\.json exists already; name another/)]);
    expect(readFileSync(path.join(folder, "server-keys.json"), "utf8")).toBe(before);
    expect((await rls3("env", "keys", "--token", "short", "--out", path.join(parent, "none"))).code).toBe(2);
    expect(existsSync(path.join(parent, "none"))).toBe(false);
  });
});

describe("--json", () => {
  it("prints errors on standard output, too", async () => {
    for (const json of ["--json", "--json=true"]) {
      const { code, out, err } = await rls3("env", "view", "--size", "9", json);
      const message = "--size is a whole number from 32 to 512, not 9";
      expect([code, JSON.parse(out)]).toEqual([2, { error: { message, exitCode: 2 } }]);
      expect(err).toBe(`rls3: ${message}\n`);
    }
  });

  it("of train has its accuracies", async () => {
    const out = path.join(parent, "json-run");
    const ended = await rls3("train", ...tiny(1), "--agent", "random", "--out", out, "--json");
    const { accuracy, folder, iteration } = trainDocument.parse(JSON.parse(ended.out));
    expect([folder, iteration]).toEqual([out, 1]);
    const [, first, last] = readFileSync(path.join(out, "metrics.csv"), "utf8").split("\n");
    expect(first?.split(",")).toContain(String(accuracy.before.oneTerm));
    expect(last?.split(",")).toContain(String(accuracy.final.naturalFull));
  });

  it("of doctor is one document whose exit code agrees with it", async () => {
    const { code, out } = await rls3("doctor", "--json");
    const document = JSON.parse(out) as { ok: boolean; checks: { name: string; ok: boolean; needed: boolean }[] };
    expect(code).toBe(document.ok ? 0 : 1);
    const environment = document.checks.find((check) => check.name === "embedded environment");
    expect(environment?.ok).toBe(true);
  });

  it("of eval is one document, equal for equal seeds", async () => {
    const args = ["eval", "--json", ...tiny().slice(0, 4), "--test-images-per-relation", "1", "--natural-images", "3"];
    const [first, second] = await Promise.all([rls3(...args), rls3(...args)]);
    expect(first.code, first.err).toBe(0);
    expect(first.out).toBe(second.out);
    const { balanced, natural } = JSON.parse(first.out) as Record<string, { full: number; oneTerm: number }>;
    for (const share of [balanced?.full, balanced?.oneTerm, natural?.oneTerm]) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
  });
});

it("a reader that closes the pipe early ends rls3 without a message", () => {
  const main = path.resolve(import.meta.dirname, "../../trainer/cli/main.js");
  const piped = `set -o pipefail; ${process.execPath} ${main} env view --seed 3 --json --out ${path.join(parent, "room.png")} | true`;
  const { status, stderr } = spawnSync("bash", ["-c", piped], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});
