/** @file What a format is: where rows and pictures go. */
import type { Row, Split } from "../row.js";
import type { OpenFolder } from "../whole-folder.js";

/** Takes the rows of a split, in order. */
export interface SplitWriter {
  add(row: Row, png: Uint8Array): void;
  end(): void;
}

export interface Format {
  /** Whether it can hold a picture about which nothing may be asked. */
  readonly holdsUnasked: boolean;
  /** For the dataset card: its files, as a line of Markdown each. */
  readonly files: readonly string[];
  /** The files of a split, as `load_dataset` finds them. */
  readonly glob: (split: Split) => string;
  open(folder: OpenFolder, split: Split): SplitWriter;
}

export const imageName = ({ split, id }: Row): string => `images/${split}/${id}.png`;
