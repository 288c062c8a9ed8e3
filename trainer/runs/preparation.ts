/**
 * @file What runs share: random transitions for feasibility pre-training, and the test sets. Made once, and stored with
 * a digest of what they depend on.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import type { EnvironmentLink } from "../environments/environment-link.js";
import { drawingFrom } from "../environments/wander.js";
import { InputError } from "../errors.js";
import type { TestSet, TestSets } from "../evaluation/evaluation.js";
import { balancedSet, decodeTestSet, encodeTestSet, naturalSet } from "../evaluation/test-sets.js";
import { readTensorFile, removeAbandoned, writeSharedTensorFile } from "../files/tensor-file.js";
import { CODES, LANGUAGE_VERSION } from "../language/index.js";
import type { Progress } from "../progress.js";
import type { Transition } from "../sac/agent.js";
import { type Configuration, randomTransitionsNeeded } from "../settings/configuration.js";
import type { Tensors } from "../tensor.js";
import { decodeTransitions, encodeTransitions, randomTransitions } from "./transitions.js";

export interface Preparation {
  /** Read only on request, since they are many and needed once; empty where no feasibility steps are configured. */
  readonly transitions: () => readonly Transition[];
  readonly testSets: TestSets;
}

/** Raised when the same inputs would give other contents. Test sets also depend on which pairs are askable. */
const TRANSITIONS_VERSION = [1] as const;
const TEST_SET_VERSION = [2, LANGUAGE_VERSION] as const;

/** Reads the shared files from `directory`; makes those that are missing. */
export async function prepare(
  directory: string,
  configuration: Configuration,
  environments: EnvironmentLink,
  imageSize: number,
  progress: Progress,
): Promise<Preparation> {
  removeAbandoned(directory);
  const { testSeed, testImagesPerRelation, naturalImages, validationImagesPerRelation } = configuration;
  const feasibilitySteps = randomTransitionsNeeded(configuration);
  const { scenes, testScenes } = configuration;
  const trained = drawingFrom(environments, progress, scenes);
  const tested = drawingFrom(environments, progress, testScenes);
  const file = (
    name: string,
    version: readonly number[],
    drawn: string,
    ...dependsOn: readonly number[]
  ): StoredFile => ({
    path: path.join(directory, `${name}.safetensors`),
    // Everything that the contents depend on; a file with another digest is refused.
    digest: createHash("sha256")
      .update(
        JSON.stringify([
          ...version,
          environments.world.digest,
          trained.count,
          testSeed,
          ...dependsOn,
          ...(drawn === "" ? [] : [drawn]),
        ]),
      )
      .digest("hex"),
  });
  const testSet = async (name: string, drawn: string, size: number, make: () => Promise<TestSet>): Promise<TestSet> => {
    const kept = file(name, TEST_SET_VERSION, drawn, size, imageSize);
    return decodeTestSet(await stored(kept, async () => encodeTestSet(await make())));
  };
  const steps = file("transitions", TRANSITIONS_VERSION, scenes, feasibilitySteps);
  if (feasibilitySteps > 0) {
    await stored(steps, async () => encodeTransitions(await randomTransitions(trained, testSeed, feasibilitySteps)));
  }
  return {
    transitions: () => (feasibilitySteps > 0 ? decodeTransitions(readTensorFile(steps.path).tensors) : []),
    testSets: {
      test: await testSet("test", testScenes, testImagesPerRelation, () =>
        balancedSet(tested, "test", testSeed, testImagesPerRelation),
      ),
      natural: await testSet("natural", testScenes, naturalImages, () => naturalSet(tested, testSeed, naturalImages)),
      // Validation decides when to stop, so it uses the training scenes: test scenes are not looked at before the end.
      validation: await testSet("validation", scenes, validationImagesPerRelation, () =>
        balancedSet(trained, "validation", testSeed, validationImagesPerRelation),
      ),
    },
  };
}

/** Number of images that the model is asked about at each point of a curve. */
export const imagesEvaluated = (configuration: Configuration): number =>
  CODES.length * configuration.testImagesPerRelation +
  configuration.naturalImages +
  (configuration.earlyStopping ? CODES.length * configuration.validationImagesPerRelation : 0);

/** Whether `prepare` would find all files; their contents are only checked then. */
export const isPrepared = (
  directory: string,
  configuration: Pick<Configuration, "pretraining" | "feasibilitySteps">,
): boolean =>
  [...(randomTransitionsNeeded(configuration) > 0 ? ["transitions"] : []), "test", "natural", "validation"].every(
    (name) => existsSync(path.join(directory, `${name}.safetensors`)),
  );

/** The test sets alone, in this configuration's sizes and seed; not stored. */
export async function drawTestSets(
  { testSeed, testScenes, testImagesPerRelation, naturalImages }: Configuration,
  environments: EnvironmentLink,
  progress: Progress,
): Promise<Pick<TestSets, "test" | "natural">> {
  const draw = drawingFrom(environments, progress, testScenes);
  return {
    test: await balancedSet(draw, "test", testSeed, testImagesPerRelation),
    natural: await naturalSet(draw, testSeed, naturalImages),
  };
}

interface StoredFile {
  readonly path: string;
  readonly digest: string;
}

/** Reads the file; makes and writes it first where it is missing. A later run reads the same, to the bit. */
async function stored({ path: file, digest }: StoredFile, make: () => Promise<Tensors>): Promise<Tensors> {
  if (!existsSync(file)) {
    const tensors = await make();
    writeSharedTensorFile(file, tensors, { digest });
    return tensors;
  }
  const { tensors, note } = readTensorFile(file);
  if ((note as { digest?: unknown }).digest !== digest) {
    throw new InputError(
      `${file}: was made for another configuration or world, or by a version of rls3 that asks about other pairs; give another folder, or remove it to make it again`,
    );
  }
  return tensors;
}
