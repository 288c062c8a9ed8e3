import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { showProgress } from "../../trainer/cli/progress.js";

/** Records what is sent to a terminal of 80 columns. */
function terminal(): { readonly stream: NodeJS.WriteStream; text(): string } {
  let text = "";
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString("utf8");
      done();
    },
  });
  const sizes = {
    isTTY: true,
    columns: 80,
    rows: 24,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  };
  return { stream: Object.assign(stream, sizes) as unknown as NodeJS.WriteStream, text: () => text };
}

describe("progress on a terminal", () => {
  it("stays in place when a line is printed meanwhile", () => {
    const { stream, text } = terminal();
    const progress = showProgress(false, stream);
    progress.begin("8 runs", 10, "iterations");
    progress.advance(4);
    progress.say("beta=1-0: iteration 3/14");
    const [, after = ""] = text().split("iteration 3/14\n");
    progress.end();
    expect(after).toContain("4/10");
    expect(after).not.toContain("0/10");
  });
});
