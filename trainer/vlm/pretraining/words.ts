/** @file Words that get tokens in every pre-trained model, whether or not it has learned their meaning. */

/** Structure and relation words of the captions. */
const CAPTION_WORDS = "the and is of to in right left behind front above below . on where relation".split(" ");

/** Names and colours that other worlds are likely to use: tokens only, untrained. */
const ROOM_FOR_OTHER_WORLDS = (
  "mug cup glass spoon fork knife candle clock book apple orange banana pear lemon teapot kettle jar box can lamp toy car ball " +
  "cube block cone cylinder phone notebook pen pencil basket chair table sofa shelf red green blue white black brown pink grey " +
  "large big tall round wooden metal"
).split(" ");

/** A model's `own` words, those of captions, of the objects' names, and of other worlds. */
export function vocabularyWords(own: readonly string[], names: readonly string[]): string[] {
  const ofNames = names.flatMap((name) => name.toLowerCase().split(/\s+/));
  return [...new Set([...own, ...CAPTION_WORDS, ...ofNames, ...ROOM_FOR_OTHER_WORLDS])];
}
