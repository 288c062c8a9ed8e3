/** @file What it takes to repeat runs: the command, facts about how they were made, and their settings side by side. */
import type { ComponentChildren } from "preact";
import { type Table, tableOf } from "./table.js";

interface RepeatProps {
  readonly command: string;
  /** What is unknown is left out. */
  readonly facts: Readonly<Record<string, ComponentChildren>>;
}

export const Repeat = ({ command, facts }: RepeatProps) => (
  <>
    <pre>
      <code>{command}</code>
    </pre>
    <dl class="facts">
      {Object.entries(facts).map(
        ([name, fact]) =>
          fact !== undefined &&
          fact !== "" && (
            <>
              <dt>{name}</dt>
              <dd>{fact}</dd>
            </>
          ),
      )}
    </dl>
  </>
);

/** The settings of a run or an arm, as text. */
export interface Settings {
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
}

/** Names of settings, and whether they differ between the runs. */
export function settingNames(all: readonly Settings[]): { readonly name: string; readonly differs: boolean }[] {
  const names = [...new Set(all.flatMap(({ values }) => Object.keys(values)))];
  return names.map((name) => ({ name, differs: new Set(all.map(({ values }) => values[name])).size > 1 }));
}

/** A column for each; where there are several, names of settings that differ are bold. */
export function settingsTable(all: readonly Settings[], names = settingNames(all)): Table {
  const caption = `Settings, defaults included${all.length > 1 ? "; bold where they differ" : ""}`;
  return tableOf(caption, names, [
    ["setting", ({ name, differs }) => (differs ? <b>{name}</b> : name)],
    ...all.map((each) => [each.name, ({ name }: { name: string }) => each.values[name]] as const),
  ]);
}
