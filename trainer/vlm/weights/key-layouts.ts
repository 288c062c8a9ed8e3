/**
 * @file The names that one parameter has on disk. Checkpoints of models with a vision tower and a decoder come in three layouts
 * (published ones and transformers 4: `language_model.model.…`; state dicts since 4.52: `model.language_model.…`; transformers 5:
 * a vision tower without `vision_model`). All are read; inside, the module tree's names count, which adapters have too.
 */

type Rule = readonly [pattern: RegExp, name: string];

/** The first that matches counts; a name that none matches is the module tree's already. */
const RULES: readonly Rule[] = [
  [/^language_model\.lm_head\./, "lm_head."],
  [/^language_model\.model\./, "model.language_model."],
  [/^(?:model\.)?vision_tower\.(?:vision_model\.)?/, "model.vision_tower.vision_model."],
  [/^multi_modal_projector\./, "model.multi_modal_projector."],
];

/** The module tree's name of what a file calls `key`. */
export function canonicalKey(key: string): string {
  const rule = RULES.find(([pattern]) => pattern.test(key));
  return rule === undefined ? key : key.replace(rule[0], rule[1]);
}

/** What published files call a parameter of a model with a vision tower and a decoder. */
export const publishedKey = (name: string): string =>
  name.replace(/^model\.language_model\./, "language_model.model.").replace(/^model\./, "");
