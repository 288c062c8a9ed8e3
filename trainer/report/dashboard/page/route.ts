/** @file What is shown stands in the address after "#", so that it can be kept, sent and gone back to. */
import { useEffect, useState } from "preact/hooks";
import type { Axis } from "../../charts/quantities.js";
import type { ChartView } from "../../charts/view.js";

export const VIEWS = {
  curves: "Curves",
  terms: "Terms",
  map: "Map",
  gallery: "Gallery",
  settings: "Settings",
} as const;
export type View = keyof typeof VIEWS;

export interface Route extends ChartView {
  readonly view: View;
  /** Ids of the runs that are looked at; null where the address names none yet. */
  readonly runs: readonly string[] | null;
  /** Each run by itself rather than means over seeds. */
  readonly each: boolean;
  readonly axis: Axis;
}

const isView = (text: string): text is View => Object.hasOwn(VIEWS, text);

export function parseRoute(hash: string): Route {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const view = query.get("view") ?? "";
  const axis = query.get("axis");
  const [smoothing = 0, from = 0, to = 0] = ["smooth", "from", "to"].map((name) => Number(query.get(name)));
  return {
    view: isView(view) ? view : "curves",
    runs: query.has("run") ? query.getAll("run").filter((id) => id !== "") : null,
    each: query.get("each") === "1",
    axis: axis === "valid" || axis === "iteration" ? axis : "generated",
    smoothing: smoothing > 0 && smoothing < 1 ? smoothing : 0,
    range: from >= 0 && from < to ? [from, to] : null,
  };
}

export function hashOf({ view, runs, each, axis, smoothing, range }: Route): string {
  const query = new URLSearchParams();
  query.set("view", view);
  if (axis !== "generated") query.set("axis", axis);
  if (each) query.set("each", "1");
  if (smoothing > 0) query.set("smooth", String(smoothing));
  for (const [i, end] of (range ?? []).entries()) query.set(i === 0 ? "from" : "to", String(Math.round(end)));
  // None chosen is a choice too.
  for (const run of runs === null || runs.length > 0 ? (runs ?? []) : [""]) query.append("run", run);
  return `#${query}`;
}

export type Navigate = (change: Partial<Route>) => void;

/** A view is a place to go back to; which runs are ticked is not. */
export function useRoute(): [Route, Navigate] {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = (): void => setRoute(parseRoute(location.hash));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  const navigate: Navigate = (change) => {
    const next = { ...parseRoute(location.hash), ...change };
    const url = hashOf(next);
    if (change.view === undefined) history.replaceState(null, "", url);
    else history.pushState(null, "", url);
    setRoute(next);
  };
  return [route, navigate];
}
