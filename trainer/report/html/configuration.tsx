/** @file How to repeat it: the command, the machine, the commit, the versions and every setting; and what the runs warned of. */
import type { RunConfig } from "../../run-format/readers.js";
import { Repeat, settingsTable } from "../charts/repeat.js";
import { DataTable } from "../charts/table.js";
import { commandLine, describe, texts } from "../format.js";
import type { Arm } from "./contents.js";
import type { Section } from "./page.js";

const WATCHED = "many invalid placements, an immediate plateau, imbalance of the terms, loss spikes";

export function signaturesSection(arms: readonly Arm[]): Section {
  const seen = arms.flatMap(({ name, runs }) =>
    runs.flatMap(({ seed, signatures }) => signatures.map((text) => ({ run: `${name}, seed ${seed}`, text }))),
  );
  return {
    id: "signatures",
    name: "Warnings",
    title: "Failure signatures",
    intro: `Watched in every run: ${WATCHED}. ${seen.length === 0 ? "None was seen." : "Seen:"}`,
    body: seen.length > 0 && (
      <ul class="warnings">
        {seen.map(({ run, text }) => (
          <li>
            <b>{run}:</b> {text}
          </li>
        ))}
      </ul>
    ),
  };
}

type Values = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A run's settings, or a comparison's by arm. */
function AllSettings({ configuration }: Pick<RunConfig, "configuration">) {
  const entries = Object.entries(configuration);
  const byArm = entries.length > 0 && entries.every(([, values]) => isRecord(values));
  const all: [string, Values][] = byArm ? (entries as [string, Values][]) : [["value", configuration]];
  return (
    <details>
      <summary>All settings</summary>
      <DataTable {...settingsTable(all.map(([name, values]) => ({ name, values: texts(values) })))} />
    </details>
  );
}

type Made = Pick<RunConfig, "command" | "commit" | "machine"> &
  Partial<Pick<RunConfig, "versions" | "languageVersion" | "plugin" | "configuration">>;

/** Of runs or of a sweep; what is not known of it is left out. */
export const configurationSection = (made: Made, seeds: readonly number[]): Section => ({
  id: "configuration",
  name: "How to repeat it",
  title: "How to repeat it",
  body: (
    <>
      <Repeat
        command={commandLine(made.command)}
        facts={{
          Commit: made.commit,
          Machine: describe(made.machine),
          Versions: made.versions && describe(made.versions),
          Language: made.languageVersion && `version ${made.languageVersion}`,
          Seeds: seeds.join(", "),
          Plugin: made.plugin && `${made.plugin.name}, sha256 ${made.plugin.sha256}`,
        }}
      />
      {made.configuration && <AllSettings configuration={made.configuration} />}
    </>
  ),
});
