/** @file The page's modules and everything they import, found by following the imports; no other file is served. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { documentOf } from "../html/page.js";
import { liveStyle } from "../style.js";
import type { Answer } from "./answers.js";

export interface Assets {
  /** By path of the URL. */
  readonly files: ReadonlyMap<string, Answer>;
  /** The import map is part of the page, so the content policy has to allow it besides the files. */
  readonly scriptHash: string;
}

/** The folder of the compiled files. */
const compiled = fileURLToPath(new URL("../../../", import.meta.url));
const entry = fileURLToPath(new URL("./page/main.js", import.meta.url));

const IMPORT = /(?<!["'])(?:\bfrom\s*|\bimport\s*)["']([^"']+)["']/g;

function urlOf(file: string): string {
  const inPackage = file.split(`${path.sep}node_modules${path.sep}`).at(-1);
  const isOurs = file.startsWith(compiled) && !file.slice(compiled.length).includes("node_modules");
  const place = isOurs ? `app/${path.relative(compiled, file)}` : `modules/${inPackage}`;
  return `/${place.split(path.sep).join("/")}`;
}

const text = (type: string, body: string): Answer => ({ type: `${type}; charset=utf-8`, body: Buffer.from(body) });

export async function loadAssets(): Promise<Assets> {
  const files = new Map<string, Answer>();
  /** Where the names of packages lead. */
  const imports: Record<string, string> = {};
  const queue = [entry];
  for (const file of queue) {
    if (files.has(urlOf(file))) continue;
    const source = await readFile(file, "utf8");
    files.set(urlOf(file), text("text/javascript", source));
    for (const [, name = ""] of source.matchAll(IMPORT)) {
      const isRelative = name.startsWith(".");
      const found = isRelative ? path.resolve(path.dirname(file), name) : fileURLToPath(import.meta.resolve(name));
      if (!isRelative) imports[name] = urlOf(found);
      queue.push(found);
    }
  }
  const map = JSON.stringify({ imports }).replaceAll("<", "\\u003c");
  files.set("/", text("text/html", pageOf(map, [...files.keys()])));
  files.set("/style.css", text("text/css", liveStyle()));
  return { files, scriptHash: `'sha256-${createHash("sha256").update(map).digest("base64")}'` };
}

const WITHOUT_SCRIPTS =
  "This page draws with its own scripts; none is fetched from elsewhere. Without scripts, use rls3 report, which writes a page that needs none.";

const pageOf = (map: string, modules: readonly string[]): string =>
  documentOf(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>RLS3</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/style.css" />
        {/* JSON of addresses, without a "<". */}
        <script type="importmap" dangerouslySetInnerHTML={{ __html: map }} />
        {modules.map((url) => (
          <link rel="modulepreload" href={url} />
        ))}
        <script type="module" src={urlOf(entry)} />
      </head>
      <body class="live">
        <noscript>
          <p>{WITHOUT_SCRIPTS}</p>
        </noscript>
        <div id="app" />
      </body>
    </html>,
  );
