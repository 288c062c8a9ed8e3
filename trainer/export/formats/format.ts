/** @file The interface of a format: where rows and pictures go. */
import type { Row, Split } from "../row.js";
import type { OpenFolder } from "../whole-folder.js";

/** Takes the rows of a split in order. */
export interface SplitWriter {
  add(row: Row, png: Uint8Array): void;
  end(): void;
}

export interface Format {
  /** Whether it can hold a picture without an askable pair. */
  readonly holdsUnasked: boolean;
  /** Its files, one line of Markdown each, for the dataset card. */
  readonly files: readonly string[];
  /** The glob by which `load_dataset` finds a split's files. */
  readonly glob: (split: Split) => string;
  open(folder: OpenFolder, split: Split): SplitWriter;
}

export const imageName = ({ split, id }: Row): string => `images/${split}/${id}.png`;
