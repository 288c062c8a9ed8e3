/** @file HTML as a tagged template: whatever is put into it is escaped, unless it is markup itself. */

export class Markup {
  constructor(readonly text: string) {}
}

export type Content = string | number | Markup | null | undefined | false | readonly Content[];

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
  return escapeText(String(content));
}

/** `html`<p>${anything}</p>``: strings and numbers are escaped, markup and lists of it are not, null and false are nothing. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(parts.reduce((sum, part, i) => sum + text(contents[i - 1]) + part));
}

export interface Table {
  readonly caption: string;
  readonly head: readonly Content[];
  /** The first cell of a row is its header. */
  readonly rows: readonly (readonly Content[])[];
}

/** A table in a box of its own that scrolls where the window is narrow. */
export function table({ caption, head, rows }: Table): Markup {
  return html`<p class="caption">${caption}</p><div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table aria-label="${caption}">
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(([first, ...cells]) => html`<tr><th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody>
</table></div>`;
}

/** A section of the page with a link to itself. */
export const section = (id: string, title: string, ...content: readonly Content[]): Markup =>
  html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>\n`;
