/** @file Keys of config.json without influence on results. An unknown key that may have one is refused, not ignored. */
import { InputError } from "../../errors.js";

/**
 * Keys that transformers writes into any configuration: names and versions, labels, generation, initial values for
 * training from scratch.
 */
const HARMLESS: ReadonlySet<string> = new Set([
  ...["_attn_implementation_autoset", "_commit_hash", "_name_or_path", "architectures", "model_type", "auto_map"],
  ...["dtype", "torch_dtype", "transformers_version", "torchscript", "use_bfloat16", "use_cache", "return_dict"],
  ...["attn_implementation", "_attn_implementation", "gradient_checkpointing", "chunk_size_feed_forward"],
  ...["attention_dropout", "dropout", "hidden_dropout_prob", "initializer_factor", "initializer_range"],
  ...["logit_scale_init_value", "projection_dim", "tie_word_embeddings", "tie_encoder_decoder", "tokenizer_class"],
  ...["bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "decoder_start_token_id"],
  ...["id2label", "label2id", "num_labels", "finetuning_task", "problem_type", "task_specific_params"],
  ...["add_cross_attention", "cross_attention_hidden_size", "is_decoder", "is_encoder_decoder"],
  ...["output_attentions", "output_hidden_states", "output_scores", "return_dict_in_generate", "tf_legacy_loss"],
  ...["bad_words_ids", "begin_suppress_tokens", "suppress_tokens", "diversity_penalty", "do_sample", "early_stopping"],
  ...["encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id"],
  ...["length_penalty", "max_length", "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams"],
  ...["num_return_sequences", "prefix", "remove_invalid_values", "repetition_penalty", "temperature", "top_k", "top_p"],
  ...["typical_p", "cache_implementation"],
]);

const isUnused = (value: unknown): boolean =>
  value === null || value === false || (typeof value === "object" && Object.keys(value).length === 0);

/**
 * `part` is the section of the keys ("" for the top level), `known` the keys that are read.
 * @throws InputError for the first key that is neither known, harmless, nor without a value
 */
export function refuseOtherKeys(file: string, part: string, keys: object, known: object): void {
  for (const [key, value] of Object.entries(keys)) {
    if (key in known || HARMLESS.has(key) || isUnused(value)) continue;
    const shown = JSON.stringify(value);
    throw new InputError(
      `${file}: ${part === "" ? "" : `${part}.`}${key} ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown} is not supported`,
    );
  }
}
