/** @file The list of runs: by comparison and sweep, with how far each is and how its accuracy went; ticked ones are looked at. */
import { group } from "d3-array";
import { useEffect, useRef, useState } from "preact/hooks";
import { percent } from "../../format.js";
import type { GroupEntry, RunEntry, RunState } from "../documents.js";
import { Select } from "./fields.js";
import type { LiveIndex } from "./live-index.js";
import { cellSettings, inOrder } from "./series.js";

const ORDERS = [
  ["written", "last written"],
  ["name", "name"],
  ["accuracy", "accuracy"],
] as const;
type Order = (typeof ORDERS)[number][0];
const STATES = ["all", "running", "finished", "stopped"].map((state) => [state, state] as const);

interface ListProps {
  readonly index: LiveIndex;
  readonly selected: ReadonlySet<string>;
  readonly colours: ReadonlyMap<string, number>;
  readonly choose: (runs: readonly string[]) => void;
}

const accuracyOf = ({ accuracy }: RunEntry): number => accuracy.at(-1) ?? -1;

const COMPARE: Readonly<Record<Order, (a: RunEntry, b: RunEntry) => number>> = {
  name: inOrder,
  written: (a, b) => (b.written ?? 0) - (a.written ?? 0) || inOrder(a, b),
  accuracy: (a, b) => accuracyOf(b) - accuracyOf(a) || inOrder(a, b),
};

/** All words have to occur in what is known of the run. */
function fits(run: RunEntry, group: GroupEntry | undefined, words: readonly string[]): boolean {
  const text = `${run.id} ${run.agent ?? ""} ${run.state} seed ${run.seed} ${cellSettings(run)} ${group?.kind ?? ""}`;
  return words.every((word) => text.toLowerCase().includes(word));
}

export function RunList({ index, selected, colours, choose }: ListProps) {
  const [search, setSearch] = useState("");
  const [state, setState] = useState<RunState | "all">("all");
  const [order, setOrder] = useState<Order>("written");
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...index.runs.values()].filter(
    (run) =>
      (state === "all" || run.state === state) &&
      fits(run, run.group === null ? undefined : index.groups.get(run.group), words),
  );
  // Groups stand in the order of their first run, runs in a group by name unless another order is asked for.
  const groups = group([...found].sort(COMPARE[order]), (run) => run.group);
  const set = (ids: readonly string[], on: boolean): void => {
    const rest = [...selected].filter((id) => !ids.includes(id));
    choose(on ? [...rest, ...ids] : rest);
  };
  return (
    <>
      <search class="filters" aria-label="Runs">
        <label class="wide">
          <span class="unseen">Search runs</span>
          <input
            type="search"
            placeholder="Search: name, arm, state, setting…"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <Select name="State" value={state} options={STATES} set={(value) => setState(value as RunState | "all")} />
        <Select name="Order" value={order} options={ORDERS} set={(value) => setOrder(value as Order)} />
      </search>
      <p class="found">
        {found.length} of {index.runs.size} runs, {selected.size} chosen
        {selected.size > 0 && (
          <button type="button" class="plain" onClick={() => choose([])}>
            Choose none
          </button>
        )}
      </p>
      {[...groups].map(([id, runs]) => (
        <Group
          key={id ?? ""}
          group={id === null ? undefined : index.groups.get(id)}
          runs={order === "written" && id !== null ? [...runs].sort(inOrder) : runs}
          {...{ index, selected, colours, set }}
          isSearch={words.length > 0 || state !== "all"}
        />
      ))}
      {found.length === 0 && <p class="note">No run has all of this.</p>}
    </>
  );
}

interface GroupProps extends Omit<ListProps, "choose"> {
  readonly group: GroupEntry | undefined;
  readonly runs: readonly RunEntry[];
  readonly set: (ids: readonly string[], on: boolean) => void;
  /** What is found is shown. */
  readonly isSearch: boolean;
}

