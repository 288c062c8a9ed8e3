/** @file The six relation terms: how accurate the model is in each, before and after an iteration, and how many pairs the samples had of it. */
import { mean } from "../../mean.js";
import { TERM_COLUMNS, TERM_NAMES } from "../../run-format/columns.js";
import { meanInterval } from "../statistics.js";
import { type Arm, commonEnd, hasUnequalSeeds, meanAt, valuesAt } from "./curves.js";
import { DotFigure } from "./dots.js";
import { Swatch } from "./lines.js";
import { COUNT, POINTS, SHARE } from "./quantities.js";
import { DataTable, Estimated, tableOf } from "./table.js";

/** Its name is hidden where there is little room: the swatch stands for it. */
const OfArm = ({ term, name, colour }: Pick<Arm, "name" | "colour"> & { readonly term: string }) => (
  <span class="of-arm">
    <b>{term}</b> <Swatch colour={colour} /> <span>{name}</span>
  </span>
);

interface TermsProps {
  readonly arms: readonly Arm[];
  /** The last that all seeds of an arm have done unless it is given. */
  readonly iteration?: number;
}

export function Terms({ arms, iteration }: TermsProps) {
  const all = { runs: arms.flatMap(({ runs }) => runs) };
  const ends = arms.map((arm) => ({ arm, end: iteration ?? commonEnd(arm) }));
  const isUneven = iteration === undefined && arms.some(hasUnequalSeeds);
  const rows = TERM_NAMES.map((term) => {
    const column = `accuracy_${term}` as const;
    const dots = ends.flatMap(({ arm, end }) => {
      const values = valuesAt(arm, column, end);
      if (values.length === 0) return [];
      const dot = { name: arm.name, colour: arm.colour, value: mean(values) };
      if (values.length === 1) return [dot];
      const [low, high] = meanInterval(values);
      return [{ ...dot, low, high }];
    });
    return { label: TERM_COLUMNS[term], before: meanAt(all, column, 0), dots };
  });
  const cells = TERM_NAMES.flatMap((term) => ends.map(({ arm, end }) => ({ term, arm, end })));
  const numbers = tableOf(
    `Balanced test set, this term flipped: accuracy before and after, and pairs of the valid samples that had the term until then (means over seeds${isUneven ? ", as far as the shortest seed of an arm goes" : ""})`,
    cells.map(({ term, arm, end }) => {
      const [before, after] = [0, end].map((at) => meanAt(arm, `accuracy_${term}`, at));
      const gain = before == null || after == null ? null : after - before;
      return { term, arm, before, after, gain, pairs: meanAt(arm, `samples_${term}`, end) };
    }),
    [
      [
        "term",
        ({ term, arm }) => (arms.length === 1 ? TERM_COLUMNS[term] : <OfArm term={TERM_COLUMNS[term]} {...arm} />),
      ],
      ["before", ({ before }) => <Estimated of={SHARE} value={before} />],
      ["after", ({ after }) => <Estimated of={SHARE} value={after} />],
      ["gain, points", ({ gain }) => <Estimated of={POINTS} value={gain} />],
      ["pairs with it", ({ pairs }) => <Estimated of={COUNT} value={pairs} />],
    ],
  );
  return (
    <div class="split">
      <DotFigure
        title="One-term accuracy by relation term"
        rows={rows}
        x={SHARE}
        {...(iteration !== undefined && { after: `after iteration ${iteration}` })}
        {...(isUneven && { after: "where its shortest seed ended" })}
        xLabel="right caption beats the one with this term flipped"
      />
      <div>
        <DataTable {...numbers} />
      </div>
    </div>
  );
}
