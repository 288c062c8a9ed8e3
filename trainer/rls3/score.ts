/** @file S, the score of a sample from 1 to 5, and the paper's hardness of it. */

/** S of a sample or an episode, from a rubric or a probability of the right answer: 1 (all wrong) to 5 (all right). */
export const scoreOf = (right: number): number => 1 + 4 * right;

/** h: the paper's (6 − S)², from 1 (S = 5) to 25 (S = 1), scaled to 0 … 1. */
export const hardnessOf = (score: number): number => ((6 - score) ** 2 - 1) / 24;