function Group({ group, runs, index, selected, colours, set, isSearch }: GroupProps) {
  const [wanted, setWanted] = useState<boolean | null>(null);
  const ids = runs.map(({ id }) => id);
  const chosen = ids.filter((id) => selected.has(id)).length;
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = chosen > 0 && chosen < ids.length;
  }, [chosen, ids.length]);
  const isOpen = isSearch || (wanted ?? (chosen > 0 || index.groups.size < 3));
  const choose = (runs: readonly string[], on: boolean): void => {
    // It stays as it is under the hand that ticks in it.
    setWanted(true);
    set(runs, on);
  };
  const name = group?.name ?? "Single runs";
  const done = runs.filter((run) => run.state === "finished").length;
  const running = runs.filter((run) => run.state === "running").length;
  const total = Math.max(group?.planned ?? 0, runs.length);
  return (
    <details class="group" open={isOpen}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a summary is a button, for mouse and keyboard alike */}
      <summary
        onClick={(event) => {
          event.preventDefault();
          setWanted(!isOpen);
        }}
      >
        <span class="name">{name}</span>
        <span class="how">
          {group !== undefined && group.kind !== "folder" && `${group.kind}, `}
          {done === total ? `${total} ${total === 1 ? "run" : "runs"}` : `${done} of ${total} done`}
          {running > 0 && `, ${running} running`}
        </span>
      </summary>
      <ul class="runs" aria-label={name}>
        {runs.length > 1 && (
          <li class="all">
            <label>
              <input
                type="checkbox"
                ref={box}
                checked={chosen === ids.length}
                onChange={(event) => choose(ids, event.currentTarget.checked)}
              />
              All {ids.length}
            </label>
            {group?.report === true && (
              <a href={`/report?of=${encodeURIComponent(group.id)}`} target="_blank" rel="noopener">
                report
              </a>
            )}
          </li>
        )}
        {runs.map((run) => (
          <Row
            key={run.id}
            run={run}
            settings={group === undefined || group.kind === "comparison" ? "" : cellSettings(run)}
            colour={colours.get(run.id)}
            isChosen={selected.has(run.id)}
            set={choose}
          />
        ))}
      </ul>
    </details>
  );
}

const MARKS: Readonly<Record<RunState, string>> = { running: "▶", finished: "✓", stopped: "■" };

interface RowProps {
  readonly run: RunEntry;
  /** The settings by which it differs from others of its group. */
  readonly settings: string;
  readonly colour: number | undefined;
  readonly isChosen: boolean;
  readonly set: (ids: readonly string[], on: boolean) => void;
}

function Row({ run, settings, colour, isChosen, set }: RowProps) {
  const { id, state, iteration, iterations, accuracy, problem } = run;
  const last = accuracy.at(-1);
  return (
    <li>
      <label>
        <input type="checkbox" checked={isChosen} onChange={(event) => set([id], event.currentTarget.checked)} />
        <span class={`chip${colour === undefined ? "" : ` c${colour}`}`} aria-hidden="true" />
        <span class="name" title={run.id}>
          {run.name}
        </span>
      </label>
      <Spark values={accuracy} />
      <span class="number">
        {last === undefined ? "–" : percent(last)}
        <span class="unseen"> one-term accuracy,</span>
      </span>
      <span class={`state ${state}`}>
        <span aria-hidden="true">{MARKS[state]}</span>
        <span class="unseen">{state}, iteration</span> {iteration}
        {iterations !== null && state !== "finished" && (
          <>
            <span aria-hidden="true">/</span>
            <span class="unseen"> of </span>
            {iterations}
          </>
        )}
      </span>
      {settings !== "" && <span class="settings">{settings}</span>}
      {problem !== null && <span class="problem">{problem}</span>}
    </li>
  );
}

/** Accuracy from 50 % (chance) up, small: what it looks like is said by the number beside it. */
function Spark({ values }: { readonly values: readonly number[] }) {
  const [width, height] = [46, 16];
  const step = width / Math.max(1, values.length - 1);
  const y = (value: number): number => height - 1 - Math.max(0, Math.min(1, (value - 0.45) / 0.55)) * (height - 2);
  const path = values.map((value, i) => `${i === 0 ? "M" : "L"}${(i * step).toFixed(1)} ${y(value).toFixed(1)}`);
  return (
    <svg class="spark" width={width} height={height} aria-hidden="true">
      <path d={path.join("")} />
    </svg>
  );
}
