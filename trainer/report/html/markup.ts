/** @file HTML as a tagged template: whatever is put into it is escaped, unless it is markup itself. Components are rendered in it. */
import { h, isValidElement, type JSX } from "preact";
import { renderToString } from "preact-render-to-string";
import { DataTable, type Table } from "../charts/table.js";

export class Markup {
  constructor(readonly text: string) {}
}

export type Content = string | number | Markup | JSX.Element | null | undefined | false | readonly Content[];

const ENTITIES = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
} as const;

export const escapeText = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character as keyof typeof ENTITIES]);

function text(content: Content): string {
  if (content === null || content === undefined || content === false) return "";
  if (content instanceof Markup) return content.text;
  if (Array.isArray(content)) return content.map(text).join("");
  if (isValidElement(content)) return renderToString(content).replaceAll(/><\/(?:path|circle|rect)>/g, "/>");
  return escapeText(String(content));
}

/** `html`<p>${anything}</p>``: strings and numbers are escaped, markup and lists of it are not, null and false are nothing. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(parts.reduce((sum, part, i) => sum + text(contents[i - 1]) + part));
}

export const table = (data: Table): JSX.Element => h(DataTable, data);

/** A section of the page with a link to itself. */
export const section = (id: string, title: string, ...content: readonly Content[]): Markup =>
  html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>\n`;
