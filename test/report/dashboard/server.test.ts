/** @file The live page's server over raw sockets: whom it answers, what it does not serve, and where it listens. */
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalogFolder } from "../../../trainer/rooms/catalog-folder.js";
import { rls3 } from "../../runs/runs.js";
import { FIXTURE_ARMS, writeComparison, writeRun } from "../fixture.js";
import { type OpenDashboard, openDashboard } from "./process.js";

const parent = mkdtempSync(path.join(tmpdir(), "rls3-dashboard-"));
const folder = path.join(parent, "runs");
const SECRET = "outside the folder";
const ODD = "<img src=x onerror=alert(1)>-&-7";
let dashboard: OpenDashboard;

beforeAll(async () => {
  await writeComparison(path.join(folder, "compare", "runs"), { seeds: 1, iterations: 2, samples: 6 });
  const [arm = { name: "rls3", speed: 1, validRate: 0.9 }] = FIXTURE_ARMS;
  await writeRun(path.join(folder, ODD), arm, 7, 1, 0);
  writeFileSync(path.join(parent, "secret.png"), SECRET);
  symlinkSync(
    path.join(parent, "secret.png"),
    path.join(folder, "compare", "runs", "rls3-1000", "samples", "0001", "out.png"),
  );
  symlinkSync(parent, path.join(folder, "link"));
  writeFileSync(path.join(parent, "secret.json"), JSON.stringify({ schema: 1, configuration: { secret: SECRET } }));
  writeFileSync(path.join(parent, "secret.csv"), `iteration,generated,valid,feasibilitySteps\n424242,1,1,1\n`);
  for (const [name, spoil] of Object.entries(BAD)) {
    await writeRun(path.join(folder, "bad", name), arm, 7, 1, 2);
    spoil(path.join(folder, "bad", name));
  }
  await writeRun(path.join(folder, "drawable"), arm, 7, 1, 2);
  const config = path.join(folder, "drawable", "config.json");
  const worldCatalog: unknown = JSON.parse(readFileSync(path.join(catalogFolder, "rooms.json"), "utf8"));
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), worldCatalog }));
  dashboard = await openDashboard(folder, "--port", "0");
});
afterAll(async () => {
  await dashboard[Symbol.asyncDispose]();
  rmSync(parent, { recursive: true });
});

/** Runs of which something is wrong, none of which may hold the server up or show what is not theirs. */
const BAD: Readonly<Record<string, (run: string) => void>> = {
  malformed: (run) => writeFileSync(path.join(run, "config.json"), "{ not JSON"),
  "of-another-kind": (run) => writeFileSync(path.join(run, "config.json"), '{"schema": "one"}'),
  huge: (run) => truncateSync(path.join(run, "config.json"), 200_000_000),
  linked: (run) => {
    rmSync(path.join(run, "config.json"));
    symlinkSync(path.join(parent, "secret.json"), path.join(run, "config.json"));
  },
  "linked-metrics": (run) => {
    rmSync(path.join(run, "metrics.csv"));
    symlinkSync(path.join(parent, "secret.csv"), path.join(run, "metrics.csv"));
  },
  "linked-samples": (run) => {
    rmSync(path.join(run, "samples"), { recursive: true, force: true });
    mkdirSync(path.join(parent, "elsewhere", "0001"), { recursive: true });
    writeFileSync(path.join(parent, "elsewhere", "0001", "secret.png"), SECRET);
    writeFileSync(path.join(parent, "elsewhere", "0001.jsonl"), `{"captions": "${SECRET}"}\n`);
    symlinkSync(path.join(parent, "elsewhere"), path.join(run, "samples"));
  },
  "a-pipe": (run) => {
    rmSync(path.join(run, "config.json"));
    spawnSync("mkfifo", [path.join(run, "config.json")]);
  },
  "a-folder": (run) => {
    rmSync(path.join(run, "config.json"));
    mkdirSync(path.join(run, "config.json"));
  },
};

interface Answered {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends exactly these lines; nothing tidies them up on the way. */
function send(...lines: readonly string[]): Promise<Answered> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(dashboard.port, "127.0.0.1", () => {
      socket.write(`${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n`);
    });
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", body = ""] = text.split("\r\n\r\n", 2);
      resolve({ status: Number(head.split(" ")[1]), head, body });
    });
  });
}

const hostHeader = (): string => `Host: 127.0.0.1:${dashboard.port}`;
const get = (target: string): Promise<Answered> => send(`GET ${target} HTTP/1.1`, hostHeader());

