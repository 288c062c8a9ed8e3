/** @file The Python server of protocol/examples passes the whole suite, whichever side binds. */
import { execFileSync, spawnSync } from "node:child_process";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { checkServer, Peer } from "../../protocol/conformance/index.js";
import { ServerProcess } from "../../protocol/index.js";
import { ANYWHERE, closing } from "./peer.js";

const example = path.resolve(import.meta.dirname, "../../../protocol/examples/lights_server.py");
const contract = path.resolve(import.meta.dirname, "../../../test/protocol/lights_server_contract.py");

/** The first Python with the server's libraries (Debian: python3-zmq, python3-msgpack). */
const python = ["/usr/bin/python3", "python3"].find((candidate) => {
  try {
    execFileSync(candidate, ["-c", "import zmq, msgpack"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});
const missing = "no Python with zmq and msgpack: apt-get install python3-zmq python3-msgpack";

const started: ServerProcess[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});

function lights(...args: readonly string[]): ServerProcess {
  const all = ["-B", example, "--envs", "4", "--ping-period", "100", ...args];
  const server = new ServerProcess({ command: python ?? "", args: all });
  started.push(server);
  return server;
}

const patient = { patience: 10_000, longestSilence: 1000, wrongOptions: { presses: 0 } };

async function verdict(peer: Peer): Promise<{ failed: string[]; notTried: string[] }> {
  const { checks } = await checkServer(peer, undefined);
  const lines = (outcome: string): string[] => checks.filter((one) => one.outcome === outcome).map(({ name }) => name);
  return { failed: lines("failed"), notTried: lines("not tried") };
}

describe.skipIf(python === undefined)(
  python === undefined ? `the Python server (skipped: ${missing})` : "the Python server",
  () => {
    it("conforms when it connects, and ends with its session", async () => {
      const peer = closing(await Peer.open({ endpoint: ANYWHERE, bind: true, ...patient }));
      const server = lights("--connect", peer.endpoint);
      const notTried = ["hello.token", "hello.busy_again", "graphics.honest", "graphics.size"];
      expect(await verdict(peer)).toEqual({ failed: [], notTried });
      expect(await server.ended).toMatch(/code 0/);
    });

    it("conforms when it binds", async () => {
      // A port that the system has just given and freed.
      const port = closing(await Peer.open({ endpoint: ANYWHERE, bind: true }));
      const { endpoint } = port;
      port.close();
      lights("--bind", endpoint);
      const peer = closing(await Peer.open({ endpoint, ...patient }));
      expect(await verdict(peer)).toEqual({
        failed: [],
        notTried: ["hello.token", "graphics.honest", "graphics.size"],
      });
    });

    it("reads and refuses the vectors' headers like the other servers", () => {
      const vectors = path.resolve(import.meta.dirname, "../../../protocol/vectors");
      const script = [
        "import json, sys, lights_server",
        "for file in ('fuzzed-headers', 'refused-headers'):",
        "  for one in json.load(open(f'{sys.argv[1]}/{file}.json')):",
        "    refused = False",
        "    try: lights_server.decode(bytes.fromhex(one['hex']))",
        "    except lights_server.Refusal: refused = True",
        "    print('right' if refused == one.get('refused', True) else one['hex'])",
      ].join("\n");
      const env = { ...process.env, PYTHONPATH: path.dirname(example) };
      const said = execFileSync(python ?? "", ["-B", "-c", script, vectors], { env, encoding: "utf8" });
      const lines = said.trim().split("\n");
      expect(lines.length).toBeGreaterThan(200);
      expect(lines.filter((line) => line !== "right")).toEqual([]);
    });

    it.each([
      ["long_shapes", "multiplies a shape no further than its frame is long"],
      ["promised_arrays", "does not believe what an array promises"],
      ["out_of_memory", "takes a header that finds no memory for one that can't be read"],
      ["large_headers", "holds an answer's header to the client's max_frame_bytes before anything moves"],
      ["many_values", "refuses a batch with too many operations before anything moves"],
      ["crashes", "outlives an exception in an environment, and its own"],
      ["rewards", "ends the episode of an environment whose reward is not finite"],
      ["long_requests", "leaves the session with its client however long a request takes"],
    ])("is not brought down by what costs it dear (%s): it %s", (check) => {
      const { status, stderr } = spawnSync(python ?? "", ["-B", contract, check], { encoding: "utf8" });
      expect(status, stderr).toBe(0);
    });

    it("binds localhost, and says in one line where it cannot bind", async () => {
      const near = lights("--bind", "tcp://localhost:*");
      await vi.waitUntil(() => /at tcp:\/\/127\.0\.0\.1:\d+/.test(near.tail), { timeout: 10_000 });
      const [endpoint] = /tcp:\S+/.exec(near.tail) ?? [""];
      const second = lights("--bind", endpoint);
      expect(await second.ended).toMatch(/code 2/);
      expect(second.tail).toContain(`error: ${endpoint}: Address already in use`);
      expect(second.tail).not.toContain("Traceback");
    });

    it("ends 5 s after its client is gone, and refuses to serve beyond this machine", async () => {
      const peer = closing(await Peer.open({ endpoint: ANYWHERE, bind: true, ...patient }));
      const server = lights("--connect", peer.endpoint);
      await peer.hello();
      peer.close();
      expect(await server.ended).toMatch(/code 0/);
      const far = lights("--bind", "tcp://0.0.0.0:5005");
      expect(await far.ended).toMatch(/code 2/);
      expect(far.tail).toContain("takes CURVE keys and a token");
    });
  },
);
