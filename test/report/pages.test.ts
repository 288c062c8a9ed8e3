/** @file report.html in headless Chromium: nothing that axe-core objects to, and what is drawn is what its tables say. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderReport } from "../../trainer/report/html/report.js";
import { writeSweepReport } from "../../trainer/report/html/sweep.js";
import { accessibilityProblems, findChromium, type OpenBrowser, openBrowser } from "./dashboard/browser.js";
import { FIXTURE_ARMS, writeComparison, writeRun } from "./fixture.js";
import { gridCells, noise, writeSweep } from "./sweep-fixture.js";

const chromium = findChromium();
const PATIENCE = 120_000;
const VIEWS = [
  { width: 1280, colorScheme: "light" },
  { width: 390, colorScheme: "dark" },
] as const;

describe.skipIf(chromium === undefined && process.env["CI"] !== "true")(
  chromium === undefined ? "report.html (skipped: no Chromium in /usr/bin or on PATH)" : "report.html",
  () => {
    let folder: string;
    let opened: OpenBrowser;

    beforeAll(async () => {
      if (chromium === undefined) throw new Error("no Chromium in /usr/bin or on PATH: apt-get install chromium");
      folder = await mkdtemp(path.join(tmpdir(), "rls3-pages-"));
      await writeComparison(path.join(folder, "comparison"), { seeds: 3, iterations: 6 });
      await renderReport(path.join(folder, "comparison"));
      const [arm] = FIXTURE_ARMS;
      if (arm === undefined) throw new Error("the fixture has no arm");
      await writeRun(path.join(folder, "run"), arm, 4, 5);
      await renderReport(path.join(folder, "run"));
      await writeSweep(path.join(folder, "sweep"), {
        varied: ["extrinsicWeight", "samplingRate"],
        cells: gridCells([1, 10], [0.25, 0.5], [1000, 1001, 1002]),
        speed: (cell) => 0.3 + 0.02 * Number(cell.configuration["extrinsicWeight"]) + noise(cell),
      });
      await writeSweepReport(path.join(folder, "sweep"));
      opened = await openBrowser(chromium);
    }, PATIENCE);
    afterAll(async () => {
      await opened?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    async function visit(name: string, view: (typeof VIEWS)[number], check: (page: Page) => Promise<void>) {
      const { width, colorScheme } = view;
      // The page's own policy forbids scripts, and so axe-core too.
      const context = await opened.browser.newContext({
        bypassCSP: true,
        viewport: { width, height: 900 },
        colorScheme,
      });
      try {
        const page = await context.newPage();
        await page.goto(pathToFileURL(path.join(folder, name, "report.html")).href);
        await check(page);
      } finally {
        await context.close();
      }
    }

    it.each(["comparison", "run", "sweep"].flatMap((name) => VIEWS.map((view) => ({ name, ...view }))))(
      "of a $name has nothing that axe-core objects to, at $width px, $colorScheme",
      async ({ name, ...view }) => {
        await visit(name, view, async (page) => {
          await page.evaluate(() => {
            for (const each of globalThis.document.querySelectorAll("details")) each.open = true;
          });
          expect(await accessibilityProblems(page)).toEqual([]);
        });
      },
      PATIENCE,
    );

    it.each(["comparison", "run", "sweep"])(
      "of a %s draws what its tables say",
      async (name) => {
        await visit(name, VIEWS[0], async (page) => {
          const charts = await page.evaluate(readLines);
          expect(charts.length).toBeGreaterThan(3);
          for (const { title, drawn, written } of charts) {
            expect(drawn.length, title).toBeGreaterThan(0);
            for (const { line, y } of drawn) {
              const values = written.filter((row) => row.line === line);
              expect(Number(values.at(-1)?.y), `${title}: ${line}, data`).toBeCloseTo(y.data, 2);
              expect(y.seen, `${title}: ${line}, seen`).toBeCloseTo(y.data, 2);
            }
          }
        });
      },
      PATIENCE,
    );

    it.each([
      ["comparison", 1, 0],
      ["run", 1, 0],
      ["sweep", 10, 1],
    ])(
      "of a %s draws in dots and heat maps what its tables say",
      async (name, dotCharts, heatMaps) => {
        await visit(name, VIEWS[0], async (page) => {
          const charts = await page.evaluate(readValues);
          expect(charts.filter(({ kind }) => kind === "dots").length).toBe(dotCharts);
          expect(charts.filter(({ kind }) => kind === "heat map").length).toBe(heatMaps);
          for (const { title, marks, written } of charts) {
            expect(marks.map(({ data }) => data).length, title).toBe(written.length);
            for (const [i, { data, seen }] of marks.entries()) {
              const value = written[i] ?? Number.NaN;
              // Tables have a tenth of a percent, or a hundredth of a point.
              expect(Math.abs(data - value), `${title}, value ${i}: ${data} and ${value}`).toBeLessThan(0.000501);
              expect(Math.abs(seen - value), `${title}, value ${i} as drawn: ${seen} and ${value}`).toBeLessThan(
                0.0015,
              );
            }
          }
        });
      },
      PATIENCE,
    );
  },
);

interface DrawnValues {
  readonly kind: "dots" | "heat map";
  readonly title: string;
  /** As a mark says, and as it is read off the axis or stands in the cell. */
  readonly marks: readonly { readonly data: number; readonly seen: number }[];
  /** In the same order. */
  readonly written: readonly number[];
}

