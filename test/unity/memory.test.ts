/** @file The .NET host frees the memory of a client's huge frames. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Dealer } from "zeromq";
import { decodeHeader, encodeHeader } from "../../protocol/codec.js";
import { answersKept, MOST_KEPT } from "../protocol/deaf-client.js";
import { BUILD_TIMEOUT, bound, closers, describeHost, hostCommand } from "./host.js";

const MIB = 2 ** 20;

/** Resident memory of a process in MiB, from /proc. */
const resident = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

describeHost("the .NET host", () => {
  it.runIf(process.platform === "linux")(
    "has no more memory after frames of 64 to 127 MiB than one of them takes",
    async () => {
      hostCommand();
      const { endpoint, pid } = await bound([]);
      const client = new Dealer({ linger: 0 });
      closers.push(() => client.close());
      client.connect(endpoint);
      const before = resident(pid);
      for (const size of [64, 80, 100, 127, 127, 127]) {
        const ping = encodeHeader({ v: 1, t: "ping", sid: "none", req: 1 });
        await client.send([ping, Buffer.alloc(size * MIB)]);
        const [answer = Buffer.alloc(0)] = await client.receive();
        expect(decodeHeader(answer)["t"]).toBe("error");
      }
      expect(resident(pid) - before).toBeLessThan(3 * 127);
    },
    BUILD_TIMEOUT,
  );

  it(
    "keeps no more answers that nobody reads than a client may wait for, and serves who reads again",
    async () => {
      const { endpoint } = await bound(["--diagnostic-top-view"], 64);
      const { kept, last, req } = await answersKept(endpoint, 64, "diagnostic_top_view", 15_000);
      expect(last).toMatchObject({ t: "batch_result", req });
      expect(kept).toBeLessThan(MOST_KEPT);
    },
    BUILD_TIMEOUT,
  );
});
