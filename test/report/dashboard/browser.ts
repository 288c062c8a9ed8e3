/** @file Headless Chromium for the tests of the live page, with all that it says and asks for. */
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

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

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function findChromium(): string | undefined {
  const named = process.env["CHROMIUM"];
  const folders = ["/usr/bin", ...(process.env["PATH"] ?? "").split(path.delimiter)];
  const places = named === undefined ? folders.flatMap((at) => NAMES.map((name) => path.join(at, name))) : [named];
  return places.find(isExecutable);
}

export interface OpenBrowser extends AsyncDisposable {
  readonly browser: Browser;
}

export async function openBrowser(executablePath: string): Promise<OpenBrowser> {
  const home = mkdtempSync(path.join(tmpdir(), "rls3-chromium-"));
  const browser = await chromium.launch({ executablePath, args: FLAGS, env: { ...process.env, HOME: home } });
  return {
    browser,
    [Symbol.asyncDispose]: async () => {
      await browser.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** What a page should not do: say errors or warnings, fail, or ask another host than its own. Grows as it does. */
export function complaintsOf(page: Page, origin: string): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`error in the page: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "data:") complaints.push(`asks for ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
  });
  return complaints;
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds against WCAG 2.2 AA and its own best practices, a line each. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    interface Found {
      readonly violations: readonly {
        id: string;
        help: string;
        nodes: readonly { target: unknown; failureSummary?: string }[];
      }[];
    }
    const { axe: checker } = globalThis as unknown as {
      axe: { run(where: Document, options: object): Promise<Found> };
    };
    const { violations } = await checker.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, help, nodes }) =>
      nodes
        .slice(0, 4)
        .map(({ target, failureSummary }) => `${id}: ${help}: ${String(target)} ${failureSummary ?? ""}`),
    );
  });
}
