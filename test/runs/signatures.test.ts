import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TERM_NAMES } from "../../trainer/run-format/columns.js";
import { newSignatures, type Row } from "../../trainer/runs/signatures.js";

const evenTerms = Object.fromEntries(TERM_NAMES.map((term) => [`samples_${term}`, 100]));
const healthy = (iteration: number): Row => ({
  iteration,
  validRate: iteration === 0 ? null : 0.9,
  accuracyOneTerm: 0.5 + 0.03 * iteration,
  fineTuneLoss: iteration === 0 ? null : 1 / iteration,
  ...evenTerms,
});
const rows = (count: number, change: (row: Row, iteration: number) => Row = (row) => row): Row[] =>
  Array.from({ length: count + 1 }, (_, iteration) => change(healthy(iteration), iteration));

describe("the paper's failure signatures", () => {
  it("are not seen in a run that goes well", () => {
    for (let count = 0; count < 12; count++) expect(newSignatures(rows(count), "rls3")).toEqual([]);
  });

  it("name many invalid placements and longer pre-training, but not for random placement", () => {
    const bad = rows(3, (row, i) => (i === 3 ? { ...row, validRate: 0.3 } : row));
    expect(newSignatures(bad, "rls3")).toEqual([
      expect.stringMatching(/30 % of the placements.*--feasibility-updates/),
    ]);
    expect(newSignatures(bad, "random")).toEqual([]);
  });

  it("name an immediate plateau, entropy and a lower beta", () => {
    const flat = rows(4, (row) => ({ ...row, accuracyOneTerm: 0.5 }));
    expect(newSignatures(flat, "rls3")).toEqual([expect.stringMatching(/plateau.*--kl-budget.*--beta/)]);
  });

  it("name the rare term and the layouts", () => {
    const imbalanced = rows(1, (row, i) => ({ ...row, samples_below: i === 0 ? 100 : 2 }));
    expect(newSignatures(imbalanced, "rls3")).toEqual([expect.stringMatching(/"below" is 0 %.*layouts/)]);
  });

  it("name a loss spike, E and η", () => {
    const spike = rows(5, (row, i) => (i === 5 ? { ...row, fineTuneLoss: 3 } : row));
    expect(newSignatures(spike, "rls3")).toEqual([expect.stringMatching(/loss spike.*--E.*--eta/)]);
  });

  it("name answers without a relation, a lower learning rate and the objective; not of models that only rank", () => {
    const said = (shares: readonly (number | null)[]): Row[] =>
      rows(shares.length - 1, (row, i) => ({ ...row, unparsed: shares[i] ?? null }));
    expect(newSignatures(said([null, 0.05, 0.25]), "rls3")).toEqual([
      expect.stringMatching(/^answers without a relation: 25 % .*--learning-rate.*--objective answer/),
    ]);
    expect(newSignatures(said([null, 0.25]), "random")).toHaveLength(1);
    for (const well of [
      [null, 0, 0.1],
      [null, 0.25, 0.05],
      [null, null, null],
    ]) {
      expect(newSignatures(said(well), "rls3")).toEqual([]);
    }
  });

  it("are reported when they begin, not again and again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), (count) => {
        const bad = rows(count, (row, i) => (i >= 1 ? { ...row, validRate: 0.2 } : row));
        const told = bad.flatMap((_, i) => newSignatures(bad.slice(0, i + 1), "rls3"));
        expect(told).toHaveLength(1);
      }),
    );
  });
});
