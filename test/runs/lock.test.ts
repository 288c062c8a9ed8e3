import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { startOf } from "../../trainer/files/process-identity.js";
import { takeLock } from "../../trainer/runs/lock.js";
import { temporaryFolder } from "../temporary.js";

const FOLDERS = 150;
const PROCESSES = 4;

/** Takes each folder's lock at a moment agreed with the other processes, and prints the folders that it got. */
const CONTENDER = `
const { takeLock } = await import(process.argv[1]);
const [parent, start] = process.argv.slice(2);
const got = [];
for (let i = 0; i < ${FOLDERS}; i++) {
  while (Date.now() < Number(start) + 8 * i);
  try {
    takeLock(parent + "/" + i);
    got.push(i);
  } catch (error) {
    if (!String(error.message).includes("is writing to it")) throw error;
  }
}
// Stays alive until all have tried: a dead process's lock may be taken.
process.stdout.write(JSON.stringify(got) + "\\n");
process.stdin.resume();
`;

/** How many of the processes got each folder's lock. */
async function holders(parent: string): Promise<number[]> {
  const start = String(Date.now() + 1500);
  const script = path.join(import.meta.dirname, "../../trainer/runs/lock.js");
  const children = Array.from({ length: PROCESSES }, () =>
    spawn(process.execPath, ["--input-type=module", "-e", CONTENDER, script, parent, start]),
  );
  const lines = await Promise.all(
    children.map(
      (child) =>
        new Promise<string>((resolve, reject) => {
          let errors = "";
          child.stderr.on("data", (data) => (errors += String(data)));
          let line = "";
          child.stdout.on("data", (data) => {
            line += String(data);
            if (line.endsWith("\n")) resolve(line);
          });
          child.once("exit", () => reject(new Error(errors)));
        }),
    ),
  );
  for (const child of children) child.kill();
  const all = lines.flatMap((line) => JSON.parse(line) as number[]);
  return Array.from({ length: FOLDERS }, (_, folder) => all.filter((got) => got === folder).length);
}

function folders(name: string, lock: string | null): string {
  const parent = temporaryFolder(name);
  for (let i = 0; i < FOLDERS; i++) {
    mkdirSync(path.join(parent, String(i)));
    if (lock !== null) writeFileSync(path.join(parent, String(i), ".lock"), lock);
  }
  return parent;
}

describe("a folder's lock", () => {
  it("belongs to one of several processes that take it at once, and nothing else is left", async () => {
    const parent = folders("lock", null);
    expect(await holders(parent)).toEqual(Array(FOLDERS).fill(1));
    for (const folder of readdirSync(parent)) expect(readdirSync(path.join(parent, folder))).toEqual([".lock"]);
  }, 30_000);

  it("of a dead process is taken over by one process", async () => {
    const parent = folders("dead-lock", `999999999 ${hostname()}`);
    expect(await holders(parent)).toEqual(Array(FOLDERS).fill(1));
  }, 30_000);
});

describe("the lock of a process that", () => {
  const lockedBy = (name: string, text: string): string => {
    const folder = temporaryFolder(name);
    writeFileSync(path.join(folder, ".lock"), text);
    return folder;
  };
  /** The parent of this process lives as long as this one. */
  const [pid, start] = [process.ppid, startOf(process.ppid)];

  it("lives keeps others out, whatever the machine was called when it took it", () => {
    const said = `process ${pid} is writing to it; wait for it or end it`;
    for (const host of [hostname(), "as-it-was-called-before"]) {
      expect(() => takeLock(lockedBy("lives", `${pid} ${host} ${start}`))).toThrow(new RegExp(`${said}$`));
    }
  });

  it("has ended is taken over, even if its number is another living process's by now", () => {
    const folder = lockedBy("number", `${pid} ${hostname()} ${start}1`);
    takeLock(folder).close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("was killed while taking the lock leaves nothing forever", () => {
    const folder = temporaryFolder("abandoned");
    const write = (name: string, text: string): void => writeFileSync(path.join(folder, name), text);
    write(".lock.1", `999999999 ${hostname()} ${start}`);
    write(".lock.taking-over", `999999999 ${hostname()} ${start}`);
    write(".lock.2", `${pid} ${hostname()} ${start}`);
    write(".lock.3", "");
    takeLock(folder).close();
    expect(readdirSync(folder).sort()).toEqual([".lock.2", ".lock.3"]);
  });

  it("gives no start time: the message advises to look first, since it may be another process", () => {
    const folder = lockedBy("early", `${pid} ${hostname()}`);
    expect(() => takeLock(folder)).toThrow(/or, if that is no rls3, remove .*\.lock$/);
  });

  it("holds it puts a removed lock back, unless another process has taken the folder", () => {
    const folder = temporaryFolder("removed-lock");
    const lock = takeLock(folder);
    rmSync(path.join(folder, ".lock"));
    expect(lock.held()).toBe(true);
    expect(() => takeLock(folder).close()).not.toThrow();
    writeFileSync(path.join(folder, ".lock"), `${pid} ${hostname()} ${start}`);
    expect(lock.held()).toBe(false);
    lock.close();
    expect(readdirSync(folder)).toEqual([".lock"]);
  });
});
