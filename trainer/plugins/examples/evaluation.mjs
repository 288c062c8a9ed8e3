/**
 * @file Your own metrics after each iteration, in plugin.csv and TensorBoard: accuracy on the pairs of one object, and
 * how certain the model is. Run it: npx rls3 train --quick --plugin trainer/plugins/examples/evaluation.mjs
 */

/** @type {import("rls3/plugins").Evaluation} */
const evaluation = {
  metrics: ["first_object", "certainty"],
  measure: async ({ testSets, accuracy }) => {
    const { images, questions } = testSets.test;
    const about = questions.map((ofImage) => ofImage.filter(({ first, second }) => first === 0 || second === 0));
    const asked = about.flatMap((ofImage, i) => (ofImage.length > 0 ? [i] : []));
    const part = { images: asked.map((i) => images[i]), questions: asked.map((i) => about[i]) };
    const { termProbability } = await accuracy(testSets.test);
    const sure = Object.values(termProbability).map((probability) => Math.abs(2 * probability - 1));
    return {
      // Null where it is not measured.
      first_object: asked.length === 0 ? null : (await accuracy(part)).plain.oneTerm,
      certainty: sure.reduce((sum, value) => sum + value, 0) / sure.length,
    };
  },
};

/** @type {import("rls3/plugins").Plugin} */
export default { name: "measures", evaluation };
