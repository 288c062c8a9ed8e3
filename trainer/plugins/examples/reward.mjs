/**
 * @file Your own reward: pays for samples that the model finds hard and that have a rare relation in this iteration.
 * Run it: npx rls3 train --quick --plugin trainer/plugins/examples/reward.mjs
 */

/** @type {import("rls3/plugins").Reward} */
function reward(samples) {
  const counts = new Map();
  for (const term of samples.flatMap(({ movedTerms }) => movedTerms)) counts.set(term, (counts.get(term) ?? 0) + 1);
  return samples.map(({ probability, movedTerms }) => {
    // The moved object has no pair to ask about.
    if (probability === null) return 0;
    const rarest = Math.min(...movedTerms.map((term) => counts.get(term)));
    return (1 - probability) / Math.sqrt(rarest);
  });
}

/** @type {import("rls3/plugins").Plugin} */
export default { name: "rare and hard", reward };
