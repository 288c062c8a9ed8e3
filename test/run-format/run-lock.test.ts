import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { processLives, startOf } from "../../trainer/files/process-identity.js";
import { parseLock } from "../../trainer/run-format/run-lock.js";

describe("whether a run's lock is held", () => {
  it("is known for a process here, with or without the host in the lock", () => {
    expect(processLives(parseLock(`${process.pid}`))).toBe(true);
    expect(processLives(parseLock(`${process.pid} ${hostname()}`))).toBe(true);
    const ended = spawnSync(process.execPath, ["--version"]).pid;
    expect(processLives(parseLock(`${ended} ${hostname()}`))).toBe(false);
  });

  it("is unknown for a process on another machine, even if one with the same number lives here", () => {
    expect(processLives(parseLock(`${process.pid} another-machine`))).toBeNull();
  });

  it("is known by the process's start time, whatever the machine is called now", () => {
    const start = startOf(process.pid);
    expect(processLives(parseLock(`${process.pid} ${hostname()} ${start}`))).toBe(true);
    expect(processLives(parseLock(`${process.pid} another-name ${start}`))).toBe(true);
    expect(processLives(parseLock(`${process.pid} ${hostname()} ${start}1`))).toBe(false);
    expect(processLives(parseLock(`${process.pid} another-machine ${start}1`))).toBeNull();
  });

  it("is false where the lock holds no process", () => {
    for (const text of ["", "x", "-1", "0"]) expect(processLives(parseLock(text))).toBe(false);
  });
});
