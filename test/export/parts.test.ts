/** @file Parts of an export: folders written whole or not at all, names, archives. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { UnavailableError } from "../../trainer/errors.js";
import { uniqueKeys } from "../../trainer/export/runs.js";
import { TAR_END, tarEntry } from "../../trainer/export/tar.js";
import { writeFolder } from "../../trainer/export/whole-folder.js";
import { temporaryFolder } from "../temporary.js";

const parent = temporaryFolder("parts");

describe("a folder", () => {
  it("exists once it is filled, replacing an empty one", async () => {
    const folder = path.join(parent, "whole");
    mkdirSync(folder);
    const result = await writeFolder(folder, async (open) => {
      const lines = open.grow("lines.txt");
      lines.write("one\n");
      open.put("in/bytes", Uint8Array.of(1, 2));
      lines.write("two\n");
      expect(readdirSync(folder)).toEqual([]);
      return 7;
    });
    expect(result).toBe(7);
    expect(readdirSync(folder).sort()).toEqual(["in", "lines.txt"]);
    expect(readFileSync(path.join(folder, "lines.txt"), "utf8")).toBe("one\ntwo\n");
  });

  it("does not exist where the disk is full; the message says so", async () => {
    const folder = path.join(parent, "full");
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const writing = writeFolder(folder, async (open) => {
      open.put("first", "written");
      throw full;
    });
    await expect(writing).rejects.toThrow(UnavailableError);
    await expect(writing).rejects.toThrow(/the disk is full: .*full was not written; make room and try again/);
    expect(readdirSync(parent).filter((name) => name.startsWith("full"))).toEqual([]);
  });

  it("belongs to one process: a second writer is refused, and the first one's files stay", async () => {
    const folder = path.join(parent, "two");
    const unfinished = `${folder}.unfinished`;
    mkdirSync(unfinished);
    writeFileSync(path.join(unfinished, ".lock"), `${process.ppid}`);
    writeFileSync(path.join(unfinished, "first"), "being written");
    await expect(writeFolder(folder, async () => undefined)).rejects.toThrow(/is writing to it/);
    expect(existsSync(path.join(unfinished, "first"))).toBe(true);
  });
});

describe("names of runs as parts of ids", () => {
  it("are letters, digits, - and _, short, and no two the same", () => {
    const long = `variant=${"x".repeat(100)}`;
    const keys = uniqueKeys(["rls3-0", "eta=.25-0", "eta=25-0", "eta_25-0", `${long}1-0`, `${long}2-0`]);
    expect(keys[0]).toBe("rls3-0");
    expect(new Set(keys).size).toBe(6);
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  });
});

describe("a tar archive", () => {
  it("is read by tar, name by name, and depends only on its files", () => {
    const file = path.join(parent, "files.tar");
    const entries = [tarEntry("a.txt", Buffer.from("first")), tarEntry("b.bin", Buffer.alloc(1024, 3))];
    writeFileSync(file, Buffer.concat([...entries, TAR_END]));
    expect(execFileSync("tar", ["-tf", file], { encoding: "utf8" })).toBe("a.txt\nb.bin\n");
    expect(execFileSync("tar", ["-xOf", file, "b.bin"])).toEqual(Buffer.alloc(1024, 3));
    expect(tarEntry("a.txt", Buffer.from("first"))).toEqual(entries[0]);
    expect(() => tarEntry("x".repeat(101), Buffer.alloc(0))).toThrow(RangeError);
  });
});
