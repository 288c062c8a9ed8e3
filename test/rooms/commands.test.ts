import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { EnvironmentClient } from "../../protocol/index.js";
import { loadCatalog, parseCatalog, render, roomsDefinition } from "../../trainer/rooms/index.js";

const main = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../trainer/cli/main.js");
const folder = mkdtempSync(path.join(tmpdir(), "rooms-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Failure {
  readonly code: number;
  readonly stderr: string;
}

const run = (...args: string[]) => promisify(execFile)(process.execPath, [main, "env", ...args], { timeout: 30_000 });

async function failure(...args: string[]): Promise<Failure> {
  return run(...args).then(
    () => Promise.reject(new Error(`env ${args.join(" ")} succeeded`)),
    (error: Failure) => error,
  );
}

describe("rls3 env view", () => {
  it("writes a PNG, and prints the captions and whether each action was valid", async () => {
    const out = path.join(folder, "view.png");
    const args = ["--seed", "12", "--scene", "living room", "--action", "-0.5,0.1,0.25,0.2,-0.1,0", "--size", "128"];
    const { stdout } = await run("view", ...args, "--out", out, "--json");
    const { scene, steps, captions, objects } = JSON.parse(stdout);
    expect(scene).toBe("living room");
    expect(steps).toHaveLength(1);
    expect(objects).toHaveLength(3);
    expect(captions).toHaveLength(6);
    for (const caption of captions) expect(caption).toMatch(/^The .+ is .+ the .+\.$/);
    expect(readFileSync(out).subarray(1, 4).toString()).toBe("PNG");
  });

  it("refuses what it cannot use in one line, with exit code 2", async () => {
    const bad = [
      ["--scene", "attic"],
      ["--action", "1,2"],
      ["--out", path.join(folder, "none", "x.png")],
    ];
    for (const args of bad) {
      const { code, stderr } = await failure("view", ...args);
      expect(code, args.join(" ")).toBe(2);
      expect(stderr.trim().split("\n"), args.join(" ")).toHaveLength(1);
    }
  });
});

describe("rls3 env step", () => {
  it("steps by hand from its standard input", async () => {
    const child = spawn(process.execPath, [main, "env", "step", "--seed", "3", "--no-color"]);
    child.stdin.end("r\n9,9\nn\nq\n");
    let said = "";
    for await (const text of child.stdout) said += String(text);
    expect(said).toMatch(/reward -?1, (valid|invalid, reason [1-5]: \w+)/);
    expect(said).toContain('"9,9" is none of these');
    expect(said).toContain("seed 4");
    for (const line of said.replaceAll("action> ", "").split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe("rls3 env serve", () => {
  it("serves the catalog's world: the same states and pictures as in this process", async () => {
    const child = spawn(process.execPath, [main, "env", "serve", "--bind", "tcp://127.0.0.1:*", "--json"]);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    try {
      const [line] = await createInterface({ input: child.stdout })
        [Symbol.asyncIterator]()
        .next()
        .then(({ value }) => [value]);
      const { endpoint } = JSON.parse(String(line));
      const client = await EnvironmentClient.connect({ endpoint });
      const catalog = parseCatalog(client.welcome.catalog);
      expect(catalog).toEqual(loadCatalog("rooms"));
      const local = roomsDefinition(catalog).create(0);
      local.reset(9, {});
      await client.batch([{ env: 0, op: "reset", seed: 9 }], []);
      for (let step = 0; step < 20; step++) {
        const action = Float32Array.from(
          { length: 6 },
          (_, element) => (((step + 1) * (element + 3) * 37) % 201) / 100 - 1,
        );
        const { info } = local.step(action);
        const { results, tensors } = await client.batch([{ env: 0, op: "step", action }], ["objects", "image"]);
        expect(results[0]).toMatchObject({ stateHash: local.stateHash?.(), info });
        const objects = Int32Array.from(tensors["objects"]?.data ?? []);
        const scene = new Int32Array(1);
        local.observe("scene", scene);
        const { image } = render(catalog, scene[0] ?? 0, objects, 64);
        expect(Buffer.from(image).equals(Buffer.from(Uint8Array.from(tensors["image"]?.data ?? [])))).toBe(true);
      }
      await client.close();
    } finally {
      child.kill("SIGTERM");
      await ended;
    }
  });

  it("refuses an address beyond this machine without keys", async () => {
    const { code, stderr } = await failure("serve", "--bind", "tcp://0.0.0.0:5005");
    expect(code).toBe(2);
    expect(stderr).toMatch(/not a loopback address/);
  });
});
