import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { dotnetHostCommand } from "../../trainer/environments/dotnet-host.js";
import { temporaryFolder } from "../temporary.js";

const folder = temporaryFolder("dotnet");
const { PATH } = process.env;
afterEach(() => {
  process.env["PATH"] = PATH;
});

it("the .NET SDK is started without its telemetry, its greeting and its look for updates", () => {
  const [sources, dll, said] = ["sources", "host.dll", "said"].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(sources);
  const told = `"$1" "$DOTNET_CLI_TELEMETRY_OPTOUT" "$DOTNET_NOLOGO" "$DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE"`;
  const dotnet = path.join(folder, "dotnet");
  writeFileSync(dotnet, `#!/bin/sh\necho ${told} >> "${said}"\necho 10.0.100\n[ "$1" != build ] || : > "${dll}"\n`);
  chmodSync(dotnet, 0o755);
  process.env["PATH"] = `${folder}${path.delimiter}${PATH}`;
  const program = { title: "a host", project: sources, dll, sources: [sources] };
  expect(dotnetHostCommand(program)).toEqual({ command: "dotnet", args: [dll] });
  expect(readFileSync(said, "utf8")).toBe("--version 1 1 true\nbuild 1 1 true\n");
});