/** Runs in the page. */
function readValues(): DrawnValues[] {
  const { document } = globalThis;
  /** Of a cell, without its interval. "+3.70" points are a share of .037. */
  const numberOf = (node: Element | null | undefined, ofPoints = false): number => {
    const text = node?.firstChild?.textContent ?? "";
    const value = Number.parseFloat(text.replace("−", "-").replace("±", ""));
    return ofPoints || text.includes("%") ? value / 100 : value;
  };
  const rowsOf = (table: Element | null | undefined): Element[] => [...(table?.querySelectorAll("tbody tr") ?? [])];
  const tables = [...document.querySelectorAll("section.scroll")];
  return [...document.querySelectorAll("figure.chart")].flatMap((figure): DrawnValues[] => {
    const title = figure.querySelector("svg[role=img]")?.getAttribute("aria-label") ?? "";
    const heat = [...figure.querySelectorAll("rect.heat, rect.hole")];
    if (heat.length > 0) {
      const texts = [...figure.querySelectorAll("rect + text")];
      const marks = heat.map((cell, i) => ({
        data: Number(cell.getAttribute("data-value")),
        seen: numberOf(texts[i]),
      }));
      const written = rowsOf(figure).flatMap((row) => [...row.querySelectorAll("td")].map((cell) => numberOf(cell)));
      return [{ kind: "heat map", title, marks, written }];
    }
    const dots = [...figure.querySelectorAll("g[data-dot] circle.dot")];
    if (dots.length === 0) return [];
    const ticks = [...figure.querySelectorAll(".axis text:not(.label)")];
    const isPoints = ticks.every((tick) => !tick.textContent?.includes("%"));
    const [low, high] = [ticks[0], ticks.at(-1)].map((tick) => ({
      x: Number(tick?.getAttribute("x")),
      value: numberOf(tick, isPoints),
    }));
    if (low === undefined || high === undefined) return [];
    const valueAt = (x: number): number => low.value + ((x - low.x) / (high.x - low.x)) * (high.value - low.value);
    const marks = dots.map((dot) => ({
      data: Number(dot.getAttribute("data-value")),
      seen: valueAt(Number(dot.getAttribute("cx"))),
    }));
    const [own] = figure.querySelectorAll("section.scroll");
    const isTerms = figure.parentElement?.className === "split";
    const named = tables.find((table) =>
      title.startsWith((table.getAttribute("aria-label") ?? "-").split("; ")[0] ?? ""),
    );
    const table = own ?? (isTerms ? figure.parentElement?.querySelector("section.scroll") : named);
    const column = isTerms ? 1 : 0;
    const written = rowsOf(table).map((row) => numberOf(row.querySelectorAll("td")[column], isPoints));
    return [{ kind: "dots", title, marks, written }];
  });
}

interface DrawnLines {
  readonly title: string;
  /** The end of each line: as its mark says, and as it is read off the axis. */
  readonly drawn: readonly { readonly line: string; readonly y: { readonly data: number; readonly seen: number } }[];
  readonly written: readonly { readonly line: string; readonly y: number }[];
}

/** Runs in the page. */
function readLines(): DrawnLines[] {
  const { document } = globalThis;
  const numberOf = (text: string | null | undefined): number => {
    const value = Number.parseFloat((text ?? "").replaceAll(",", "").replace("−", "-"));
    return (text ?? "").includes("%") ? value / 100 : value;
  };
  return [...document.querySelectorAll("figure.chart")].flatMap((figure) => {
    const lines = [...figure.querySelectorAll("g[data-line]")];
    if (lines.length === 0) return [];
    const ticks = [...figure.querySelectorAll(".axis text[text-anchor=end]")].map((text) => ({
      y: Number(text.getAttribute("y")) - 4,
      value: numberOf(text.textContent),
    }));
    const [low, high] = [ticks[0], ticks.at(-1)];
    if (low === undefined || high === undefined) return [];
    const valueAt = (y: number): number => low.value + ((y - low.y) / (high.y - low.y)) * (high.value - low.value);
    return [
      {
        title: figure.querySelector("svg[role=img]")?.getAttribute("aria-label") ?? "",
        drawn: lines.map((line) => {
          const dot = line.querySelector("circle.dot");
          const end = line.querySelector("path.line")?.getAttribute("d")?.split(/[ML]/).at(-1)?.split(",")[1];
          return {
            line: line.getAttribute("data-line") ?? "",
            y: { data: Number(dot?.getAttribute("data-y")), seen: valueAt(Number(end)) },
          };
        }),
        written: [...figure.querySelectorAll("tbody tr")].map((row) => ({
          line: row.querySelector("th")?.textContent ?? "",
          y: numberOf(row.querySelectorAll("td")[1]?.textContent),
        })),
      },
    ];
  });
}
