/** @file The Unity project's files fit each other, as far as that can be seen without Unity. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const project = path.resolve(import.meta.dirname, "../../../unity-project");
const read = (file: string): string => readFileSync(path.join(project, file), "utf8");
const guidOf = (asset: string): string => /^guid: (\w{32})$/m.exec(read(`${asset}.meta`))?.[1] ?? "";

it("each asset has a .meta file with a GUID of its own, and none is left over", () => {
  const check = spawnSync(process.execPath, [path.join(project, "dotnet/tools/meta.mjs"), "--check"], {
    encoding: "utf8",
  });
  expect(check.stdout + check.stderr).toBe("");
  expect(check.status).toBe(0);
});

it("the first scene is built, and its game object carries the gym server", () => {
  expect(read("ProjectSettings/EditorBuildSettings.asset")).toContain(guidOf("Assets/Scenes/Bootstrap.unity"));
  const server = guidOf("Packages/com.rls3.gym/Runtime/Engine/GymServerBehaviour.cs");
  expect(read("Assets/Scenes/Bootstrap.unity")).toContain(`m_Script: {fileID: 11500000, guid: ${server}, type: 3}`);
});
