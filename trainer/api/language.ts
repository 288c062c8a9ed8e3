/** @file `rls3/language`: relations in a state, captions and their flips; parses and scores a model's answers. */

// Relations: from positions to codes, from codes to terms.
// Captions and questions.
// Answers.
export {
  angles,
  askedPair,
  axesOfCamera,
  boundaryMargin,
  CAPTIONS,
  type CameraOffset,
  CODES,
  cameraOffset,
  caption,
  codeOfTerms,
  codeTerms,
  contradictsBases,
  distractors,
  flips,
  fullFlip,
  LANGUAGE_VERSION,
  type Phrasing,
  parseAnswer,
  type RelationCode,
  relation,
  relationPhrase,
  rubricScore,
  TERMS,
  type Term,
  termF1,
  termFlips,
  type Vocabulary,
} from "../language/index.js";
