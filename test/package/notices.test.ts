import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../runs/runs.js";
import { temporaryFolder } from "../temporary.js";
import { conditions, notice, notices, notOurs, pagePackages } from "./notices.js";

const unityPackage = path.join(root, "unity-project/Packages/com.rls3.gym");

describe("the notices of the npm package", () => {
  it("are what the installed packages say: if not, run node dist/test/package/write-notices.js", async () => {
    expect(readFileSync(path.join(root, "THIRD-PARTY-NOTICES.md"), "utf8")).toBe(await notices(root));
  });

  it("hold the licence of every package that the live page sends to a browser", async () => {
    const packages = await pagePackages(root);
    expect(packages).toEqual(expect.arrayContaining(["preact", "d3-scale", "d3-array", "internmap"]));
    for (const name of packages) expect(notice(path.join(root, "node_modules", name))).toMatch(/^> .*copyright/im);
  });

  it("can't be written if one of them has no licence file", () => {
    const folder = temporaryFolder("notices");
    writeFileSync(path.join(folder, "package.json"), '{ "name": "some", "version": "1.0.0", "license": "MIT" }');
    expect(() => notice(folder)).toThrow(`${folder} has no licence file`);
    writeFileSync(path.join(folder, "LICENSE.txt"), "Copyright 2026 Some\n\nDo as you like.\n");
    expect(notice(folder)).toBe("### some 1.0.0\n\nLicence: MIT.\n\n> Copyright 2026 Some\n>\n> Do as you like.\n");
  });

  it("can't be written if a licence asks for more and nobody decided about it", () => {
    expect(() => conditions(new Map([["GPL-3.0", ["some"]]]))).toThrow("some: the licence is not in PERMISSIVE");
    expect(conditions(new Map([["MIT", ["some"]]]))).toEqual([]);
  });

  it("need no code of others: the package holds what tsc compiled from the repository, and nothing bundled", () => {
    for (const room of ["trainer", "protocol"]) expect(notOurs(path.join(root, "dist", room))).toEqual([]);
  });

  it("find a bundle", () => {
    const folder = temporaryFolder("notices");
    mkdirSync(path.join(folder, "page"));
    writeFileSync(path.join(folder, "page/a.js"), "");
    writeFileSync(path.join(folder, "page/b.js"), "");
    writeFileSync(path.join(folder, "page/b.js.map"), '{ "sources": ["../b.ts", "../node_modules/d/d.js"] }');
    expect(
      notOurs(folder)
        .map((file) => path.basename(file))
        .sort(),
    ).toEqual(["a.js", "b.js"]);
  });
});

describe("the notices of the Unity package", () => {
  it("name each DLL in it with its version", () => {
    const text = readFileSync(path.join(unityPackage, "Third Party Notices.md"), "utf8");
    const { dlls } = JSON.parse(readFileSync(path.join(root, "unity-project/dotnet/tools/plugins.json"), "utf8")) as {
      readonly dlls: readonly { readonly package: string; readonly version: string; readonly file: string }[];
    };
    expect(dlls.length).toBeGreaterThan(0);
    for (const { package: name, version, file } of dlls) {
      expect(text).toContain(`### ${name} ${version}\n`);
      expect(text).toContain(`\`Plugins/${path.basename(file)}\``);
    }
  });
});
