/** @file The shell of every report page: head, headline, list of sections, footer. No scripts, and its own policy forbids them. */

import path from "node:path";
import { writeDurably } from "../../files/durable-file.js";
import type { Description } from "../../run-format/summary.js";
import { describe } from "./configuration.js";
import { html, type Markup } from "./markup.js";
import { STYLE } from "./style.js";

export interface Page {
  /** What the page is about; .ci/check-report.mjs looks for the sections of its kind. */
  readonly kind: "runs" | "sweep";
  readonly kicker: string;
  /** The headline, without its full stop. */
  readonly title: string;
  readonly header: Markup;
  /** Null: there is nothing to show. */
  readonly sections: readonly (readonly [id: string, name: string, content: Markup | null])[];
  readonly commit: string;
  readonly machine: Description;
}

/** Pure: equal pages give equal bytes. */
export function pageOf({ kind, kicker, title, header, sections, commit, machine }: Page): string {
  const shown = sections.filter(([, , content]) => content !== null);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="rls3 report"><link rel="icon" href="data:,">
<title>${title} – RLS3</title><style>${STYLE}</style></head>
<body data-report="${kind}"><header><p class="kicker">${kicker}</p><h1>${title}.</h1>${header}
<nav aria-label="Sections"><ul>${shown.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav></header>
<main>${shown.map(([, , content]) => content)}</main>
<footer>Made by <code>rls3 report</code> from this folder's files, at commit ${commit}, on ${describe(machine)}.</footer></body></html>
`.text;
}

/** report.html in a folder, whole or not at all. */
export function writePage(folder: string, page: string): void {
  const file = path.join(folder, "report.html");
  writeDurably(file, page);
}
