/** @file The conformance suite: every check against one server, in order, in few sessions. */
import { PROTOCOL_VERSION } from "../messages.js";
import type { Check, Claim } from "./check.js";
import { ENVIRONMENT } from "./environment.js";
import { BEFORE_HELLO, CONVERSATION, FAREWELL, HELLO } from "./messages.js";
import { Peer, type PeerOptions } from "./peer.js";

export type Level = "core" | "full";

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was held, or why there was nothing to hold, or what is wrong and what to do. */
  readonly detail: string;
}

export interface ConformanceReport {
  readonly server: string;
  readonly protocol: number;
  readonly level: Level | "claimed";
  readonly checks: readonly CheckResult[];
  readonly passed: number;
  readonly failed: number;
}

const CURVE: readonly Check[] = [
  {
    name: "curve.token",
    claim: "curve",
    requirement: "a hello with a wrong token is AUTH",
    remedy: "compare the token before anything else of hello, in constant time",
    run: async (peer) => {
      await peer.refused("AUTH", peer.helloFields({ token: "not-the-token-of-this-server" }));
      return undefined;
    },
  },
];

/** Which claims are checked; undefined before welcome has said what is claimed. */
function selected(level: Level | undefined, claimed: readonly string[]): ReadonlySet<Claim> {
  if (level === "core") return new Set<Claim>(["core"]);
  if (level === "full") return new Set<Claim>(["core", "state_hash", "configure", "images"]);
  return new Set<Claim>([
    "core",
    ...(["state_hash", "configure", "images"] as const).filter((claim) => claimed.includes(claim)),
  ]);
}

/**
 * Runs the suite through an open peer; the session is closed at the end.
 * @param level core: what any server must do; full: every capability too, claimed or not; undefined: core and what is claimed.
 */
export async function checkServer(
  peer: Peer,
  level: Level | undefined,
  onCheck: (result: CheckResult) => void = () => undefined,
): Promise<ConformanceReport> {
  const checks: CheckResult[] = [];
  const run = async (check: Check): Promise<boolean> => {
    const result = await runCheck(check, peer);
    checks.push(result);
    onCheck(result);
    return result.ok;
  };
  for (const check of BEFORE_HELLO) await run(check);
  if (peer.options.keys !== undefined) for (const check of CURVE) await run(check);
  let open = true;
  for (const check of HELLO) {
    open = (await run(check)) && open;
    if (check.name === "hello.welcome" && !open) break;
  }
  const greeted = checks.find((check) => check.name === "hello.welcome")?.ok === true;
  if (greeted) {
    const claims = selected(level, peer.welcome.capabilities);
    for (const check of [...CONVERSATION, ...ENVIRONMENT, ...FAREWELL]) {
      if (!claims.has(check.claim)) continue;
      if (check.claim !== "core" && !peer.welcome.capabilities.includes(check.claim)) {
        const result = {
          name: check.name,
          ok: false,
          detail: `welcome does not claim "${check.claim}"; level full wants it`,
        };
        checks.push(result);
        onCheck(result);
      } else {
        await run(check);
      }
    }
  }
  const passed = checks.filter((check) => check.ok).length;
  const server = greeted ? `${peer.welcome.name} (${peer.welcome.package})` : peer.endpoint;
  return {
    server,
    protocol: PROTOCOL_VERSION,
    level: level ?? "claimed",
    checks,
    passed,
    failed: checks.length - passed,
  };
}

async function runCheck(check: Check, peer: Peer): Promise<CheckResult> {
  try {
    const note = await check.run(peer);
    return { name: check.name, ok: true, detail: note ?? check.requirement };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const rest = await recover(peer);
    return {
      name: check.name,
      ok: false,
      detail: `${problem}. Required: ${check.requirement}. To do: ${check.remedy}.${rest}`,
    };
  }
}

/** A failed check may leave answers under way, or no session: the next ones start from a clean one. */
async function recover(peer: Peer): Promise<string> {
  if (peer.sid === "") return "";
  try {
    await peer.drain();
    await peer.hello();
    return "";
  } catch (error) {
    return ` (And no new session could be opened afterwards: ${error instanceof Error ? error.message : error})`;
  }
}

export { Peer, type PeerOptions };
