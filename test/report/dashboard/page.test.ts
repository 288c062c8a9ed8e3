/** @file The live page in headless Chromium, with 200 runs in the folder: drawn, used by keyboard, read by a screen reader, live. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderReport } from "../../../trainer/report/html/report.js";
import { FIXTURE_ARMS, writeRun } from "../fixture.js";
import { accessibilityProblems, complaintsOf, findChromium, type OpenBrowser, openBrowser } from "./browser.js";
import { type OpenDashboard, openDashboard } from "./process.js";
import { RunningRun, writeRunsFolder } from "./runs-folder.js";

const chromium = findChromium();
const RUNS = 200;
/** Milliseconds for what takes a browser ten pages, or the disk 200 runs, on a machine that has other things to do. */
const PATIENCE = 180_000;
/** Milliseconds that the page waits for each answer more than it has to: a check that does not wait for it fails always, not on a busy machine alone. */
const LATE = 500;
const COMPARISON = ["rls3", "random"].map((arm) => `compare-1/runs/${arm}-1000`);
const chosen = (...ids: readonly string[]): string => ids.map((id) => `run=${encodeURIComponent(id)}`).join("&");

describe.skipIf(chromium === undefined && process.env["CI"] !== "true")(
  chromium === undefined ? "the live page (skipped: no Chromium in /usr/bin or on PATH)" : "the live page",
  () => {
    let folder: string;
    let running: readonly RunningRun[];
    let dashboard: OpenDashboard;
    let opened: OpenBrowser;

    beforeAll(async () => {
      if (chromium === undefined) throw new Error("no Chromium in /usr/bin or on PATH: apt-get install chromium");
      folder = await mkdtemp(path.join(tmpdir(), "rls3-page-"));
      running = await writeRunsFolder(folder, { runs: RUNS });
      dashboard = await openDashboard(folder, "--port", "0");
      opened = await openBrowser(chromium);
    }, PATIENCE);
    afterAll(async () => {
      await opened?.[Symbol.asyncDispose]();
      await dashboard?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    /** Opens the page, runs the check, and holds the page to what no page may do. */
    async function visit(
      hash: string,
      check: (page: Page) => Promise<void>,
      { width = 1280, colorScheme = "light" as "light" | "dark" } = {},
    ): Promise<void> {
      const context = await opened.browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      try {
        const page = await context.newPage();
        page.setDefaultTimeout(15_000);
        const complaints = complaintsOf(page, new URL(dashboard.url).origin);
        await page.route(/\/api\/v1\/(?!events)/, async (route) => {
          await setTimeout(LATE);
          await route.continue();
        });
        await page.goto(`${dashboard.url}#${hash}`);
        await page.locator(".connection.live").waitFor();
        await check(page);
        expect(complaints).toEqual([]);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow, "scrolls sideways").toBe(0);
      } finally {
        await context.close();
      }
    }

    /** Paths of lines in a chart, none of them with anything that is no number. */
    async function linesOf(page: Page, title: string): Promise<string[]> {
      const chart = page.locator("figure.chart", { has: page.getByRole("heading", { name: title, exact: true }) });
      await chart.locator("g[data-line] path.line").first().waitFor({ state: "attached" });
      const lines = await chart
        .locator("g[data-line] path.line")
        .evaluateAll((paths) => paths.map((each) => each.getAttribute("d") ?? ""));
      expect(lines.join("")).not.toMatch(/NaN|undefined|Infinity/);
      return lines;
    }

    it("lists all runs, and shows what was written last before anything is chosen", async () => {
      await visit("", async (page) => {
        await page.getByText(`${RUNS} of ${RUNS} runs, 1 chosen`).waitFor();
        expect(await page.title()).toContain(path.basename(folder));
        expect((await linesOf(page, "Balanced test set, one term flipped"))[0]).toMatch(/^M/);
        expect(await page.locator("aside .runs input[type=checkbox]:checked").count()).toBe(1);
      });
    });

    it.each([
      { width: 1280, colorScheme: "light" },
      { width: 400, colorScheme: "dark" },
    ] as const)(
      "has nothing in any view that axe-core objects to, at $width px, $colorScheme",
      async (options) => {
        for (const view of ["curves", "terms", "map", "gallery", "settings"]) {
          await visit(
            `view=${view}&${chosen(...COMPARISON)}`,
            async (page) => {
              await page
                .locator("main path.line, main figure rect, main td, main .gallery li")
                .first()
                .waitFor({ state: "attached" });
              await expect.poll(() => page.locator("main [aria-busy=true]").count()).toBe(0);
              const all = page.getByLabel("All settings");
              if ((await all.count()) > 0) await all.check();
              const aside = page.getByRole("button", { name: /^Runs \(/ });
              if (await aside.isVisible()) await aside.click();
              const details = page.locator("main details summary").first();
              if ((await details.count()) > 0) await details.click();
              expect(await accessibilityProblems(page)).toEqual([]);
            },
            options,
          );
        }
      },
      PATIENCE,
    );

    it("finds, chooses and compares runs by keyboard alone", async () => {
      await visit("run=", async (page) => {
        await page.getByText("Choose runs in the list to see them here.").waitFor();
        await page.keyboard.press("Tab");
        await expectFocus(page, "To what is chosen");
        await page.keyboard.press("Tab");
        await page.keyboard.type("compare-1/ 1000");
        await page.getByText(`2 of ${RUNS} runs, 0 chosen`).waitFor();
        for (const name of ["rls3-1000", "random-1000"]) {
          const box = page.getByRole("checkbox", { name });
          for (let i = 0; i < 12 && !(await box.evaluate((element) => element === document.activeElement)); i++) {
            await page.keyboard.press("Tab");
          }
          await page.keyboard.press("Space");
          expect(await box.isChecked()).toBe(true);
        }
        const lines = async () => new Set(await linesOf(page, "Balanced test set, one term flipped")).size;
        await expect.poll(lines).toBe(2);
        expect(await page.locator("main .key .legend li").allTextContents()).toEqual([
          "RLS3, seed 1000",
          "random sampling, seed 1000",
        ]);
        const settings = page.getByRole("navigation", { name: "Views" }).getByRole("button", { name: "Settings" });
        await settings.focus();
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "Settings that differ" }).waitFor();
        await page.getByRole("row", { name: "agent rls3 random" }).waitFor();
        await page.goBack();
        await page.getByRole("heading", { name: "Accuracy" }).waitFor();
      });
    });

    it("puts the seeds of an arm together, or draws each", async () => {
      const seeds = [1000, 1001, 1002, 1003, 1004];
      const ids = ["rls3", "random"].flatMap((arm) => seeds.map((seed) => `compare-1/runs/${arm}-${seed}`));
      await visit(chosen(...ids), async (page) => {
        await expect.poll(() => linesOf(page, "Valid placements")).toHaveLength(2);
        await page.getByText("RLS3 has higher one-term accuracy than random sampling").waitFor();
        await page.getByLabel("Mean over seeds").uncheck();
        await page.locator("main .key .legend li").nth(9).waitFor();
        await expect.poll(() => linesOf(page, "Valid placements")).toHaveLength(10);
      });
    });

    it("smooths and zooms all curves, and saves one as CSV and PNG", async () => {
      await visit(chosen(...COMPARISON), async (page) => {
        const title = "Balanced test set, one term flipped";
        const whole = await linesOf(page, title);
        await page.getByLabel("Smoothing").fill("0.8");
        await expect.poll(() => linesOf(page, title)).not.toEqual(whole);
        await page.getByLabel("Smoothing").fill("0");
        await expect.poll(() => linesOf(page, title)).toEqual(whole);
        const plot = page.locator("figure.chart .plot").first();
        const box = await plot.boundingBox();
        if (box === null) throw new Error("the chart is not seen");
        await page.mouse.move(box.x + box.width / 2, box.y + 60);
        await page.mouse.down();
        await page.mouse.move(box.x + box.width - 40, box.y + 60, { steps: 4 });
        await page.mouse.up();
        await page.getByRole("button", { name: "Whole axis" }).waitFor();
        expect(new URL(page.url()).hash).toMatch(/from=\d+&to=\d+/);
        const [zoomed = ""] = await linesOf(page, title);
        expect(zoomed).not.toBe(whole[0]);
        await page.getByRole("button", { name: "Whole axis" }).press("Enter");
        await expect.poll(() => linesOf(page, title)).toEqual(whole);
        await page.getByRole("form", { name: "Part of the axis" }).getByLabel("From").fill("0");
        await page.getByRole("spinbutton", { name: /^to/ }).fill("1000");
        await page.keyboard.press("Enter");
        await expect.poll(() => linesOf(page, title)).not.toEqual(whole);
        expect(await page.evaluate(() => document.activeElement?.localName)).toBe("input");
        await page.getByRole("button", { name: "Whole axis" }).click();
        const save = async (type: string): Promise<Buffer> => {
          const saved = page.waitForEvent("download");
          await page.getByRole("button", { name: `Save ${title} as ${type}` }).click();
          return readFile(await (await saved).path());
        };
        const csv = (await save("CSV")).toString("utf8");
        expect(csv).toMatch(new RegExp(`^line,generated samples,"${title}",low,high\n"RLS3, seed 1000",0,0\\.\\d`));
        const dot = page.locator("figure.chart circle.dot").first();
        const end =
          csv
            .split("\n")
            .filter((line) => line.startsWith('"RLS3'))
            .at(-1)
            ?.split(",") ?? [];
        expect(Number(end[3])).toBeCloseTo(Number(await dot.getAttribute("data-y")), 6);
        const png = sharp(await save("PNG")).removeAlpha();
        const svg = page.locator("figure.chart svg[role=img]").first();
        const [width = 0, height = 0] = ((await svg.getAttribute("viewBox")) ?? "").split(" ").slice(2).map(Number);
        // Twice the size of the drawing, with a margin, the title above it and the key of two lines below.
        const size = { width: 2 * (width + 24), height: 2 * (height + 24 + 3 * 18) };
        expect(await png.metadata()).toMatchObject({ format: "png", ...size });
        const [top, bottom] = [2 * 30, 2 * (30 + height)];
        const parts = { drawing: [top, bottom - top], key: [bottom, size.height - bottom] } as const;
        for (const [part, [from, rows]] of Object.entries(parts)) {
          const region = png.clone().extract({ left: 0, top: from, width: size.width, height: rows });
          const pixels = await region.raw().toBuffer();
          const colours = await svg
            .locator("path.line")
            .evaluateAll((paths) => paths.map((each) => getComputedStyle(each).stroke));
          expect(colours).toHaveLength(2);
          for (const colour of colours) {
            const wanted = (colour.match(/\d+/g) ?? []).map(Number);
            let found = 0;
            for (let i = 0; i < pixels.length; i += 3) {
              if (wanted.every((value, channel) => Math.abs(value - (pixels[i + channel] ?? 0)) < 12)) found += 1;
            }
            expect(found, `${colour} in the ${part}`).toBeGreaterThan(60);
          }
        }
      });
    });

    it("draws at the end of each curve what report.html draws there", async () => {
      const copy = await mkdtemp(path.join(tmpdir(), "rls3-page-report-"));
      try {
        await cp(path.join(folder, "compare-1"), copy, { recursive: true });
        await renderReport(copy);
        const reported = new Map<string, number[]>();
        for (const figure of (await readFile(path.join(copy, "report.html"), "utf8")).split('<figure class="chart">')) {
          const [, title = ""] = /aria-label="([^"]+?, over [\w ]+):/.exec(figure) ?? [];
          const ends = [...(figure.split("</figure>")[0]?.matchAll(/data-x="([^"]+)" data-y="([^"]+)"/g) ?? [])];
          if (title !== "")
            reported.set(
              title,
              ends.flatMap(([, x, y]) => [Number(x), Number(y)]),
            );
        }
        const ids = ["rls3", "random"].flatMap((arm) =>
          [1000, 1001, 1002, 1003, 1004].map((seed) => `compare-1/runs/${arm}-${seed}`),
        );
        const seen = new Set<string>();
        for (const axis of ["generated", "valid", "iteration"]) {
          await visit(`axis=${axis}&${chosen(...ids)}`, async (page) => {
            const charts = page.locator("figure.chart svg[role=img]");
            await expect.poll(() => linesOf(page, "Valid placements")).toHaveLength(2);
            for (const chart of await charts.all()) {
              const [, title = ""] = /^(.+?, over [\w ]+):/.exec((await chart.getAttribute("aria-label")) ?? "") ?? [];
              const ends = reported.get(title);
              if (ends === undefined) continue;
              seen.add(title);
              const drawn = await chart
                .locator("g[data-line] > circle.dot")
                .evaluateAll((dots) =>
                  dots.flatMap((dot) => ["data-x", "data-y"].map((name) => dot.getAttribute(name))),
                );
              expect(drawn.map(Number), title).toEqual(ends);
            }
          });
        }
        expect([...seen].sort()).toEqual([...reported.keys()].sort());
        expect(seen.size).toBeGreaterThan(15);
      } finally {
        await rm(copy, { recursive: true });
      }
    });

    it("knows the cells of a sweep by their settings", async () => {
      await visit("run=", async (page) => {
        await page.locator("summary", { hasText: "sweep-beta-eta" }).click();
        await page
          .locator("details.group", { hasText: "sweep-beta-eta" })
          .getByLabel(/^All \d+$/)
          .check();
        await page.getByText("extrinsicWeight 10, samplingRate 0.25 (7 seeds)").first().waitFor();
        await expect.poll(() => linesOf(page, "Balanced test set, one term flipped")).toHaveLength(12);
      });
    });

    it("shows accuracy and pairs term by term, at any iteration", async () => {
      await visit(`view=terms&${chosen(...COMPARISON)}`, async (page) => {
        const table = page.getByRole("region", { name: /accuracy before and after/ });
        await table.getByRole("row", { name: /%/ }).nth(11).waitFor();
        expect(await table.getByRole("rowheader", { name: /^in front / }).count()).toBe(2);
        const above = table.getByRole("row", { name: /^above RLS3/ });
        const now = await above.textContent();
        await page.getByRole("slider").focus();
        await page.keyboard.press("Home");
        await page.getByText("After iteration 0", { exact: true }).waitFor();
        expect(await above.textContent()).toContain("±0.0");
        await page.keyboard.press("End");
        expect(await above.textContent()).toBe(now);
      });
    });

    it("maps placements and failures, by object and surface, with their numbers", async () => {
      await visit(`view=map&${chosen(...COMPARISON)}`, async (page) => {
        const map = page.getByRole("img", { name: /^Bedroom from above: \d+ placements/ }).first();
        await map.waitFor();
        expect(await map.locator("path.cell").count()).toBeGreaterThan(1);
        const placed = async () => Number(/: (\d+) placements/.exec((await map.getAttribute("aria-label")) ?? "")?.[1]);
        const all = await placed();
        await page.getByLabel("Put on").selectOption("furniture");
        await expect.poll(placed).toBeLessThan(all);
        await page.getByLabel("share of captions answered wrong").check();
        await page.getByRole("heading", { name: "Where the model answered wrong" }).waitFor();
        await page.getByText("Numbers by scene").first().click();
        await page.getByRole("columnheader", { name: "answered wrong" }).waitFor();
      });
    });

    it("filters its gallery by keyboard, and says how many it found", async () => {
      await visit(`view=gallery&${chosen(...COMPARISON)}`, async (page) => {
        const said = page.locator(".found-samples");
        await expect.poll(() => said.textContent()).toBe("56 of 560 samples (with a picture)");
        const picture = page.locator(".gallery img").first();
        await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(16);
        expect(await picture.getAttribute("alt")).toContain("behind and to the left of the <plate>");
        await page.getByLabel("Scene").focus();
        await page.keyboard.type("kitchen");
        await expect.poll(() => said.textContent()).not.toContain("56 of");
        await page.getByLabel("With a picture").press("Space");
        await page.getByLabel("Score").first().fill("4.5");
        await expect.poll(() => page.locator(".gallery li").first().textContent()).toMatch(/S (4\.[5-9]|5\.0)/);
        await page
          .getByRole("img", { name: /^From above: Kitchen/ })
          .first()
          .waitFor();
        await page.getByLabel("Term").focus();
        await page.keyboard.type("right");
        await expect
          .poll(() => page.locator(".gallery li").first().textContent())
          .toContain("to the right of the bird");
        await page.getByRole("button", { name: "Reset" }).press("Enter");
        await expect.poll(() => said.textContent()).toBe("56 of 560 samples (with a picture)");
      });
    });

    it("goes on while a run is written, and says so to those who listen", async () => {
      const [run] = running;
      if (run === undefined) throw new Error("no run is running");
      const id = path.basename(run.folder);
      await visit(chosen(id), async (page) => {
        const [before = ""] = await linesOf(page, "Balanced test set, one term flipped");
        await page.getByRole("searchbox").fill("train");
        await page.getByRole("searchbox").focus();
        await run.iterate();
        await page.locator("main [role=status]", { hasText: `${id} is at iteration 4` }).waitFor({ state: "attached" });
        await expect.poll(async () => (await linesOf(page, "Balanced test set, one term flipped"))[0]).not.toBe(before);
        await expectFocus(page, null);
        expect(await page.getByRole("searchbox").inputValue()).toBe("train");
      });
    });

    it("shows a comparison that is running, and takes in the runs that join it", async () => {
      const compare = path.join(folder, "compare-now");
      const [rls3, random] = FIXTURE_ARMS.map(
        (arm) => new RunningRun(path.join(compare, "runs", `${arm.name}-3`), arm),
      );
      try {
        await rls3?.start(2);
        await visit("", async (page) => {
          await page.getByText(/ runs, 1 chosen/).waitFor();
          await random?.start(1);
          await page.getByText(/ runs, 2 chosen/).waitFor();
          await page.locator("main .key .legend li").nth(1).waitFor();
          await expect.poll(() => linesOf(page, "Balanced test set, one term flipped")).toHaveLength(2);
        });
      } finally {
        await rm(compare, { recursive: true });
      }
    });

    it("renames a line when its run's configuration says something else, though no row came", async () => {
      const sweep = path.join(folder, "sweep-now");
      const [arm] = FIXTURE_ARMS;
      if (arm === undefined) throw new Error("the fixture has no arm");
      try {
        const cell = path.join(sweep, "cells", "beta1-3");
        await writeRun(cell, arm, 3, 2, 0);
        await visit(chosen("sweep-now/cells/beta1-3"), async (page) => {
          const legend = page.locator("main .key .legend");
          await legend.getByText("beta1, seed 3").waitFor();
          await linesOf(page, "Balanced test set, one term flipped");
          const config = path.join(cell, "config.json");
          await writeFile(config, JSON.stringify({ ...JSON.parse(await readFile(config, "utf8")), seed: 4 }));
          await legend.getByText("beta1, seed 4").waitFor();
        });
      } finally {
        await rm(sweep, { recursive: true });
      }
    });

    it("at 400 px has the list behind a button, and everything in one column", async () => {
      await visit(
        `${chosen(...COMPARISON)}`,
        async (page) => {
          const open = page.getByRole("button", { name: `Runs (2 of ${RUNS} chosen)` });
          expect(await page.getByRole("searchbox").isVisible()).toBe(false);
          await open.press("Enter");
          expect(await open.getAttribute("aria-expanded")).toBe("true");
          expect(await page.getByRole("searchbox").isVisible()).toBe(true);
          const widths = await page
            .locator("figure.chart")
            .evaluateAll((charts) => charts.map((chart) => chart.clientWidth));
          expect(Math.min(...widths)).toBeGreaterThan(320);
        },
        { width: 400, colorScheme: "dark" },
      );
    });

    it("does not move where the reader asked for less motion", async () => {
      const context = await opened.browser.newContext({ reducedMotion: "reduce" });
      const page = await context.newPage();
      await page.goto(dashboard.url);
      const mark = page.locator(".state.running span").first();
      await mark.waitFor();
      expect(await mark.evaluate((element) => getComputedStyle(element).animationName)).toBe("none");
      await context.close();
    });
  },
);

/** What has the focus: the text of a button, or null for a field. */
async function expectFocus(page: Page, text: string | null): Promise<void> {
  const focused = await page.evaluate(() =>
    document.activeElement instanceof HTMLInputElement ? null : (document.activeElement?.textContent ?? ""),
  );
  expect(focused).toBe(text);
}
