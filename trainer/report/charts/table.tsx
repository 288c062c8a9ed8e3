/** @file A table in a box of its own, which scrolls where the window is narrow. */
import type { ComponentChildren } from "preact";

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

/** A value with its interval in a second line. */
export const Estimated = ({ value, interval }: { readonly value: string; readonly interval?: string | null }) => (
  <>
    {value}
    {interval != null && (
      <>
        <br />
        <small>{interval}</small>
      </>
    )}
  </>
);
