/** @file `rls3 dashboard` as a process, for the tests of its server and its page. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { z } from "zod";
import { root } from "../../runs/runs.js";

const said = z.object({ url: z.string() });

export interface OpenDashboard extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** As Ctrl-C does; the exit code. */
  interrupt(): Promise<number | null>;
}

export async function openDashboard(folder: string, ...flags: readonly string[]): Promise<OpenDashboard> {
  const child = spawn(
    process.execPath,
    [path.join(root, "dist/trainer/cli/main.js"), "dashboard", folder, "--json", ...flags],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let error = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    error += text;
  });
  const exited = once(child, "exit");
  const line = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resolve(text);
    });
    void exited.then(([code]) => reject(new Error(`rls3 dashboard ended with ${code}: ${error}`)));
  });
  const { url } = said.parse(JSON.parse(line));
  const interrupt = async (): Promise<number | null> => {
    child.kill("SIGINT");
    const [code] = (await exited) as [number | null];
    return code;
  };
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    interrupt,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null) await interrupt();
    },
  };
}
