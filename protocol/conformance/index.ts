/** @file The conformance suite: every check against one server, in order, in few sessions. */
import { PROTOCOL_VERSION } from "../messages.js";
import { BATCHES } from "./batches.js";
import { CAPABILITIES } from "./capabilities.js";
import { type Check, type Claim, NotTried } from "./check.js";
import { ENCODING } from "./encoding.js";
import { ENVIRONMENT } from "./environment.js";
import { CONVERSATION } from "./messages.js";
import { Peer, type PeerOptions } from "./peer.js";
import { numbersOf } from "./requirements.js";
import { BEFORE_HELLO, CURVE, FAREWELL, HELLO, SESSION, TOKEN } from "./session.js";

/**
 * What is checked. core: what every server must do; full: also `state_hash`, `configure` and `images`, announced or
 * not.
 */
export type Level = "core" | "full";

/** The result of a check. */
export interface CheckResult {
  readonly name: string;
  /** Not tried: the check does not apply to the server, or would wait longer than the user allows. */
  readonly outcome: "passed" | "failed" | "not tried";
  /** The requirement, or why it was not tried, or what is wrong and what to do. */
  readonly detail: string;
}

/** The results of a server at a level, with their counts; `claimed`: core and the capabilities that welcome names. */
export interface ConformanceReport {
  readonly server: string;
  readonly protocol: number;
  readonly level: Level | "claimed";
  readonly checks: readonly CheckResult[];
  readonly passed: number;
  readonly failed: number;
  readonly notTried: number;
}

const WITH_SESSION: readonly Check[] = [
  ...ENCODING,
  ...CONVERSATION,
  ...BATCHES,
  ...ENVIRONMENT,
  ...CAPABILITIES,
  ...CURVE,
  ...SESSION,
  ...FAREWELL,
];

/** All checks of the suite, in order. */
export const CHECKS: readonly Check[] = [...BEFORE_HELLO, ...TOKEN, ...HELLO, ...WITH_SESSION];

/** Which claims to check, given those in welcome. */
function selected(level: Level | undefined, claimed: readonly string[]): ReadonlySet<Claim> {
  if (level === "core") return new Set<Claim>(["core"]);
  const wanted = (["state_hash", "configure", "images", "curve"] as const).filter(
    (claim) => claimed.includes(claim) || (level === "full" && claim !== "curve"),
  );
  return new Set<Claim>(["core", ...wanted]);
}

/**
 * Runs the suite through an open peer; closes the session at the end.
 * @param level core: what every server must do; full: also every capability except curve, announced or not; undefined:
 * core and announced capabilities
 * @param onCheck called with each result; ends the suite where it returns true
 */
export async function checkServer(
  peer: Peer,
  level: Level | undefined,
  onCheck: (result: CheckResult) => unknown = () => undefined,
): Promise<ConformanceReport> {
  const checks: CheckResult[] = [];
  let over = false;
  const add = (result: CheckResult): void => {
    checks.push(result);
    over = onCheck(result) === true;
  };
  const run = async (check: Check): Promise<void> => {
    if (!over) add(await runCheck(check, peer));
  };
  for (const check of BEFORE_HELLO) await run(check);
  const asksToken = peer.options.keys !== undefined || peer.options.token !== undefined;
  for (const check of TOKEN) {
    if (asksToken) await run(check);
    else add({ name: check.name, outcome: "not tried", detail: "not tried: the suite was given no token" });
  }
  for (const check of HELLO) {
    await run(check);
    if (peer.sid === "") over = true;
  }
  if (peer.sid !== "") {
    const { capabilities } = peer.welcome;
    const claims = selected(level, capabilities);
    for (const check of WITH_SESSION) {
      if (!claims.has(check.claim) || over) continue;
      if (check.claim === "core" || capabilities.includes(check.claim)) await run(check);
      else
        add({
          name: check.name,
          outcome: "failed",
          detail: `welcome does not claim "${check.claim}"; level full wants it`,
        });
    }
  }
  const count = (outcome: CheckResult["outcome"]): number => checks.filter((check) => check.outcome === outcome).length;
  const server = peer.sid !== "" ? `${peer.welcome.name} (${peer.welcome.package})` : peer.endpoint;
  return {
    server,
    protocol: PROTOCOL_VERSION,
    level: level ?? "claimed",
    checks,
    passed: count("passed"),
    failed: count("failed"),
    notTried: count("not tried"),
  };
}

async function runCheck(check: Check, peer: Peer): Promise<CheckResult> {
  const { name, requirement, remedy } = check;
  try {
    await check.run(peer);
    return { name, outcome: "passed", detail: requirement };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const rest = await recover(peer);
    if (error instanceof NotTried && rest === "") return { name, outcome: "not tried", detail: `not tried: ${said}` };
    const numbers = numbersOf(name).join(", ");
    const required = `${requirement} (${numbers} of protocol/README.md)`;
    return { name, outcome: "failed", detail: `${said}. Required: ${required}. To do: ${remedy}.${rest}` };
  }
}

/** A failed check may leave answers under way, or no session: the next check starts from a clean session. */
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
