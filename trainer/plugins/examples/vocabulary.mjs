/**
 * @file Your own words for relations, here in German; the sentence around them is a setting. Run it:
 * npx rls3 train --quick --plugin trainer/plugins/examples/vocabulary.mjs --answer "{a}: {relation} {b}"
 */

/** @type {import("rls3/plugins").Vocabulary} */
const vocabulary = {
  phrases: {
    right: "rechts von",
    left: "links von",
    behind: "hinter",
    "in front": "vor",
    above: "über",
    below: "unter",
  },
  and: " und ",
  sayings: { right: ["rechts"], left: ["links"], above: ["oberhalb"], below: ["unterhalb"] },
  negations: ["nicht", "kein"],
};

/** @type {import("rls3/plugins").Plugin} */
export default { name: "German", vocabulary };
