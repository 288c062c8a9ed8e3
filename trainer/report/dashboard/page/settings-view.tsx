/** @file Settings beside each other, and the command that makes each run again. */

import { useState } from "preact/hooks";
import { at } from "../../../at.js";
import { Swatch } from "../../charts/lines.js";
import { DataTable } from "../../charts/table.js";
import type { ConfigurationDocument } from "../documents.js";
import { useAnswers } from "./ask.js";
import type { RunSeries } from "./series.js";

/** Columns that can be compared by eye. */
const MOST_RUNS = 8;

export function SettingsView({ series }: { readonly series: readonly RunSeries[] }) {
  const [all, setAll] = useState(false);
  const looked = series.map(({ name, colour, runs }) => ({ name, colour, run: at(runs, 0).run })).slice(0, MOST_RUNS);
  const { answers, error, waiting } = useAnswers<ConfigurationDocument>(
    "/api/v1/configuration",
    looked.map(({ run }) => ({ run: run.id })),
    "",
  );
  const found = looked.flatMap((each, i) => {
    const answer = answers[i];
    return answer === null || answer === undefined ? [] : [{ ...each, answer }];
  });
  const keys = [...new Set(found.flatMap(({ answer }) => Object.keys(answer.settings)))];
  const differ = keys.filter((key) => new Set(found.map(({ answer }) => answer.settings[key])).size > 1);
  const isAll = all || found.length < 2;
  return (
    <>
      <section aria-labelledby="settings-title" aria-busy={waiting}>
        <h2 id="settings-title">{isAll ? "Settings" : "Settings that differ"}</h2>
        {found.length > 1 && (
          <label class="choice">
            <input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
            All settings
          </label>
        )}
        {series.length > MOST_RUNS && <p class="note">The first {MOST_RUNS} of what is chosen.</p>}
        {error !== null && <p class="problem">{error}</p>}
        {!isAll && differ.length === 0 ? (
          <p>They have the same settings.</p>
        ) : (
          <DataTable
            caption="Settings of each run"
            head={["setting", ...found.map(({ name }) => name)]}
            rows={(isAll ? keys : differ).map((key) => [
              key,
              ...found.map(({ answer }) => answer.settings[key] ?? "–"),
            ])}
          />
        )}
      </section>
      <section aria-labelledby="repeat-title">
        <h2 id="repeat-title">How to repeat it</h2>
        {found.map(({ name, colour, answer }) => (
          <div key={answer.run}>
            <h3 class="run-title">
              <Swatch colour={colour} /> {name}
            </h3>
            <pre>
              <code>{answer.command}</code>
            </pre>
            <p class="note">
              Commit {answer.commit} · {answer.machine} ·{" "}
              {Object.entries(answer.versions)
                .map(([key, value]) => `${key} ${value}`)
                .join(" · ")}
            </p>
          </div>
        ))}
      </section>
    </>
  );
}
