/** @file Merges a command's plan with the folder's: existing cells keep their folders, new ones are appended. */
import { createHash } from "node:crypto";
import path from "node:path";
import { InputError } from "../errors.js";
import type { PluginSource } from "../plugins/source.js";
import { type Configuration, randomTransitionsNeeded } from "../settings/configuration.js";
import { flagOf } from "../settings/settings.js";
import { type CellRequest, configurationKey, conflictOf, type SweepPlan, withoutCollisions } from "./plan.js";
import { type PlannedCell, plannedCell, type SweepFile } from "./plan-file.js";

export interface Merged {
  /** Every cell that the folder will have. */
  readonly file: SweepFile;
  /** The cells of this command. */
  readonly requested: readonly PlannedCell[];
  readonly added: number;
}

/** @throws InputError where the command's fixed settings, or its plugin, differ from those of the folder's cells */
export function merge(
  folder: string,
  command: string,
  old: SweepFile | null,
  plan: SweepPlan,
  plugin?: PluginSource,
): Merged {
  const varied = [...new Set([...(old?.varied ?? []), ...plan.varied])];
  refuseOtherPlugin(folder, old?.cells ?? [], plugin);
  const before = (old?.cells ?? []).map((cell) => withMovedPlugin(folder, cell, plugin));
  const conflict = conflictOf(
    varied,
    before.map(({ configuration }) => configuration),
    plan.cells.map(({ configuration }) => configuration),
  );
  if (conflict !== null) {
    const { name } = conflict;
    throw new InputError(
      `--out ${folder}: holds a sweep with ${name} ${JSON.stringify(conflict.before)}, and this one has ${JSON.stringify(conflict.now)}; ` +
        `name another folder, keep to ${flagOf(name)} ${String(conflict.before)}, or vary it`,
    );
  }
  const known = new Map(before.map((cell) => [configurationKey(cell.configuration), cell]));
  const keyOf = ({ configuration }: CellRequest): string => configurationKey(configuration);
  const fresh = withoutCollisions(
    plan.cells.filter((cell) => !known.has(keyOf(cell))),
    before.map(({ name }) => name),
  );
  const folders = preparationFolders([...before, ...fresh].map(({ configuration }) => configuration));
  for (const [i, { name, variant, configuration }] of fresh.entries()) {
    const shared = path.join(folder, "shared", folders(configuration));
    const described = { index: before.length + i, name, variant, shared, resolved: configuration, plugin };
    known.set(configurationKey(configuration), plannedCell(folder, described));
  }
  return {
    file: { command, varied, cells: [...known.values()] },
    requested: plan.cells.map((cell) => {
      const planned = known.get(keyOf(cell));
      if (planned === undefined) throw new RangeError(`the cell ${cell.name} is not in the plan`);
      return planned;
    }),
    added: fresh.length,
  };
}

/** With another plugin, or an older version of its code, cells would be compared as if only their settings differed. */
function refuseOtherPlugin(folder: string, cells: readonly PlannedCell[], plugin: PluginSource | undefined): void {
  const other = cells.find((cell) => cell.plugin?.sha256 !== plugin?.sha256);
  if (other === undefined) return;
  const shown = (one: PluginSource | undefined): string =>
    one === undefined ? "no plugin" : `the plugin ${one.file} of sha256 ${one.sha256.slice(0, 12)}…`;
  throw new InputError(
    `--out ${folder}: holds a sweep with ${shown(other.plugin)}, and this one has ${shown(plugin)}; name another folder, or put the plugin back`,
  );
}

/** The plugin has the same content, and may be at another place now. */
function withMovedPlugin(folder: string, cell: PlannedCell, plugin: PluginSource | undefined): PlannedCell {
  if (cell.plugin?.file === plugin?.file) return cell;
  const { index, name, variant, shared = "", configuration } = cell;
  return plannedCell(folder, { index, name, variant, shared, resolved: configuration, plugin });
}

/** Everything that the preparation depends on, except the number of random transitions. */
const inputsOf = (configuration: Configuration): string => {
  const { env, world, scenes, testScenes, render, vlm, testSeed } = configuration;
  const { testImagesPerRelation, naturalImages, validationImagesPerRelation } = configuration;
  return JSON.stringify([
    ...[env, world, render, vlm, testSeed],
    ...[testImagesPerRelation, naturalImages, validationImagesPerRelation],
    ...(scenes === "" && testScenes === "" ? [] : [scenes, testScenes]),
  ]);
};

/** A name for each set of inputs. A cell without transitions takes the rest from one that has them. */
function preparationFolders(all: readonly Configuration[]): (configuration: Configuration) => string {
  const steps = new Map<string, number>();
  for (const configuration of all) {
    const inputs = inputsOf(configuration);
    if ((steps.get(inputs) ?? 0) === 0) steps.set(inputs, randomTransitionsNeeded(configuration));
  }
  return (configuration) => {
    const inputs = inputsOf(configuration);
    const needed = randomTransitionsNeeded(configuration);
    const taken = needed === 0 ? steps.get(inputs) : needed;
    return createHash("sha256").update(`${inputs} ${taken}`).digest("hex").slice(0, 8);
  };
}
