/** @file How the live page does with many runs: node dist/test/report/dashboard/measure.js [RUNS]. Needs Chromium; times are of a machine at rest. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import type { Page } from "playwright-core";
import { findChromium, openBrowser } from "./browser.js";
import { openDashboard } from "./process.js";
import { writeRunsFolder } from "./runs-folder.js";

const REPETITIONS = 5;
const MIB = 1024 * 1024;

const [runs = "200"] = process.argv.slice(2);
const chromium = findChromium();
if (chromium === undefined) {
  process.stderr.write("no Chromium in /usr/bin or on PATH: install it (Debian: apt-get install chromium)\n");
  process.exit(3);
}
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const milliseconds = (values: readonly number[]): string => `${median(values).toFixed(0)} ms`;

/** Resident memory of a process in MiB, and its most; null where the system does not say. */
function memoryOf(pid: number): { now: number; most: number } | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kib = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
    return { now: kib("VmRSS") / 1024, most: kib("VmHWM") / 1024 };
  } catch {
    return null;
  }
}

const firstPaint = (page: Page): Promise<number> =>
  page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);

const folder = await mkdtemp(path.join(tmpdir(), "rls3-measure-"));
try {
  const [growing] = await writeRunsFolder(folder, { runs: Number(runs), samples: 640 });
  if (growing === undefined) throw new Error("no run is running");
  say(
    `${runs} runs on ${cpus()[0]?.model ?? "an unknown processor"}, Node ${process.version}; medians of ${REPETITIONS}`,
  );
  const started = performance.now();
  await using dashboard = await openDashboard(folder, "--port", "0");
  say(`server listens after: ${(performance.now() - started).toFixed(0)} ms`);
  const start = performance.now();
  const index = await (await fetch(`${dashboard.url}api/v1/index`)).arrayBuffer();
  say(
    `first index (all runs read): ${(performance.now() - start).toFixed(0)} ms, ${(index.byteLength / 1024).toFixed(0)} KiB`,
  );
  await using opened = await openBrowser(chromium);
  const [paints, lists, charts, heaps, tells]: number[][] = [[], [], [], [], []];
  for (let i = 0; i < REPETITIONS; i++) {
    const page = await (await opened.browser.newContext()).newPage();
    const opening = performance.now();
    await page.goto(`${dashboard.url}#run=${path.basename(growing.folder)}`);
    await page.locator(".runs li").first().waitFor();
    lists?.push(performance.now() - opening);
    const line = page.locator("figure.chart path.line").first();
    await line.waitFor({ state: "attached" });
    charts?.push(performance.now() - opening);
    paints?.push(await firstPaint(page));
    const before = (await line.getAttribute("d")) ?? "";
    const written = performance.now();
    await growing.iterate();
    await page.waitForFunction(
      (old) => document.querySelector("figure.chart path.line")?.getAttribute("d") !== old,
      before,
    );
    tells?.push(performance.now() - written);
    heaps?.push(
      await page.evaluate(
        () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
      ),
    );
    await page.context().close();
  }
  say(`first contentful paint: ${milliseconds(paints ?? [])}`);
  say(`list of runs there: ${milliseconds(lists ?? [])}; curves of one run there: ${milliseconds(charts ?? [])}`);
  say(`from a row on the disk to its curve: ${milliseconds(tells ?? [])}`);
  say(`the page's heap: ${(median(heaps ?? []) / MIB).toFixed(1)} MiB`);
  const server = memoryOf(dashboard.pid);
  if (server !== null) say(`the server's memory: ${server.now.toFixed(0)} MiB, at most ${server.most.toFixed(0)} MiB`);
} finally {
  await rm(folder, { recursive: true });
}
