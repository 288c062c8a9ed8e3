/** @file How many cells run at a time: as many as cores and free memory allow. */
import { availableParallelism, freemem } from "node:os";
import type { Configuration } from "../settings/configuration.js";
import type { Usage } from "./usage.js";

/** Assumed for a run until its peak is measured. */
export const ASSUMED_MIB = 1536;
/** The rest is for the system, and for memory that a measured peak does not include. */
const USABLE = 0.9;

export interface Jobs {
  readonly count: number;
  /** Memory of one cell, and whether it was measured in this folder. */
  readonly peakMiB: number;
  readonly measured: boolean;
  readonly freeMiB: number;
}

export interface Machine {
  readonly cores: number;
  readonly freeMiB: number;
}

/** This machine now. A container's limit counts where it is below the free memory. */
export const thisMachine = (): Machine => ({
  cores: availableParallelism(),
  freeMiB: Math.floor((process.availableMemory?.() ?? freemem()) / 2 ** 20),
});

/** `requested` (--jobs) takes precedence. */
export function jobsFor(
  cells: readonly { readonly configuration: Pick<Configuration, "threads"> }[],
  usages: readonly Pick<Usage, "peakMiB">[],
  requested: number | null,
  { cores, freeMiB }: Machine,
): Jobs {
  const measured = usages.length > 0;
  const peakMiB = measured ? Math.max(...usages.map((usage) => usage.peakMiB)) : ASSUMED_MIB;
  const threads = Math.max(1, ...cells.map(({ configuration }) => configuration.threads));
  const room = Math.min(Math.floor(cores / threads), Math.floor((freeMiB * USABLE) / Math.max(1, peakMiB)));
  const count = requested ?? Math.max(1, Math.min(room, cells.length));
  return { count, peakMiB, measured, freeMiB };
}