describe("it answers", () => {
  it.each(["127.0.0.1", "localhost", "LOCALHOST"])("to the name %s", async (name) => {
    expect((await send("GET / HTTP/1.1", `Host: ${name}:${dashboard.port}`)).status).toBe(200);
  });

  it.each([
    ["another name that was made to lead here", "Host: rebound.example"],
    ["another name with its port", "Host: rebound.example:PORT"],
    ["its own name on another port", "Host: 127.0.0.1:1"],
    ["its own name without a port", "Host: 127.0.0.1"],
    ["a name that only begins like its own", "Host: 127.0.0.1:PORT.example"],
  ])("not to %s", async (_what, host) => {
    const { status, body } = await send("GET /api/v1/index HTTP/1.1", host.replace("PORT", String(dashboard.port)));
    expect(status).toBe(421);
    expect(body).not.toContain("rls3-1000");
  });

  it("not without a name, nor to two", async () => {
    expect((await send("GET / HTTP/1.1")).status).toBe(400);
    expect((await send("GET / HTTP/1.1", "Host: rebound.example", hostHeader())).status).not.toBe(200);
  });

  it.each(["https://example.org", "null", "http://127.0.0.1:1", "http://localhost", "http://localhost:PORT.example"])(
    "not to pages of %s",
    async (origin) => {
      const { status } = await send(
        "GET /api/v1/index HTTP/1.1",
        hostHeader(),
        `Origin: ${origin.replace("PORT", String(dashboard.port))}`,
      );
      expect(status).toBe(403);
    },
  );

  it("to its own pages, and not to what other sites embed", async () => {
    expect(
      (await send("GET /api/v1/index HTTP/1.1", hostHeader(), `Origin: http://127.0.0.1:${dashboard.port}`)).status,
    ).toBe(200);
    expect((await send("GET / HTTP/1.1", hostHeader(), "Sec-Fetch-Site: none")).status).toBe(200);
    expect((await send("GET / HTTP/1.1", hostHeader(), "Sec-Fetch-Site: cross-site")).status).toBe(403);
    expect((await send("GET / HTTP/1.1", hostHeader(), "Sec-Fetch-Site: same-site")).status).toBe(403);
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])("not to %s", async (method) => {
    const { status, head } = await send(`${method} /api/v1/index HTTP/1.1`, hostHeader());
    expect(status).toBe(405);
    expect(head).toMatch(/^Allow: GET\r?$/m);
  });
});

describe("it serves no file but the page's own and a run's pictures and report", () => {
  it.each([
    "/../../../../etc/passwd",
    "/app/../package.json",
    "/app/trainer/report/dashboard/page/../server.js",
    "/app/trainer/report/dashboard/server.js",
    "/app/%2e%2e/package.json",
    "/modules/yargs/package.json",
    "/modules/preact/package.json",
    "/compare/runs/rls3-1000/config.json",
    "/constructor",
    "/__proto__",
    `/picture?run=${encodeURIComponent("compare/runs/rls3-1000")}&image=${encodeURIComponent("../config.json")}`,
    `/picture?run=${encodeURIComponent("compare/runs/rls3-1000")}&image=${encodeURIComponent("0001/../../../../../../secret.png")}`,
    `/picture?run=${encodeURIComponent("compare/runs/rls3-1000")}&image=${encodeURIComponent("0001/out.png")}`,
    `/picture?run=${encodeURIComponent("bad/linked-samples")}&image=0001/secret.png`,
    `/picture?run=${encodeURIComponent("..")}&image=0001/01.png`,
    `/picture?run=${encodeURIComponent("link/runs/compare/runs/rls3-1000")}&image=0001/01.png`,
    "/picture?run=.&image=0001/01.png",
    "/report?of=..",
    "/api/v1/metrics?run=..%2f..",
    "/api/v1/metrics",
  ])("%s", async (target) => {
    const { status, body } = await get(target);
    expect(status).toBe(404);
    expect(body).not.toContain(SECRET);
  });

  it("nor a target that is no path", async () => {
    for (const target of [`http://127.0.0.1:${dashboard.port}/`, "//etc/passwd", "*"]) {
      expect((await get(target)).status).toBe(400);
    }
  });

  it("but those, as what they are", async () => {
    const picture = await get(`/picture?run=${encodeURIComponent("compare/runs/rls3-1000")}&image=0001/01.png`);
    expect(picture.status).toBe(200);
    expect(picture.head).toMatch(/^Content-Type: image\/png\r?$/m);
  });

  it("draws the rooms of a world that the renderer knows, and of no other", async () => {
    const drawn = await get("/drawn?run=drawable&iteration=1&episode=1&step=1");
    expect(drawn.status).toBe(200);
    expect(drawn.head).toMatch(/^Content-Type: image\/webp\r?$/m);
    for (const target of [
      "/drawn?run=drawable&iteration=1&episode=9&step=9",
      "/drawn?run=drawable",
      `/drawn?run=${encodeURIComponent("compare/runs/rls3-1000")}&iteration=1&episode=1&step=1`,
    ]) {
      expect((await get(target)).status, target).toBe(404);
    }
  });

  it.each(["/", "/api/v1/index", "/nothing", "/style.css"])("with headers that keep %s to itself", async (target) => {
    const { head } = await get(target);
    expect(head).toMatch(/^Cache-Control: no-store\r?$/m);
    expect(head).toMatch(/^X-Content-Type-Options: nosniff\r?$/m);
    expect(head).toMatch(/^Cross-Origin-Resource-Policy: same-origin\r?$/m);
    expect(head).not.toMatch(/^Access-Control-/im);
    const policy = /^Content-Security-Policy: (.*?)\r?$/m.exec(head)?.[1] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe-|https?:|\*/);
  });
});

