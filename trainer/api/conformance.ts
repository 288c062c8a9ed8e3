/** @file `rls3/conformance`: the suite that holds a server to the protocol, as `rls3 env check` runs it. */
export {
  CHECKS,
  type CheckResult,
  type ConformanceReport,
  checkServer,
  type Level,
  Peer,
  type PeerOptions,
} from "../../protocol/conformance/index.js";
