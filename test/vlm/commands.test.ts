import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary.js";

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const golden = path.join(packageRoot, "test/golden/clip-tiny");
const picture = path.join(packageRoot, "test/golden/preprocess/noise-33x48.png");
const main = path.join(packageRoot, "dist/trainer/cli/main.js");
const temporary = (): string => temporaryFolder("vlm-command");

function vlm(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, "vlm", ...args], { encoding: "utf8" });
}

const json = (...args: readonly string[]): unknown => {
  const { status, stdout, stderr } = vlm(...args, "--json");
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return JSON.parse(stdout);
};

describe("rls3 vlm", () => {
  it("inspect describes the bundled model", () => {
    expect(json("inspect", "bundled")).toMatchObject({
      architecture: "clip",
      sizes: { projection: 128, vision: { imageSize: 64 } },
      targets: { q_proj: 6, visual_projection: 1 },
    });
  });

  it("verify compares a directory with its reference numbers", () => {
    const { compared, failed } = json("verify", golden) as { compared: number; failed: number };
    expect(compared).toBeGreaterThan(500);
    expect(failed).toBe(0);
  });

  it("merge makes a directory that scores like the model with its adapter", () => {
    const out = path.join(temporary(), "merged");
    const adapter = path.join(golden, "golden/lora-all");
    json("merge", golden, "--adapter", adapter, "--out", out);
    const texts = ["--image", picture, "--caption", "a lamp on a table", "--caption", "two mugs"];
    const one = json("score", out, ...texts, "--device", "cpu") as { images: { logits: number[] }[] };
    const two = json("score", golden, "--adapter", adapter, ...texts, "--device", "cpu") as typeof one;
    one.images[0]?.logits.forEach((logit, i) => {
      expect(logit).toBeCloseTo(two.images[0]?.logits[i] ?? Number.NaN, 3);
    });
    const again = vlm("merge", golden, "--adapter", adapter, "--out", out);
    expect([again.status, again.stderr.trim().split("\n").length]).toEqual([2, 1]);
    expect(again.stderr).toContain(out);
  });

  it("score says which device auto took, and why", () => {
    const { status, stderr } = vlm("score", golden, "--image", picture, "--caption", "a lamp");
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^device: (cpu|webgpu|cuda:0): ./)]);
  });

  it("merge writes nothing into a folder that is not empty, and empties one that it could not fill", () => {
    const mine = temporary();
    writeFileSync(path.join(mine, "notes.txt"), "mine");
    const adapter = path.join(golden, "golden/lora-all");
    const { status, stderr } = vlm("merge", golden, "--adapter", adapter, "--out", mine);
    expect([status, stderr.trim()]).toEqual([2, `rls3: --out ${mine}: is not empty; name another folder`]);
    expect(readdirSync(mine)).toEqual(["notes.txt"]);
  });

  it("score warns of captions that are cut, once, and scores them", () => {
    const long = "word ".repeat(80);
    const texts = ["--caption", `${long} left`, "--caption", `${long} right`, "--caption", "a lamp"];
    const { status, stderr } = vlm("score", golden, "--image", picture, ...texts, "--device", "cpu", "--quiet");
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^warning: 2 captions are longer than the 77 tokens .* cut: "word[^\n]*\n$/),
    ]);
  });

  it("answers bad input with one line and exit code 2, and leaves nothing behind", () => {
    const out = path.join(temporary(), "merged");
    const cases = [
      ["inspect", "/no/such/folder"],
      ["merge", golden, "--adapter", golden, "--out", out],
      ["merge", "bundled", "--adapter", golden, "--out", path.join(packageRoot, "package.json", "merged")],
      ["pretrain", "--out", path.join(packageRoot, "package.json", "model")],
      ["score", "bundled", "--image", "/no/such.png", "--caption", "a"],
      ["verify", path.join(packageRoot, "trainer/vlm/bundled")],
    ];
    for (const args of cases) {
      const { status, stdout, stderr } = vlm(...args);
      expect([args[0], status, stdout, stderr.trim().split("\n").length]).toEqual([args[0], 2, "", 1]);
    }
    expect(existsSync(out)).toBe(false);
  });
});
