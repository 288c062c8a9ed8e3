/** @file The page's modules and everything they import, found by following the imports; no other file is served. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { html, Markup } from "../html/markup.js";
import { STYLE } from "../html/style.js";
import { DASHBOARD_STYLE } from "./style.js";

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

export interface Assets {
  /** By path of the URL. */
  readonly files: ReadonlyMap<string, Asset>;
  /** The import map is part of the page, so the content policy has to allow it besides the files. */
  readonly scriptHash: string;
}

/** The folder of the compiled files. */
const compiled = fileURLToPath(new URL("../../../", import.meta.url));
const entry = fileURLToPath(new URL("./page/main.js", import.meta.url));

const IMPORT = /(?<!["'])(?:\bfrom\s*|\bimport\s*)["']([^"']+)["']/g;
const JAVASCRIPT = "text/javascript; charset=utf-8";

interface Module {
  readonly url: string;
  readonly source: string;
}

function urlOf(file: string): string {
  const inPackage = file.split(`${path.sep}node_modules${path.sep}`).at(-1);
  const isOurs = file.startsWith(compiled) && !file.slice(compiled.length).includes("node_modules");
  const place = isOurs ? `app/${path.relative(compiled, file)}` : `modules/${inPackage}`;
  return `/${place.split(path.sep).join("/")}`;
}

/** The page's modules in the order in which they are found, and where the names of packages lead. */
async function followImports(): Promise<{ modules: readonly Module[]; packages: ReadonlyMap<string, string> }> {
  const modules = new Map<string, Module>();
  const packages = new Map<string, string>();
  const queue = [entry];
  for (const file of queue) {
    if (modules.has(file)) continue;
    const source = await readFile(file, "utf8");
    modules.set(file, { url: urlOf(file), source });
    for (const [, name = ""] of source.matchAll(IMPORT)) {
      const isRelative = name.startsWith(".");
      const found = isRelative ? path.resolve(path.dirname(file), name) : fileURLToPath(import.meta.resolve(name));
      if (!isRelative) packages.set(name, urlOf(found));
      queue.push(found);
    }
  }
  return { modules: [...modules.values()], packages };
}

export async function loadAssets(): Promise<Assets> {
  const { modules, packages } = await followImports();
  const files = new Map<string, Asset>();
  for (const { url, source } of modules) files.set(url, { type: JAVASCRIPT, body: Buffer.from(source) });
  files.set("/style.css", {
    type: "text/css; charset=utf-8",
    body: Buffer.from(`${STYLE.text}\n${DASHBOARD_STYLE}`),
  });
  const map = JSON.stringify({ imports: Object.fromEntries(packages) }).replaceAll("<", "\\u003c");
  const scriptHash = `'sha256-${createHash("sha256").update(map).digest("base64")}'`;
  const page = pageOf(
    map,
    modules.map(({ url }) => url),
  );
  files.set("/", { type: "text/html; charset=utf-8", body: Buffer.from(page) });
  return { files, scriptHash };
}

function pageOf(map: string, modules: readonly string[]): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>RLS3</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css">
<script type="importmap">${new Markup(map)}</script>
${modules.map((url) => html`<link rel="modulepreload" href="${url}">`)}
<script type="module" src="${urlOf(entry)}"></script></head>
<body class="live"><noscript><p>This page draws with scripts of its own; none is fetched from elsewhere. Without them, rls3 report writes the same as a page that needs none.</p></noscript><div id="app"></div></body></html>
`.text;
}
