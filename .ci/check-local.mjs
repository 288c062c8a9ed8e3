// Checks with a small comparison what the README promises: it connects to no address but loopback, and writes nothing
// outside the run's folder. Traces every connect, bind, open and rename of the whole process tree (strace), so that
// removed files and failed connections count, too. Exits with code 1 after a violation, or if nothing could be traced.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(path.join(tmpdir(), "rls3-local-"));
const [run, home, temporary, traces] = ["run", "home", "tmp", "traces"].map((name) => path.join(scratch, name));
for (const folder of [home, temporary, traces]) mkdirSync(folder);

const PROGRAM = [
  path.join(root, "dist/trainer/cli/main.js"),
  "compare",
  "--quick",
  "--seeds",
  "1",
  "--iterations",
  "1",
];
const CALLS =
  "connect,bind,sendto,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat";

/** Like a user's shell, with an empty home and no sign of CI, in which a library might behave better. */
function environment() {
  const { CI: _ci, XDG_CACHE_HOME: _cache, XDG_CONFIG_HOME: _config, ...inherited } = process.env;
  return { ...inherited, HOME: home, TMPDIR: temporary };
}

const LOOPBACK = /inet_addr\("127\.|inet_pton\(AF_INET6, "::1"|sa_family=AF_(UNIX|NETLINK|UNSPEC)/;
const DEVICES = /^\/(dev|proc)\//;
const inside = (file) => file === run || file.startsWith(`${run}/`);

/** What a traced call did that is forbidden, or null. */
function offence(line) {
  const call = line.slice(0, line.indexOf("("));
  if (call === "connect" || call === "bind" || call === "sendto") {
    return line.includes("sa_family=") && !LOOPBACK.test(line) ? line : null;
  }
  if (/ = -1 /.test(line)) return null;
  if (call === "open" || call === "openat" || call === "creat") {
    if (call !== "creat" && !/O_WRONLY|O_RDWR|O_CREAT/.test(line)) return null;
    const file = / = \d+<([^>]*)>/.exec(line)?.[1] ?? line;
    return inside(file) || DEVICES.test(file) ? null : line;
  }
  const files = [...line.matchAll(/"([^"]*)"/g)].map(([, file]) => path.resolve(root, file));
  return files.every(inside) ? null : line;
}

try {
  const strace = ["-ff", "-qq", "-y", "-s", "512", "-o", path.join(traces, "trace"), "-e", `trace=${CALLS}`];
  const { status, error, stderr } = spawnSync("strace", [...strace, process.execPath, ...PROGRAM, "--out", run], {
    cwd: root,
    env: environment(),
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status !== 0) {
    console.error(`strace ${PROGRAM.slice(1).join(" ")} failed: ${error?.message ?? `exit code ${status}\n${stderr}`}`);
    process.exitCode = 1;
  } else {
    const lines = readdirSync(traces).flatMap((name) => readFileSync(path.join(traces, name), "utf8").split("\n"));
    const offences = lines.filter((line) => line.includes("(") && offence(line) !== null);
    const left = [home, temporary].flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)));
    const connected = lines.filter((line) => line.startsWith("connect(") && line.includes("127.0.0.1")).length;
    const written = lines.filter((line) => line.startsWith("openat(") && line.includes("metrics.csv")).length;
    for (const line of offences.slice(0, 20)) console.error(`outside the run's folder, or beyond loopback: ${line}`);
    for (const file of left) console.error(`left behind: ${file}`);
    console.log(
      `${lines.length} calls of ${readdirSync(traces).length} threads traced; ${connected} connections to loopback, ${offences.length} offences, ${left.length} files left behind`,
    );
    // A trace without the run's own connection and file proves nothing.
    if (connected === 0 || written === 0) console.error("the trace lacks the run's own connections and files");
    process.exitCode = connected > 0 && written > 0 && offences.length === 0 && left.length === 0 ? 0 : 1;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
