/** @file A table in a box of its own, which scrolls where the window is narrow. */
import type { ComponentChildren } from "preact";
import type { Interval } from "../../run-format/summary.js";
import { EMPTY } from "../format.js";
import type { Quantity } from "./quantities.js";

export interface Table {
  readonly caption: string;
  readonly head: readonly ComponentChildren[];
  /** The first cell of a row is its header. */
  readonly rows: readonly (readonly ComponentChildren[])[];
}

export const DataTable = ({ caption, head, rows }: Table) => (
  <>
    <p class="caption">{caption}</p>
    <section class="scroll" tabindex={0} aria-label={caption}>
      <table>
        <thead>
          <tr>
            {head.map((cell) => (
              <th scope="col">{cell}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...cells]) => (
            <tr>
              <th scope="row">{first}</th>
              {cells.map((cell) => (
                <td>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  </>
);

/** Its head, and what stands in it of a row: a dash where that is nothing. */
export type Column<Row> = readonly [head: ComponentChildren, cell: (row: Row) => ComponentChildren];

/** A table, column by column. */
export const tableOf = <Row,>(caption: string, rows: readonly Row[], columns: readonly Column<Row>[]): Table => ({
  caption,
  head: columns.map(([head]) => head),
  rows: rows.map((row) => columns.map(([, cell]) => orDash(cell(row)))),
});

const orDash = (content: ComponentChildren): ComponentChildren =>
  content === null || content === undefined || content === false ? EMPTY : content;

interface EstimatedProps {
  readonly of: Quantity;
  readonly value: number | null | undefined;
  /** Null where there is nothing to be uncertain about, as with one seed. */
  readonly interval?: Interval | null | undefined;
}

/** A value with its interval in a second line. */
export function Estimated({ of, value, interval }: EstimatedProps) {
  if (value == null) return EMPTY;
  if (interval == null) return of.value(value);
  return (
    <>
      {of.value(value)}
      <br />
      <small>{of.range(interval)}</small>
    </>
  );
}
