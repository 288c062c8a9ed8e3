/** @file The list of runs as the server tells it, event by event. While nobody looks at the page, nothing is asked. */
import { useEffect, useState } from "preact/hooks";
import type { ChangeDocument, GroupEntry, IndexDocument, RunEntry } from "../documents.js";

export interface LiveIndex {
  readonly folder: string;
  readonly runs: ReadonlyMap<string, RunEntry>;
  readonly groups: ReadonlyMap<string, GroupEntry>;
  readonly notes: readonly string[];
}

export type Connection = "connecting" | "live" | "lost";

const byId = <Entry extends { readonly id: string }>(entries: readonly Entry[]): Map<string, Entry> =>
  new Map(entries.map((entry) => [entry.id, entry]));

function changed(index: LiveIndex, { runs, removed, groups, notes }: ChangeDocument): LiveIndex {
  const next = new Map(index.runs);
  for (const id of removed) next.delete(id);
  for (const run of runs) next.set(run.id, run);
  return { ...index, runs: next, groups: byId(groups), notes };
}

export function useLiveIndex(): { readonly index: LiveIndex | null; readonly connection: Connection } {
  const [index, setIndex] = useState<LiveIndex | null>(null);
  const [connection, setConnection] = useState<Connection>("connecting");
  useEffect(() => {
    let source: EventSource | null = null;
    const open = (): void => {
      source = new EventSource("/api/v1/events");
      source.addEventListener("index", (event: MessageEvent<string>) => {
        const { folder, runs, groups, notes } = JSON.parse(event.data) as IndexDocument;
        setIndex({ folder, runs: byId(runs), groups: byId(groups), notes });
        setConnection("live");
      });
      source.addEventListener("change", (event: MessageEvent<string>) => {
        const change = JSON.parse(event.data) as ChangeDocument;
        setIndex((before) => (before === null ? null : changed(before, change)));
      });
      source.addEventListener("error", () => setConnection("lost"));
    };
    // A browser keeps few connections to one server: pages behind others give theirs back.
    const look = (): void => {
      source?.close();
      source = null;
      if (!document.hidden) open();
    };
    document.addEventListener("visibilitychange", look);
    open();
    return () => {
      document.removeEventListener("visibilitychange", look);
      source?.close();
    };
  }, []);
  return { index, connection };
}
