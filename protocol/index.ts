/** @file The public API of the protocol: everything that other folders may use. */
export { DEFAULT_TIMEOUTS, type Timeouts } from "./channel.js";
export * from "./client.js";
export * from "./environment.js";
export * from "./errors.js";
export { EnvironmentHost, type HostOptions } from "./host.js";
export type { EnvResult, ServerLimits, Welcome } from "./messages.js";
export { PROTOCOL_VERSION } from "./messages.js";
export * from "./pool.js";
export { type ProcessOptions, ServerProcess } from "./process.js";
export * from "./security.js";
export * from "./server.js";
export { endBy, keepIgnoringHangup } from "./signals.js";
export * from "./spaces.js";
export * from "./supervisor.js";
