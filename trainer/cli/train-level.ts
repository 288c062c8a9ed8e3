/**
 * @file `rls3 env check --level train`: checks what `rls3 train` needs of a server, announced and tried, before the
 * protocol's suite.
 */
import type { CheckResult } from "../../protocol/conformance/index.js";
import type { VectorEnvironment } from "../../protocol/index.js";
import { type Render, requirementsOf, trainingProblem, tryOut } from "../environments/requirements.js";
import { DEFAULT_IMAGE_SIZE } from "../rooms/index.js";

const README = "trainer/environments/README.md";

/** Checks the server in its session, which stays open. First prints in a sentence what it lacks. */
export async function trainingChecks(
  server: VectorEnvironment,
  onCheck: (result: CheckResult) => void,
): Promise<readonly CheckResult[]> {
  const { welcome } = server;
  // A server without a renderer can still be trained on, with pictures drawn here.
  const render: Render = welcome.graphics === null ? "embedded" : "server";
  const results: CheckResult[] = [];
  const add = (name: string, requirement: string, problem: string | undefined): void => {
    const detail = problem === undefined ? requirement : `${problem}. Required: ${requirement}. To do: see ${README}`;
    const outcome = problem === undefined ? ("passed" as const) : ("failed" as const);
    const result = { name: `train.${name}`, outcome, detail };
    results.push(result);
    onCheck(result);
  };
  const lacks = trainingProblem(welcome, DEFAULT_IMAGE_SIZE, render);
  if (lacks !== undefined) process.stderr.write(`${lacks}. See ${README}\n`);
  for (const { name, needs, problem } of requirementsOf(welcome, DEFAULT_IMAGE_SIZE, render)) add(name, needs, problem);
  if (lacks !== undefined) return results;
  if (render === "embedded") add("images", "it renders none: train with --render embedded", undefined);
  for (const { name, requirement, problem } of await tryOut(server, DEFAULT_IMAGE_SIZE, render)) {
    add(name, requirement, problem);
  }
  return results;
}
