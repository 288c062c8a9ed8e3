// Opens report.html files in headless Chromium and checks that they draw: node .ci/check-report.mjs FILE… [--screenshots FOLDER]
// Fails on console errors, on any request, on a missing section or an empty drawing, and on sideways scrolling at 400 px.
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

/** By the page's kind. */
const SECTIONS = {
  runs: ["curves", "iterations", "signatures", "configuration"],
  sweep: ["plan", "effects", "cells", "configuration"],
};
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
// Chromium asks Google's hosts for updates unless told not to; nothing here may leave the machine.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findChromium() {
  const named = process.env.CHROMIUM;
  if (named) return isExecutable(named) ? named : undefined;
  const folders = ["/usr/bin", ...(process.env.PATH ?? "").split(path.delimiter)];
  return folders.flatMap((folder) => NAMES.map((name) => path.join(folder, name))).find(isExecutable);
}

/** Runs in the page; returns what is wrong with it as drawn. */
function inspect(sectionsByKind) {
  const problems = [];
  const kind = document.body.dataset.report;
  const sections = sectionsByKind[kind] ?? [];
  if (sections.length === 0) problems.push(`is a page about "${kind}", which is not known here`);
  const visible = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0;
  };
  if (!document.querySelector("h1")?.textContent.trim()) problems.push("no headline");
  for (const id of sections) {
    const section = document.getElementById(id);
    if (section === null) problems.push(`no section "${id}"`);
    else if (!visible(section)) problems.push(`section "${id}" takes no space`);
  }
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    if (document.querySelector(link.getAttribute("href")) === null)
      problems.push(`${link.getAttribute("href")} leads nowhere`);
  }
  const drawings = [...document.querySelectorAll('svg[role="img"]')];
  if (drawings.length < 2) problems.push(`${drawings.length} drawings, at least 2 expected`);
  for (const drawing of drawings) {
    const title = drawing.getAttribute("aria-label") ?? drawing.querySelector("title")?.textContent;
    if (!title) problems.push("a drawing has no title");
    if (!visible(drawing)) problems.push(`drawing "${title}" has an empty box`);
    const shapes = [...drawing.querySelectorAll("path, rect, circle")];
    if (!shapes.some((shape) => ["width", "height"].some((side) => shape.getBBox()[side] > 0))) {
      problems.push(`drawing "${title}" shows nothing`);
    }
    for (const shape of shapes) {
      for (const name of ["d", "x", "y", "cx", "cy", "width", "height"]) {
        if (/NaN|undefined|Infinity/.test(shape.getAttribute(name) ?? ""))
          problems.push(`drawing "${title}": ${name} is not a number`);
      }
    }
  }
  for (const image of document.images) {
    if (!image.complete || image.naturalWidth === 0) problems.push(`picture "${image.alt}" does not load`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) problems.push(`id "${id}" is used twice`);
  if (/\b(NaN|undefined|\[object Object\])/.test(document.body.textContent))
    problems.push("the text holds NaN, undefined or an object");
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth)
    problems.push(`scrolls sideways: ${root.scrollWidth} px wide in ${root.clientWidth}`);
  return { problems, drawings: drawings.length, images: document.images.length };
}

async function check(browser, file, { width, colorScheme, screenshots }) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  const problems = [];
  const url = pathToFileURL(path.resolve(file)).href;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`error in the page: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) problems.push(`asks for ${request.url()}`);
  });
  await page.goto(url, { waitUntil: "load" });
  const seen = await page.evaluate(inspect, SECTIONS);
  if (screenshots !== undefined) {
    const name = `${path.basename(path.dirname(path.resolve(file)))}-${width}-${colorScheme}.png`;
    await page.screenshot({ path: path.join(screenshots, name), fullPage: true });
  }
  await context.close();
  return { ...seen, problems: [...problems, ...seen.problems] };
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { screenshots: { type: "string" } } });
if (positionals.length === 0) {
  console.error("name the report.html files to check");
  process.exit(2);
}
const missing = positionals.find((file) => !existsSync(file));
if (missing !== undefined) {
  console.error(`${missing} does not exist: run the command that writes it first`);
  process.exit(2);
}
const executablePath = findChromium();
if (executablePath === undefined) {
  console.error(
    "no Chromium found in /usr/bin or on PATH: install it (Debian: apt-get install chromium) or name it in CHROMIUM",
  );
  process.exit(3);
}
if (values.screenshots !== undefined) mkdirSync(values.screenshots, { recursive: true });

const profile = mkdtempSync(path.join(tmpdir(), "rls3-chromium-"));
const browser = await chromium.launch({
  executablePath,
  args: FLAGS,
  headless: true,
  env: { ...process.env, HOME: profile },
});
let failed = false;
try {
  for (const file of positionals) {
    for (const [width, colorScheme] of [
      [1280, "light"],
      [400, "dark"],
    ]) {
      const { problems, drawings, images } = await check(browser, file, {
        width,
        colorScheme,
        screenshots: values.screenshots,
      });
      const outcome = problems.length === 0 ? "draws" : "FAILS";
      console.log(`${file} at ${width} px, ${colorScheme}: ${outcome}, ${drawings} drawings, ${images} pictures`);
      for (const problem of problems) console.log(`  ${problem}`);
      failed ||= problems.length > 0;
    }
  }
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
