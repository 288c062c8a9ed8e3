/** @file `rls3/conformance`: tests a server against the protocol, as `rls3 env check` does. */
export {
  CHECKS,
  type CheckResult,
  type ConformanceReport,
  checkServer,
  type Level,
  Peer,
  type PeerOptions,
} from "../../protocol/conformance/index.js";
