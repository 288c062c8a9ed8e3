/**
 * @file The names of a parameter on disk. Checkpoints of models with a vision tower and a decoder come in three
 * layouts: published ones and transformers 4 (`language_model.model.…`), state dicts since 4.52
 * (`model.language_model.…`), and transformers 5 (a vision tower without `vision_model`). All can be read; internally,
 * names are those of the module tree, as in adapters.
 */

type Rule = readonly [pattern: RegExp, name: string];

/** The first match counts; a name without a match is already the module tree's. */
const RULES: readonly Rule[] = [
  [/^language_model\.lm_head\./, "lm_head."],
  [/^language_model\.model\./, "model.language_model."],
  [/^(?:model\.)?vision_tower\.(?:vision_model\.)?/, "model.vision_tower.vision_model."],
  [/^multi_modal_projector\./, "model.multi_modal_projector."],
];

/** The module tree's name for a file's `key`. */
export function canonicalKey(key: string): string {
  const rule = RULES.find(([pattern]) => pattern.test(key));
  return rule === undefined ? key : key.replace(rule[0], rule[1]);
}

/** The name of a parameter in published files of models with a vision tower and a decoder. */
export const publishedKey = (name: string): string =>
  name.replace(/^model\.language_model\./, "language_model.model.").replace(/^model\./, "");

/** The names of the same module in the trees of transformers before 4.52 and of transformers 5. */
export const otherNames = (module: string): string[] =>
  [
    module.replace(/^model\.language_model\./, "language_model.model."),
    module.replace(/^model\.vision_tower\.vision_model\./, "model.vision_tower."),
  ].filter((name) => name !== module);
