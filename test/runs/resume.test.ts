import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventFiles } from "../../trainer/report/tensorboard/event-writer.js";
import { readRunEvents } from "../report/event-reader.js";
import { resultFiles, rls3, start, tiny } from "./runs.js";

const parent = mkdtempSync(path.join(tmpdir(), "rls3-resume-"));
afterAll(() => rmSync(parent, { recursive: true }));
const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The points of every curve in a run's event files, by tag. */
const curves = (folder: string): Map<string, (number | undefined)[][]> =>
  new Map(
    [...readRunEvents(folder)].map(([tag, points]) => [
      tag,
      points.map(({ step, value }) => [step, value.simpleValue]),
    ]),
  );

/** Direct children of a process, from /proc. */
function childrenOf(parentId: number): { pid: number; command: string }[] {
  const read = (file: string): string => {
    try {
      return readFileSync(file, "utf8");
    } catch {
      return ""; // ended meanwhile
    }
  };
  return readdirSync("/proc")
    .filter(
      (name) => /^\d+$/.test(name) && Number(read(`/proc/${name}/stat`).split(") ")[1]?.split(" ")[1]) === parentId,
    )
    .map((name) => ({ pid: Number(name), command: read(`/proc/${name}/cmdline`).replaceAll("\0", " ") }));
}

describe("a run", () => {
  const whole = path.join(parent, "whole");
  beforeAll(async () => {
    const { code, err } = await rls3("train", ...tiny(), "--seed", "7", "--out", whole);
    expect(code, err).toBe(0);
  }, 240_000);

  it("has the same files when it is run again", async () => {
    const again = path.join(parent, "again");
    const { code, err } = await rls3("train", ...tiny(), "--seed", "7", "--out", again);
    expect(code, err).toBe(0);
    expect([...resultFiles(again).keys()]).toEqual([...resultFiles(whole).keys()]);
    for (const [name, bytes] of resultFiles(again)) expect(bytes === resultFiles(whole).get(name), name).toBe(true);
  });

  it("killed again and again, and resumed, has the same files as one never killed", async () => {
    const killed = path.join(parent, "killed");
    // What it prints, and this many milliseconds after: in the preparation, before the first checkpoint, within
    // iterations, and between them.
    const moments: readonly (readonly [string, number])[] = [
      ["replay:", 300],
      ["iteration 0/", 0],
      ["iteration 1/", 150],
      ["iteration 2/", 5],
      ["iteration 3/", 2],
    ];
    let args = ["train", ...tiny(), "--seed", "7", "--out", killed];
    let kills = 0;
    for (const [line, after] of moments) {
      const run = start(...args);
      await run.said(line);
      await sleep(after);
      run.child.kill("SIGKILL");
      const { signal } = await run.ended;
      if (signal === "SIGKILL") kills += 1;
      if (existsSync(path.join(killed, "config.json"))) args = ["train", "--resume", killed];
    }
    expect(kills).toBeGreaterThanOrEqual(4);
    const { code, err } = await rls3("train", "--resume", killed);
    expect(code, err).toBe(0);
    // There are several TensorBoard files now, with the same content.
    expect(eventFiles(killed).length).toBeGreaterThan(1);
    expect(eventFiles(whole)).toHaveLength(1);
    const told = (folder: string) => [...curves(folder)].filter(([tag]) => !tag.startsWith("_hparams_")).sort();
    expect(told(killed)).toEqual(told(whole));
    expect(curves(killed).get("accuracy/one_term")).toHaveLength(4);
    const [before, after] = [resultFiles(whole), resultFiles(killed)];
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, bytes] of after) expect(bytes === before.get(name), name).toBe(true);
  }, 240_000);

  it("stopped by Ctrl-C exits with 130 and says how to go on", async () => {
    const stopped = path.join(parent, "stopped");
    const run = start("train", ...tiny(200), "--agent", "random", "--out", stopped);
    await run.said("iteration 2/");
    run.child.kill("SIGINT");
    const { code, err } = await run.ended;
    expect(code, err).toBe(130);
    expect(err).toContain(`rls3 train --resume ${stopped}`);
    expect(existsSync(path.join(stopped, "checkpoints"))).toBe(true);
    expect(existsSync(path.join(stopped, ".lock"))).toBe(false);
  });

  it("whose environment server is killed goes on with a new one", async () => {
    const robbed = path.join(parent, "robbed");
    const run = start("train", ...tiny(3), "--agent", "random", "--out", robbed);
    await run.said("iteration 1/");
    const server = childrenOf(run.child.pid ?? 0).find((child) => child.command.includes("env serve"));
    process.kill(server?.pid ?? 0, "SIGKILL");
    const { code, err } = await run.ended;
    expect(code, err).toBe(0);
    expect(readFileSync(path.join(robbed, "metrics.csv"), "utf8").trimEnd().split("\n")).toHaveLength(5);
  }, 240_000);

  it("edited by hand is refused with the key, running or finished, and can be restarted", async () => {
    const changed = path.join(parent, "changed");
    const run = start("train", ...tiny(2), "--agent", "random", "--seed", "7", "--out", changed);
    await run.said("iteration 1/");
    run.child.kill("SIGKILL");
    await run.ended;
    const config = path.join(changed, "config.json");
    const text = readFileSync(config, "utf8");
    writeFileSync(config, text.replaceAll('"seed": 7', '"seed": 8'));
    const refused = await rls3("train", "--resume", changed);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/config\.json: .*seed was 7 and is 8 now/);
    writeFileSync(config, text);
    const resumed = await rls3("train", "--resume", changed);
    expect(resumed.code, resumed.err).toBe(0);
    const files = resultFiles(changed);
    const metrics = path.join(changed, "metrics.csv");
    writeFileSync(
      metrics,
      readFileSync(metrics, "utf8").replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10)),
    );
    const finished = await rls3("train", "--resume", changed);
    expect(finished.code).toBe(2);
    expect(finished.err).toMatch(/metrics\.csv: was changed/);
    expect((await rls3("train", "--restart", "--out", path.join(parent, "no"))).err).toContain("--restart: begins");
    const again = await rls3("train", "--resume", changed, "--restart");
    expect(again.code, again.err).toBe(0);
    expect(resultFiles(changed)).toEqual(files);
  }, 240_000);

  it("with a lost adapter gets it back, running or finished", async () => {
    const adapter = path.join(whole, "adapter");
    const files = resultFiles(whole);
    rmSync(adapter, { recursive: true });
    const { code, err } = await rls3("train", "--resume", whole);
    expect(code, err).toBe(0);
    expect(err).toContain("is written again");
    expect(resultFiles(whole)).toEqual(files);
  });

  it("that is finished says so, and exits with 0", async () => {
    const { code, err } = await rls3("train", "--resume", whole);
    expect(code).toBe(0);
    expect(err).toContain("is finished");
  });
});
