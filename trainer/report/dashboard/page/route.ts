/** @file What is shown stands in the address after "#", so that it can be kept, sent and gone back to. */
import { useEffect, useState } from "preact/hooks";

export const VIEWS = {
  curves: "Curves",
  terms: "Terms",
  map: "Map",
  gallery: "Gallery",
  settings: "Settings",
} as const;
export type View = keyof typeof VIEWS;

export interface Route {
  readonly view: View;
  /** Ids of the runs that are looked at; null where the address names none yet. */
  readonly runs: readonly string[] | null;
  /** Each run by itself rather than means over seeds. */
  readonly each: boolean;
  readonly axis: "generated" | "valid" | "iteration";
}

const isView = (text: string): text is View => Object.hasOwn(VIEWS, text);

export function parseRoute(hash: string): Route {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const view = query.get("view") ?? "";
  const axis = query.get("axis");
  return {
    view: isView(view) ? view : "curves",
    runs: query.has("run") ? query.getAll("run").filter((id) => id !== "") : null,
    each: query.get("each") === "1",
    axis: axis === "valid" || axis === "iteration" ? axis : "generated",
  };
}

export function hashOf({ view, runs, each, axis }: Route): string {
  const query = new URLSearchParams();
  query.set("view", view);
  if (axis !== "generated") query.set("axis", axis);
  if (each) query.set("each", "1");
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
