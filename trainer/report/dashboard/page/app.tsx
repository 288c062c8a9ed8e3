/** @file The page: runs at the side, what is chosen of them in the middle. */
import { greatest } from "d3-array";
import type { ComponentType } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Legend } from "../../charts/lines.js";
import { percent, plural } from "../../format.js";
import type { GroupEntry, RunEntry } from "../documents.js";
import { useMetrics } from "./ask.js";
import { CurvesView } from "./curves-view.js";
import { Check } from "./fields.js";
import { GalleryView } from "./gallery-view.js";
import { type Connection, type LiveIndex, useLiveIndex } from "./live-index.js";
import { MapView } from "./map-view.js";
import { useRoute, VIEWS, type View } from "./route.js";
import { RunList } from "./run-list.js";
import { armKey, inOrder, MOST_SERIES, nameAmong, toSeries, type ViewProps } from "./series.js";
import { SettingsView } from "./settings-view.js";
import { TermsView } from "./terms-view.js";

/** What is looked at before anything is chosen: the run that was written last when the page came, or all runs of its comparison or sweep. */
function useNewest({ runs, groups }: LiveIndex): readonly string[] {
  const last = useMemo(() => greatest(runs.values(), ({ written }) => written ?? 0), [runs.size === 0]);
  if (last === undefined) return [];
  const { id, group } = last;
  if (group === null || groups.get(group)?.kind === "folder") return [id];
  const together = [...runs.values()].filter((run) => run.group === group);
  return together.sort(inOrder).map((run) => run.id);
}

export function App() {
  const { index, connection } = useLiveIndex();
  const [route, navigate] = useRoute();
  useEffect(() => {
    document.title = index === null ? "RLS3" : `${index.folder} – RLS3`;
  }, [index?.folder]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        To what is chosen
      </button>
      <Header index={index} connection={connection} />
      {index === null ? (
        <p class="empty">{connection === "lost" ? "The server does not answer." : "Looking for runs…"}</p>
      ) : (
        <Body index={index} route={route} navigate={navigate} />
      )}
    </>
  );
}

const SAID: Readonly<Record<Connection, string>> = {
  connecting: "connecting",
  live: "live",
  lost: "no connection: is rls3 dashboard still running?",
};

function Header({ index, connection }: { readonly index: LiveIndex | null; readonly connection: Connection }) {
  const runs = [...(index?.runs.values() ?? [])];
  const running = runs.filter(({ state }) => state === "running").length;
  return (
    <header class="bar">
      <h1>
        <span>RLS3</span> {index?.folder ?? ""}
      </h1>
      {index !== null && (
        <p>
          {plural(runs.length, "run")}, {running} running
        </p>
      )}
      <p class={`connection ${connection}`} role="status">
        {SAID[connection]}
      </p>
    </header>
  );
}

/** Everything from which lines get their names and places, as text. */
const namesOf = (chosen: readonly RunEntry[], groups: LiveIndex["groups"]): string =>
  JSON.stringify([
    chosen.map(({ id, group, name, arm, seed, agent, varied }) => [id, group, name, arm, seed, agent, varied]),
    [...groups.values()].map(({ id, kind, name }) => [id, kind, name]),
  ]);

