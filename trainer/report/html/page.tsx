/** @file The shell of every report page: head, headline, list of sections, footer. No scripts, and its own policy forbids them. */
import path from "node:path";
import type { ComponentChildren, JSX } from "preact";
import { renderToString } from "preact-render-to-string";
import { writeDurably } from "../../files/durable-file.js";
import type { Description } from "../../run-format/summary.js";
import { describe } from "../format.js";
import { reportStyle } from "../style.js";

export interface Section {
  readonly id: string;
  /** In the list of sections. */
  readonly name: string;
  readonly title: string;
  readonly intro?: string | undefined;
  readonly note?: string | undefined;
  readonly body?: ComponentChildren;
}

/** What a page begins with. */
export interface Header {
  /** The headline, without its full stop. */
  readonly title: string;
  readonly header: ComponentChildren;
}

export interface Page extends Header {
  /** What the page is about; .ci/check-report.mjs looks for the sections of its kind. */
  readonly kind: "runs" | "sweep";
  readonly kicker: string;
  /** Null: there is nothing to show. */
  readonly sections: readonly (Section | null)[];
  readonly commit: string;
  readonly machine: Description;
}

const Chapter = ({ id, title, intro, note, body }: Section) => (
  <section id={id} aria-labelledby={`${id}-title`}>
    <h2 id={`${id}-title`}>{title}</h2>
    {intro !== undefined && <p>{intro}</p>}
    {note !== undefined && <p class="note">{note}</p>}
    {body}
  </section>
);

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/** A whole document. Marks of drawings are closed in one tag, which takes a tenth off a page. */
export const documentOf = (page: JSX.Element): string =>
  `<!doctype html>\n${renderToString(page).replaceAll(/><\/(?:path|circle|rect)>/g, "/>")}\n`;

/** Pure: equal pages give equal bytes. */
export function pageOf({ kind, kicker, title, header, sections, commit, machine }: Page): string {
  const shown = sections.filter((section) => section !== null);
  return documentOf(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content={POLICY} />
        <meta name="generator" content="rls3 report" />
        <link rel="icon" href="data:," />
        <title>{title} – RLS3</title>
        {/* Its quotes are not text to escape. */}
        <style dangerouslySetInnerHTML={{ __html: reportStyle() }} />
      </head>
      <body data-report={kind}>
        <header>
          <p class="kicker">{kicker}</p>
          <h1>{title}.</h1>
          {header}
          <nav aria-label="Sections">
            <ul>
              {shown.map(({ id, name }) => (
                <li>
                  <a href={`#${id}`}>{name}</a>
                </li>
              ))}
            </ul>
          </nav>
        </header>
        <main>{shown.map(Chapter)}</main>
        <footer>
          Made by <code>rls3 report</code> from this folder's files, at commit {commit}, on {describe(machine)}.
        </footer>
      </body>
    </html>,
  );
}

/** report.html in a folder, whole or not at all. */
export const writePage = (folder: string, page: string): void => writeDurably(path.join(folder, "report.html"), page);

export interface Tile {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly text: ComponentChildren;
}

/** The numbers that a page begins with. */
export const Tiles = ({ tiles }: { readonly tiles: readonly Tile[] }) => (
  <ul class="tiles">
    {tiles.map(({ name, value, text }) => (
      <li>
        <span class="name">{name}</span>
        <b>{value}</b>
        {text}
      </li>
    ))}
  </ul>
);

export const inPoints = (difference: string) => (
  <>
    {difference} <small>points</small>
  </>
);
