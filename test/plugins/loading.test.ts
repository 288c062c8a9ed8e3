/** @file What counts as a plugin, and the messages about modules that are none. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { InputError } from "../../trainer/errors.js";
import { loadPlugin, refuseMissingParts } from "../../trainer/plugins/load.js";
import { pluginSource, refuseChangedPlugin } from "../../trainer/plugins/source.js";
import { temporaryFolder } from "../temporary.js";

const parent = temporaryFolder("plugins");
let written = 0;

/** A module with this text, and others beside it by name. */
function module(text: string, beside: Readonly<Record<string, string>> = {}): string {
  written += 1;
  const folder = path.join(parent, String(written));
  mkdirSync(folder);
  for (const [name, other] of Object.entries(beside)) writeFileSync(path.join(folder, name), other);
  writeFileSync(path.join(folder, "mine.mjs"), text);
  return path.join(folder, "mine.mjs");
}

const load = (text: string) => loadPlugin(pluginSource(module(text)));

describe("a plugin", () => {
  it("is the default export of a module, each part of it optional", async () => {
    const bare = await load('export default { name: "bare" };');
    expect([bare.name, bare.parts, bare.metrics]).toEqual(["bare", { reward: false, agent: false }, []]);
    const whole = await load(`
      const measure = () => ({ one: 1 });
      export default { name: "whole", reward: () => [], agent: () => null, evaluation: { metrics: ["one"], measure }, callbacks: {} };
    `);
    expect([whole.parts, whole.metrics]).toEqual([{ reward: true, agent: true }, ["one"]]);
  });

  it.each([
    ["", /has no default export; end it with export default/],
    ["export default 3;", /is no plugin: its default export: takes a map, not 3/],
    ["export default { reward: () => [] };", /is no plugin: name: is missing/],
    ['export default { name: "a/b" };', /name: must be a name of up to 60 letters/],
    ['export default { name: "mine", rewards: () => [] };', /has the unknown key "rewards": leave it out/],
    ['export default { name: "mine", reward: 3 };', /reward: must be a function/],
    [
      'export default { name: "mine", evaluation: { metrics: ["a b"], measure() {} } };',
      /metrics\[0\]: must be a name of/,
    ],
    ['export default { name: "mine", evaluation: { metrics: ["a", "a"], measure() {} } };', /names a metric twice/],
    ['export default { name: "mine", evaluation: { metrics: ["valid"], measure() {} } };', /plugin\.csv's own columns/],
    ['export default { name: "mine", evaluation: { metrics: [], measure() {} } };', /a list of at least 1 entry/],
    ['export default { name: "mine", callbacks: { onSamples() {} } };', /callbacks: has the unknown key "onSamples"/],
    [
      'export default { name: "mine", vocabulary: { phrases: { left: "links" } } };',
      /vocabulary\.phrases\.right: is missing/,
    ],
    [
      'const p = "neben"; export default { name: "mine", vocabulary: { phrases: { left: p, right: p, behind: "b", "in front": "f", above: "a", below: "u" } } };',
      /vocabulary\.phrases: says two terms in the same words/,
    ],
    ['import "./nowhere.mjs"; export default { name: "mine" };', /does not load: Error: Cannot find module/],
    ['throw new RangeError("no luck");', /does not load: RangeError: no luck/],
  ])("is not %j, and the line says why", async (text, message) => {
    const loading = load(text);
    await expect(loading).rejects.toThrow(InputError);
    await expect(loading).rejects.toThrow(message);
    await loading.catch(({ message: line }: Error) => expect(line).not.toContain("\n"));
  });

  it("must exist, and be a file", () => {
    expect(() => pluginSource(path.join(parent, "nowhere.mjs"))).toThrow(/--plugin .*nowhere\.mjs: does not exist/);
    expect(() => pluginSource(parent)).toThrow(/is no file/);
  });

  it("is the same as long as its file and its relative imports are, wherever they are", () => {
    const text = 'import { a } from "./a.mjs";\nexport default { name: a };';
    const beside = { "a.mjs": 'export const a = (await import("./b.mjs")).b;', "b.mjs": 'export const b = "b";' };
    const file = module(text, beside);
    const source = pluginSource(file);
    expect(pluginSource(module(text, beside)).sha256).toBe(source.sha256);
    refuseChangedPlugin(source);
    writeFileSync(path.join(path.dirname(file), "other.mjs"), "anything");
    refuseChangedPlugin(source);
    writeFileSync(path.join(path.dirname(file), "b.mjs"), 'export const b = "c";');
    expect(() => refuseChangedPlugin(source)).toThrow(
      /mine\.mjs: was changed since the run began \(sha256 .* then, .* now\)/,
    );
  });

  it("that has changed is loaded again, in the same process too", async () => {
    const file = module('export default { name: "before" };');
    expect((await loadPlugin(pluginSource(file))).name).toBe("before");
    writeFileSync(file, 'export default { name: "after" };');
    expect((await loadPlugin(pluginSource(file))).name).toBe("after");
  });

  it("has what the settings need, or the message says what is missing", async () => {
    const bare = await load('export default { name: "bare" };');
    const asked = { reward: "plugin", agent: "rls3" } as const;
    expect(() => refuseMissingParts(asked, null)).toThrow(
      "--reward plugin: needs --plugin FILE, a module with a reward",
    );
    expect(() => refuseMissingParts(asked, bare)).toThrow("--reward plugin: the plugin bare has no reward");
    expect(() => refuseMissingParts({ reward: "sample", agent: "plugin" }, null)).toThrow("a module with an agent");
    refuseMissingParts({ reward: "sample", agent: "rls3" }, null);
  });
});
