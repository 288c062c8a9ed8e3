import { readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { root } from "../runs/runs.js";
import { loopFigure } from "./loop-figure.js";

it("the README's figure of the loop is what its script draws", async () => {
  const parts = (svg: string): readonly [words: string, picture: string] => {
    const [, picture = ""] = /base64,([^"]*)"/.exec(svg) ?? [];
    return [svg.replace(picture, ""), picture];
  };
  const pixels = (picture: string): Promise<Buffer> =>
    sharp(Buffer.from(picture, "base64")).removeAlpha().raw().toBuffer();
  const [words, picture] = parts(await loopFigure());
  const [committed, before] = parts(readFileSync(path.join(root, "trainer/rls3/loop.svg"), "utf8"));
  expect(words, "node dist/test/rls3/write-loop-figure.js draws it anew").toBe(committed);
  expect(Buffer.compare(await pixels(picture), await pixels(before))).toBe(0);
});
