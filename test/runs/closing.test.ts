/**
 * @file Everything that a run has opened is closed, whatever fails: no process hangs, and the first error is reported.
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { closing } from "../../trainer/closing.js";
import { temporaryFolder } from "../temporary.js";
import { launch, tiny } from "./runs.js";

const failing = (message: string) => async (): Promise<never> => {
  throw new Error(message);
};

describe("what was opened", () => {
  it("is closed, the last first, even if closing one fails; the work's own error is reported", async () => {
    const closed: string[] = [];
    const part = (name: string) => ({ close: () => void closed.push(name) });
    const work = closing(async (opening) => {
      await opening(part("server"));
      await opening(Promise.resolve({ close: failing("lock") }));
      await opening(part("directory"));
      throw new Error("disk");
    });
    await expect(work).rejects.toThrow("disk");
    expect(closed).toEqual(["directory", "server"]);
  });

  it("that cannot be closed is an error, the first of several", async () => {
    const work = closing(async (opening) => {
      await opening({ close: failing("second") });
      await opening({ close: failing("first") });
    });
    await expect(work).rejects.toThrow("first");
  });

  it("is closed where a later part can't be opened", async () => {
    let closed = false;
    const close = (): void => {
      closed = true;
    };
    const work = closing(async (opening) => {
      await opening({ close });
      await opening(Promise.reject<{ close(): void }>(new Error("no server")));
    });
    await expect(work).rejects.toThrow("no server");
    expect(closed).toBe(true);
  });

  it("is closed, and the result is returned", async () => {
    expect(await closing(async (opening) => (await opening({ close: () => undefined, value: 3 })).value)).toBe(3);
  });
});

/** Root may write anywhere: if the tests run as root, the run does not. */
const NOBODY = 65534;
const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

describe("a run ends, with the reason in one line,", () => {
  const ends = async (
    name: string,
    disturb: (folder: string) => void,
  ): Promise<{ code: number | null; err: string }> => {
    const parent = temporaryFolder(name);
    const folder = path.join(parent, "run");
    if ("uid" in identity) {
      chownSync(parent, NOBODY, NOBODY);
      // The suite's temporary folder belongs to root alone: let others pass through it here.
      const { mode } = statSync(tmpdir());
      if ((mode & 0o001) === 0) chmodSync(tmpdir(), (mode & 0o777) | 0o011);
    }
    const run = launch(["train", ...tiny(200), "--agent", "random", "--out", folder], identity);
    await run.said("iteration 1/");
    disturb(folder);
    const { code, err } = await run.ended;
    expect(err).not.toMatch(/\n\s+at /);
    return { code, err };
  };

  it("if its folder is no longer writable, or its checkpoints are unreadable on resume", async () => {
    let run = "";
    const set = (mode: number): void => {
      for (const name of ["samples", "checkpoints", ""]) chmodSync(path.join(run, name), mode);
    };
    const { code, err } = await ends("readonly", (folder) => {
      run = folder;
      set(0o500);
    });
    expect(code).toBe(3);
    expect(err).toMatch(/may not be written \(EACCES\)/);
    set(0o700);
    const checkpoints = path.join(run, "checkpoints");
    const saved = readdirSync(checkpoints);
    for (const name of saved) chmodSync(path.join(checkpoints, name), 0);
    const resumed = await launch(["train", "--resume", run], identity).ended;
    expect(resumed.code).toBe(3);
    expect(resumed.err).toMatch(/safetensors may not be used \(EACCES\)/);
    expect(readdirSync(checkpoints)).toEqual(saved);
  });

  it("if its folder is moved away", async () => {
    const { code, err } = await ends("moved", (folder) => renameSync(folder, `${folder}-moved`));
    expect(code).toBe(3);
    expect(err).toMatch(/\.csv was removed while the run was writing it/);
  });

  it("if its lock cannot be read", async () => {
    const { code, err } = await ends("lock", (folder) => {
      rmSync(path.join(folder, ".lock"));
      mkdirSync(path.join(folder, ".lock"));
    });
    expect(code).toBe(2);
    expect(err).toMatch(/\.lock is a folder where a file is expected/);
  });
});
