/**
 * @file The .NET host under cut connections, killed clients and SIGKILL: no step is lost or executed twice, and each
 * episode is counted once.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { beforeAll, expect, it } from "vitest";
import { EnvironmentClient, spawnServer } from "../../protocol/index.js";
import { Random } from "../../trainer/random/random.js";
import { loadCatalog, roomsDefinition } from "../../trainer/rooms/index.js";
import { Wire } from "../protocol/peer.js";
import { BUILD_TIMEOUT, bound, closers, describeHost, hostCommand } from "./host.js";
import { actionsOf, drawAction } from "./stepping-client.js";

const CUTS = 100;
const KILLED_CLIENTS = 20;
const KILLS = 20;

const stepper = path.join(import.meta.dirname, "stepping-client.js");

describeHost("the .NET host", () => {
  beforeAll(() => void hostCommand(), BUILD_TIMEOUT);

  it("executes each step once through 100 cut connections", { timeout: 240_000 }, async () => {
    const wire = await Wire.to((await bound([])).endpoint);
    const client = await EnvironmentClient.connect({ endpoint: wire.endpoint, resendAfter: 50 });
    closers.push(() => client.close());
    const random = Random.stream(1, "chaos");
    const expected = roomsDefinition(loadCatalog("rooms")).create(0);
    expected.reset(3, {});
    await client.batch([{ env: 0, op: "reset", seed: 3 }], []);
    let steps = 0;
    for (let cut = 0; cut < CUTS; cut++) {
      // Every other time the steps reach the host, and only their answers are lost.
      wire.deaf = cut % 2 === 0;
      const actions = Array.from({ length: 3 }, () => drawAction(random));
      const answers = actions.map((action) => client.batch([{ env: 0, op: "step", action }], []));
      await wait(random.below(12));
      wire.cut();
      for (const [i, { results }] of (await Promise.all(answers)).entries()) {
        expected.step(actions[i] as Float32Array);
        steps += 1;
        expect(results[0]).toMatchObject({ episode: 1, step: steps, stateHash: expected.stateHash?.() });
      }
    }
  });

  it("executes each step of 20 clients once, each killed with SIGKILL in the middle of its steps", {
    timeout: 240_000,
  }, async () => {
    const { endpoint } = await bound(["--ping-period", "100"]);
    const random = Random.stream(4, "chaos");
    for (let seed = 0; seed < KILLED_CLIENTS; seed++) {
      const client = spawn(process.execPath, [stepper, endpoint, String(seed)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      closers.push(() => void client.kill("SIGKILL"));
      const ended = once(client, "exit");
      const atLeast = 2 + random.below(20);
      const answers: string[] = [];
      for await (const line of createInterface({ input: client.stdout })) {
        answers.push(line);
        if (answers.length === atLeast) client.kill("SIGKILL");
      }
      expect(await ended).toEqual([null, "SIGKILL"]);
      expect(answers.length).toBeGreaterThanOrEqual(atLeast);
      // A new session: the first episode, from its first step, with nothing of the previous client.
      const expected = roomsDefinition(loadCatalog("rooms")).create(0);
      const actions = actionsOf(seed);
      expected.reset(seed, {});
      for (const [step, answer] of answers.entries()) {
        if (step > 0) expected.step(drawAction(actions));
        expect(answer).toBe(`1 ${step} ${expected.stateHash?.()}`);
      }
    }
  });

  it("killed 20 times is started again, and each of its episodes is marked lost once", {
    timeout: 240_000,
  }, async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "rls3-killed-"));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const pids = path.join(folder, "pids");
    const { command, args } = hostCommand();
    await using host = await spawnServer({
      command: "sh",
      args: ["-c", `echo $$ >> "$0"; exec "$@"`, pids, command, ...args],
      restarts: { atMost: KILLS + 1, firstDelay: 10, longestDelay: 50 },
    });
    const random = Random.stream(2, "chaos");
    let started = 0;
    let lost = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      await host.batch([{ env: 0, op: "reset", seed: kill }], []);
      started += 1;
      const running = (await readFile(pids, "utf8")).trim().split("\n");
      expect(running.length).toBe(kill + 1);
      process.kill(Number(running.at(-1)), "SIGKILL");
      for (let over = false; !over; ) {
        const { results } = await host.batch([{ env: 0, op: "step", action: drawAction(random) }], []);
        over = results[0]?.truncated === true;
        expect(results[0]?.info["lost"] === true).toBe(over);
        if (over) lost += 1;
      }
    }
    expect({ started, lost, restarts: host.restarts }).toEqual({ started: KILLS, lost: KILLS, restarts: KILLS });
  });
});
