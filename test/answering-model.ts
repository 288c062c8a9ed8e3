/** @file A model that answers by a rule instead of weights, to test what happens with answers. */
import type { Phrasing } from "../trainer/language/index.js";
import type { CaptionSet, FineTuneResult, ImageBatch, Reply, VisionLanguageModel } from "../trainer/vlm/model.js";

/** Asked like PaliGemma. */
export const ANSWERING: Phrasing = {
  prompt: "answer en where is the {a} relative to the {b}?",
  answer: "{relation}",
  describe: "caption en",
  judge: { prompt: "answer en is it true that {caption}", yes: "yes", no: "no" },
};

export interface Rule {
  readonly phrasing?: Phrasing;
  /** The answer to a set's prompt; default: the right text. */
  readonly says?: (set: CaptionSet) => string;
  /** The likelihood of a text as the answer to a prompt; default: all are equally likely. */
  readonly likelihood?: (text: string, prompt: string | undefined) => number;
}

export class AnsweringModel implements VisionLanguageModel {
  readonly description = { directory: "rule", architecture: "rule", parameters: 0, trainable: 0 };
  readonly imageSize = 32;
  readonly phrasing: Phrasing;
  /** Everything it was asked, in order; and what it was trained on. */
  readonly asked: CaptionSet[] = [];
  readonly trained: CaptionSet[] = [];
  /** Number of sets that it answered in words. */
  spoken = 0;

  constructor(private readonly rule: Rule = {}) {
    this.phrasing = rule.phrasing ?? ANSWERING;
  }

  async score(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Float32Array[][]> {
    if (captions.length !== images.count) throw new RangeError(`${captions.length} lists of ${images.count} images`);
    const { likelihood = () => 0 } = this.rule;
    return captions.map((sets) =>
      sets.map((set) => {
        this.asked.push(set);
        return Float32Array.from([set.right, ...set.wrong], (text) => likelihood(text, set.prompt));
      }),
    );
  }

  async reply(images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<Reply[][]> {
    const { says = ({ right }: CaptionSet) => right } = this.rule;
    const scored = await this.score(images, captions);
    return captions.map((sets, i) =>
      sets.map((set, j): Reply => {
        this.spoken += 1;
        return { logits: scored[i]?.[j] ?? new Float32Array(), said: this.phrasing.prompt === null ? null : says(set) };
      }),
    );
  }

  async fineTune(_images: ImageBatch, captions: readonly (readonly CaptionSet[])[]): Promise<FineTuneResult> {
    this.trained.push(...captions.flat());
    return { loss: 1, gradientNorm: 1 };
  }

  saveAdapter(): Promise<void> {
    return Promise.resolve();
  }
  async state() {
    return { tensors: {}, steps: 0 };
  }
  restore(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}
