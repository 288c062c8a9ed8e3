/** @file Asks the server; what was asked stays on the page until the answer to the next question is there. */

import { useEffect, useRef, useState } from "preact/hooks";
import { at } from "../../../at.js";
import type { MetricColumn } from "../../../run-format/columns.js";
import type { MetricsRow } from "../../../run-format/readers.js";
import type { ErrorDocument, MetricsDocument, RunEntry } from "../documents.js";

export async function ask<Answer>(path: string, query: Readonly<Record<string, string>>): Promise<Answer> {
  const response = await fetch(`${path}?${new URLSearchParams(query)}`);
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error((answer as ErrorDocument).error);
  return answer as Answer;
}

export interface QueryResult<Answer> {
  /** In the order of the questions; null where there was no answer. */
  readonly answers: readonly (Answer | null)[];
  readonly error: string | null;
  /** Whether the answers are still those to earlier questions. */
  readonly waiting: boolean;
}

/** Asks again when a question changes, or `version`: what it is about has changed on the disk. */
export function useAnswers<Answer>(
  path: string,
  queries: readonly Readonly<Record<string, string>>[],
  version: string,
): QueryResult<Answer> {
  const [result, setResult] = useState<QueryResult<Answer>>({ answers: [], error: null, waiting: true });
  const key = JSON.stringify(queries);
  useEffect(() => {
    let current = true;
    setResult((before) => ({ ...before, waiting: true }));
    void Promise.allSettled(queries.map((query) => ask<Answer>(path, query))).then((settled) => {
      if (!current) return;
      const failed = settled.find((each) => each.status === "rejected");
      setResult({
        answers: settled.map((each) => (each.status === "fulfilled" ? each.value : null)),
        error:
          failed === undefined ? null : String(failed.reason instanceof Error ? failed.reason.message : failed.reason),
        waiting: false,
      });
    });
    return () => {
      current = false;
    };
  }, [path, key, version]);
  return result;
}

function rowsOf({ columns, rows }: MetricsDocument): MetricsRow[] {
  return rows.map(
    (cells) =>
      Object.fromEntries(columns.map((column, i) => [column, at(cells, i)])) as Record<MetricColumn, number | null>,
  );
}

/** The rows of each run, asked for again where it was written to since; none of one that is gone. */
export function useMetrics(runs: readonly RunEntry[]): ReadonlyMap<string, readonly MetricsRow[]> {
  const [rows, setRows] = useState<ReadonlyMap<string, readonly MetricsRow[]>>(new Map());
  const asked = useRef(new Map<string, number | null>());
  const key = runs.map(({ id, written }) => `${id} ${written}`).join("\n");
  useEffect(() => {
    const due = runs.filter(({ id, written }) => asked.current.get(id) !== written);
    for (const { id, written } of due) asked.current.set(id, written);
    const answers = due.map(async ({ id }) => {
      const found = await ask<MetricsDocument>("/api/v1/metrics", { run: id }).then(rowsOf, () => []);
      return [id, found] as const;
    });
    void Promise.all(answers).then((found) => setRows((before) => new Map([...before, ...found])));
  }, [key]);
  return rows;
}
