import { describe, expect, it } from "vitest";
import { exitCodeOf } from "../../trainer/cli/outcome.js";

/** An error of the system, as Node reports it. */
const refused = (code: string, places: { path?: string; dest?: string }): Error =>
  Object.assign(new Error(`${code}: refused`), { code, ...places });

describe("an error of the system gives one line and an exit code, wherever it occurs", () => {
  it.each([
    ["a full disk", refused("ENOSPC", { path: "from", dest: "out/model.safetensors" }), 3, /disk is full: out\/model/],
    ["a folder that may not be written", refused("EROFS", { path: "out/a" }), 3, /^out\/a may not be used \(EROFS\)/],
    ["a folder in place of a file", refused("EISDIR", { path: "weights" }), 2, /^weights is a folder/],
    ["a file in place of a folder", refused("ENOTDIR", { path: "a/b" }), 2, /^a\/b goes through a file/],
  ])("%s", (_what, error, code, message) => {
    const ended = exitCodeOf(error);
    expect(ended.code).toBe(code);
    expect(ended.message).toMatch(message);
    expect(ended.message).not.toContain("\n");
  });

  it("a bug keeps its stack", () => {
    expect(exitCodeOf(new TypeError("undefined is no function")).message).toMatch(/\n\s+at /);
  });
});
