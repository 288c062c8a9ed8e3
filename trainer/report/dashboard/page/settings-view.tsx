/** @file Settings beside each other, and the command that makes each run again. */
import { useState } from "preact/hooks";
import { at } from "../../../at.js";
import { Swatch } from "../../charts/lines.js";
import { Repeat, settingNames, settingsTable } from "../../charts/repeat.js";
import { DataTable } from "../../charts/table.js";
import { describe } from "../../format.js";
import type { ConfigurationDocument } from "../documents.js";
import { useAnswers } from "./ask.js";
import { Check, Problems } from "./fields.js";
import type { ViewProps } from "./series.js";

/** Columns that can be compared by eye. */
const MOST_RUNS = 8;

export function SettingsView({ series }: ViewProps) {
  const [all, setAll] = useState(false);
  const looked = series.slice(0, MOST_RUNS);
  const { answers, error, waiting } = useAnswers<ConfigurationDocument>(
    "/api/v1/configuration",
    looked.map(({ runs }) => ({ run: at(runs, 0).run.id })),
    "",
  );
  const found = looked.flatMap(({ name, colour, runs }) => {
    // While answers are awaited, those of the runs before are still there.
    const answer = answers.find((own) => own?.run === at(runs, 0).run.id);
    return answer ? [{ name, colour, values: answer.settings, answer }] : [];
  });
  const names = settingNames(found);
  const differing = names.filter(({ differs }) => differs);
  const isAll = all || found.length < 2;
  return (
    <>
      <section aria-labelledby="settings-title" aria-busy={waiting}>
        <h2 id="settings-title">{isAll ? "Settings" : "Settings that differ"}</h2>
        {found.length > 1 && (
          <div class="choice">
            <Check name="All settings" checked={all} set={setAll} />
          </div>
        )}
        {series.length > MOST_RUNS && <p class="note">The first {MOST_RUNS} of what is chosen.</p>}
        <Problems of={[error]} />
        {!isAll && differing.length === 0 ? (
          <p>They have the same settings.</p>
        ) : (
          <DataTable {...settingsTable(found, isAll ? names : differing)} />
        )}
      </section>
      <section aria-labelledby="repeat-title">
        <h2 id="repeat-title">How to repeat it</h2>
        {found.map(({ name, colour, answer: { run, command, commit, machine, versions } }) => (
          <div key={run}>
            <h3 class="run-title">
              <Swatch colour={colour} /> {name}
            </h3>
            <Repeat command={command} facts={{ Commit: commit, Machine: machine, Versions: describe(versions) }} />
          </div>
        ))}
      </section>
    </>
  );
}