function Body({ index, route, navigate }: Omit<ViewProps, "series">) {
  const [isListOpen, setListOpen] = useState(false);
  const first = useNewest(index);
  const ids = route.runs ?? first;
  const chosen = ids.flatMap((id) => index.runs.get(id) ?? []);
  const metrics = useMetrics(chosen);
  // It stays the same object while its runs and rows do, so that charts are not made again.
  const series = useMemo(
    () =>
      toSeries(
        chosen.map((run) => ({ run, rows: metrics.get(run.id) ?? [] })),
        index.groups,
        route.each,
      ),
    [namesOf(chosen, index.groups), metrics, route.each],
  );
  const colours = new Map(series.flatMap(({ colour, runs }) => runs.map(({ run }) => [run.id, colour] as const)));
  const drawnRuns = series.reduce((sum, { runs }) => sum + runs.length, 0);
  const Chosen = SHOWN[route.view];
  return (
    <div class={`page${isListOpen ? " listed" : ""}`}>
      <button
        type="button"
        class="open-list"
        aria-expanded={isListOpen}
        aria-controls="runs"
        onClick={() => setListOpen(!isListOpen)}
      >
        Runs ({chosen.length} of {index.runs.size} chosen)
      </button>
      <aside id="runs" aria-label="Runs">
        {index.notes.map((note) => (
          <p class="note" key={note}>
            {note}
          </p>
        ))}
        <RunList index={index} selected={new Set(ids)} colours={colours} choose={(runs) => navigate({ runs })} />
      </aside>
      <main id="main" tabIndex={-1}>
        <Views view={route.view} navigate={navigate} />
        {chosen.length === 0 ? (
          <p class="empty">
            {index.runs.size === 0
              ? "There is no run here yet. What rls3 train, compare or sweep writes into this folder appears by itself."
              : "Choose runs in the list to see them here."}
          </p>
        ) : (
          <>
            <Verdicts chosen={chosen} groups={index.groups} />
            <div class="key">
              <Legend entries={series} />
              {hasSeeds(chosen) && (
                <Check name="Mean over seeds" checked={!route.each} set={(checked) => navigate({ each: !checked })} />
              )}
            </div>
            {drawnRuns < chosen.length && (
              <p class="note">Drawn are the first {MOST_SERIES} lines of what is chosen.</p>
            )}
            <Chosen series={series} index={index} route={route} navigate={navigate} />
          </>
        )}
        <Announcer chosen={chosen} groups={index.groups} />
      </main>
    </div>
  );
}

const SHOWN: Readonly<Record<View, ComponentType<ViewProps>>> = {
  curves: CurvesView,
  terms: TermsView,
  map: MapView,
  gallery: GalleryView,
  settings: SettingsView,
};

const hasSeeds = (runs: readonly RunEntry[]): boolean => new Set(runs.map(armKey)).size < runs.length;

function Views({ view, navigate }: { readonly view: View; readonly navigate: ViewProps["navigate"] }) {
  return (
    <nav class="views" aria-label="Views">
      <ul>
        {(Object.keys(VIEWS) as View[]).map((name) => (
          <li key={name}>
            <button
              type="button"
              aria-current={view === name ? "page" : undefined}
              onClick={() => navigate({ view: name })}
            >
              {VIEWS[name]}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface ChosenProps {
  readonly chosen: readonly RunEntry[];
  readonly groups: ReadonlyMap<string, GroupEntry>;
}

/** What the summaries of the chosen comparisons say. */
function Verdicts({ chosen, groups }: ChosenProps) {
  const ids = [...new Set(chosen.map(({ group }) => group))];
  const said = ids.flatMap((id) => (id === null ? [] : (groups.get(id) ?? [])));
  return (
    <>
      {said.map(
        ({ id, name, headline, report }) =>
          headline !== null && (
            <p class="verdict" key={id}>
              {said.length > 1 && <b>{name}: </b>}
              {headline}.{" "}
              {report && (
                <a href={`/report?of=${encodeURIComponent(id)}`} target="_blank" rel="noopener">
                  The report has the statistics.
                </a>
              )}
            </p>
          ),
      )}
    </>
  );
}

/** How often news is said aloud at most, in milliseconds: who listens wants to hear the page, too. */
const PAUSE = 10_000;
const TICK = 1_000;

/** Says what the chosen runs have come to since it last spoke. */
function Announcer({ chosen, groups }: ChosenProps) {
  const [text, setText] = useState("");
  const latest = useRef(new Map<string, { readonly name: string; readonly now: string }>());
  latest.current = new Map(chosen.map((run) => [run.id, { name: nameAmong(run, chosen, groups), now: progress(run) }]));
  useEffect(() => {
    let [said, spoke] = [latest.current, Number.NEGATIVE_INFINITY];
    const timer = setInterval(() => {
      if (performance.now() - spoke < PAUSE) return;
      // What is there when a run is chosen is seen or read then: only what follows is news.
      const news = [...latest.current].flatMap(([id, { name, now }]) =>
        (said.get(id)?.now ?? now) === now ? [] : [`${name} ${now}`],
      );
      said = latest.current;
      if (news.length === 0) return;
      spoke = performance.now();
      setText(news.join(". "));
    }, TICK);
    return () => clearInterval(timer);
  }, []);
  return (
    <p class="unseen" role="status">
      {text}
    </p>
  );
}

function progress(run: RunEntry): string {
  const last = run.accuracy.at(-1);
  const done = run.state === "running" ? "" : ` and is ${run.state}`;
  return `is at iteration ${run.iteration}${last === undefined ? "" : `, accuracy ${percent(last)}`}${done}`;
}
