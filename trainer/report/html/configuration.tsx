/** @file How to repeat it: the command, the machine, the commit, the versions and every setting; and what the runs warned of. */

import type { JSX } from "preact";
import type { RunConfig } from "../../run-format/readers.js";
import type { Description } from "../../run-format/summary.js";
import { armName } from "../format.js";
import type { Arm } from "./contents.js";
import { html, type Markup, section, table } from "./markup.js";

const plain = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

export const describe = (description: Description): string =>
  typeof description === "string"
    ? description
    : Object.entries(description)
        .map(([key, value]) => `${key}: ${plain(value)}`)
        .join(" · ");

/** A word as a shell takes it. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

export const commandLine = (command: string | readonly string[]): string =>
  typeof command === "string" ? command : command.map(quoted).join(" ");

export function signaturesSection(arms: readonly Arm[]): Markup | null {
  const lines = arms.flatMap(({ name, runs }) =>
    runs.flatMap(({ seed, signatures }) =>
      signatures.map((text) => html`<li><b>${armName(name)}, seed ${seed}:</b> ${text}</li>`),
    ),
  );
  const watched = "many invalid placements, an immediate plateau, imbalance of the terms, loss spikes";
  return section(
    "signatures",
    "Failure signatures",
    lines.length === 0
      ? html`<p>Watched in every run: ${watched}. None was seen.</p>`
      : html`<p>Watched in every run: ${watched}. Seen:</p><ul class="warnings">${lines}</ul>`,
  );
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A run's settings, or a comparison's by arm: then with a column for each arm. */
function settingsTable(configuration: Readonly<Record<string, unknown>>): JSX.Element {
  const caption = "Resolved values, defaults included";
  const arms = Object.entries(configuration).flatMap(([name, settings]) =>
    isRecord(settings) ? [{ name, settings }] : [],
  );
  if (arms.length === 0 || arms.length < Object.keys(configuration).length) {
    const rows = Object.entries(configuration).map(([key, value]) => [key, plain(value)]);
    return table({ caption, head: ["setting", "value"], rows });
  }
  const keys = [...new Set(arms.flatMap(({ settings }) => Object.keys(settings)))];
  const rows = keys.map((key) => {
    const values = arms.map(({ settings }) => (key in settings ? plain(settings[key]) : "–"));
    const differ = new Set(values).size > 1;
    return [differ ? <b>{key}</b> : key, ...values];
  });
  return table({
    caption: `${caption}; bold where the arms differ`,
    head: ["setting", ...arms.map(({ name }) => name)],
    rows,
  });
}

export function configurationSection(config: RunConfig, seeds: readonly number[]): Markup {
  const versions = describe(config.versions);
  return section(
    "configuration",
    "How to repeat it",
    html`<pre><code>${commandLine(config.command)}</code></pre>
<dl class="facts"><dt>Commit</dt><dd>${config.commit}</dd><dt>Machine</dt><dd>${describe(config.machine)}</dd>${versions !== "" && html`<dt>Versions</dt><dd>${versions}</dd>`}<dt>Language</dt><dd>version ${config.languageVersion}</dd><dt>Seeds</dt><dd>${seeds.join(", ")}</dd>${config.plugin !== undefined && html`<dt>Plugin</dt><dd>${config.plugin.name}, sha256 ${config.plugin.sha256}</dd>`}</dl>
<details><summary>All settings</summary>${settingsTable(config.configuration)}</details>`,
  );
}
