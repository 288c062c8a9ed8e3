import { readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { root } from "../runs/runs.js";
import { overview } from "./overview.js";

it("the README's picture is what the renderer draws, and its caption is the third room's", async () => {
  const { captions, png } = await overview();
  const pixels = (image: string | Buffer): Promise<Buffer> => sharp(image).removeAlpha().raw().toBuffer();
  const committed = await pixels(path.join(root, "trainer/rooms/rooms.png"));
  expect(Buffer.compare(await pixels(png), committed), "node dist/test/rooms/write-overview.js draws it anew").toBe(0);
  const quoted = /“(The [^”]*)”/.exec(readFileSync(path.join(root, "README.md"), "utf8"))?.[1];
  expect(captions[2]).toContain(quoted);
});
