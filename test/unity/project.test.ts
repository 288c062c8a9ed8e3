/** @file The Unity project's files fit together, as far as that can be tested without Unity. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { SETTINGS } from "../../trainer/settings/settings.js";

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

it("the first scene serves as many environments as rls3 train needs by default", () => {
  const served = /^ {4}EnvCount: (\d+)$/m.exec(read("Assets/Scenes/Bootstrap.unity"))?.[1];
  expect(Number(served)).toBe(SETTINGS.episodesPerIteration.fallback);
});

it("the lock file has what the manifest and the package ask for", () => {
  interface Locked {
    readonly version: string;
    readonly depth: number;
    readonly source: string;
    readonly dependencies: Readonly<Record<string, string>>;
  }
  const { dependencies } = JSON.parse(read("Packages/manifest.json")) as { dependencies: Record<string, string> };
  const locked = (JSON.parse(read("Packages/packages-lock.json")) as { dependencies: Record<string, Locked> })
    .dependencies;
  for (const [name, version] of Object.entries(dependencies)) {
    expect(locked[name], name).toMatchObject({ version, depth: 0 });
  }
  const own = JSON.parse(read("Packages/com.rls3.gym/package.json")) as Locked & { name: string };
  const { name, dependencies: needs } = own;
  expect(locked[name]).toEqual({ version: `file:${name}`, depth: 0, source: "embedded", dependencies: needs });
  // Nothing is locked without being requested, and nothing is requested without being locked.
  const asked = Object.values(locked).flatMap((entry) => Object.keys(entry.dependencies));
  expect(Object.keys(locked).sort()).toEqual([...new Set([...asked, ...Object.keys(dependencies), name])].sort());
});