describe("questions", () => {
  it("that are not understood are told so, field by field", async () => {
    const run = encodeURIComponent("compare/runs/rls3-1000");
    for (const [query, message] of [
      ["term=beside", "term"],
      ["scene=-1", "scene"],
      ["scoreFrom=low", "scoreFrom"],
      ["limit=100000", "limit"],
      ["order=loudest", "order"],
    ]) {
      const { status, body } = await get(`/api/v1/samples?run=${run}&${query}`);
      expect(status).toBe(400);
      expect((JSON.parse(body) as { error: string }).error).toContain(message);
    }
  });

  it("about a run are answered from its files, whatever its name holds", async () => {
    const { body } = await get("/api/v1/index");
    const { runs } = JSON.parse(body) as { runs: { id: string; state: string; iteration: number }[] };
    const ids = runs.map(({ id }) => id).filter((id) => !id.startsWith("bad/"));
    expect(ids.sort()).toEqual([ODD, "compare/runs/random-1000", "compare/runs/rls3-1000", "drawable"].sort());
    const metrics = JSON.parse((await get(`/api/v1/metrics?run=${encodeURIComponent(ODD)}`)).body) as {
      rows: unknown[];
    };
    expect(metrics.rows).toHaveLength(2);
  });
});

describe("the process", () => {
  it("listens on 127.0.0.1 only", async () => {
    const reached = await new Promise<boolean>((resolve) => {
      const socket = connect(dashboard.port, "127.0.0.2", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    expect(reached).toBe(false);
  });

  it("takes a free port where the usual one is taken, but not in place of one that was asked for", async () => {
    await using first = await openDashboard(folder);
    await using second = await openDashboard(folder);
    expect(second.port).not.toBe(first.port);
    const { code, err } = await rls3("dashboard", folder, "--port", String(first.port));
    expect(code).toBe(3);
    expect(err).toMatch(/--port \d+: is taken/);
    expect(await second.interrupt()).toBe(0);
  });

  it("refuses what is no folder and no port, and a file of flags with one that it has not", async () => {
    const config = path.join(parent, "flags.yaml");
    writeFileSync(config, "prot: 7573\n");
    for (const [args, message] of [
      [["dashboard", path.join(parent, "nowhere")], /nowhere: does not exist/],
      [["dashboard", path.join(parent, "secret.png")], /is a file/],
      [["dashboard", folder, "--port", "70000"], /--port: takes a number/],
      [["dashboard", folder, "--config", config], /flags\.yaml: this command has no "prot"; did you mean "port"\?/],
    ] as const) {
      const { code, err } = await rls3(...args);
      expect(code).toBe(2);
      expect(err).toMatch(message);
    }
  });

  it("writes nothing into the folder", async () => {
    const before = readdirSync(folder, { recursive: true }).sort();
    await get("/api/v1/index");
    await get(`/api/v1/map?run=${encodeURIComponent("compare/runs/rls3-1000")}`);
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
  });
});

describe("of a run of which something is wrong", () => {
  it.each(Object.keys(BAD))(
    "it answers all the same, within seconds, with 404 at most, and shows nothing of others: %s",
    async (name) => {
      for (const what of ["samples", "map", "configuration", "metrics"]) {
        const { status, body } = await get(`/api/v1/${what}?run=bad/${name}`);
        expect([200, 404], `${what}: ${body}`).toContain(status);
        expect(body).not.toMatch(new RegExp(`${SECRET}|424242`));
      }
      const { status, body } = await get("/api/v1/index");
      expect(status).toBe(200);
      expect(body).not.toMatch(new RegExp(`${SECRET}|424242`));
    },
    20_000,
  );

  it("what is wrong is said: a configuration that is no JSON, too large, a link, a pipe", async () => {
    const said = async (name: string): Promise<string> => (await get(`/api/v1/samples?run=bad/${name}`)).body;
    expect(await said("malformed")).toContain("config.json is not JSON");
    expect(await said("huge")).toContain("config.json has 200000000 bytes");
    expect(await said("linked")).toContain("config.json is a link out of its folder");
    expect(await said("a-pipe")).toContain("config.json is a pipe");
  });
});

describe("a filter that names a property of every object", () => {
  it.each(["term=constructor", "term=__proto__", "order=toString", "term=hasOwnProperty"])(
    "is none: %s",
    async (filter) => {
      const { status, body } = await get(`/api/v1/samples?run=${encodeURIComponent(ODD)}&${filter}`);
      expect(status, body).toBe(400);
    },
  );
});
