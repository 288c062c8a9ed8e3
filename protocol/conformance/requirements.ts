/**
 * @file Which checks test which numbered requirement of protocol/README.md, or why no message can show it.
 * test/protocol/mutants.test.ts breaks each requirement on purpose: a check named here must notice.
 */

export type Requirement =
  /** Names of checks of the suite. */
  | { readonly checks: readonly string[] }
  /** Why the suite cannot tell, and what tests the servers of this repository instead. */
  | { readonly unseen: string };

const by = (...checks: string[]): Requirement => ({ checks });
const unseen = (why: string): Requirement => ({ unseen: why });

export const REQUIREMENTS: Readonly<Record<string, Requirement>> = {
  T1: by("ping.pong", "message.type", "session.connection"),
  T2: by("session.connection"),
  T3: by("limits.frame"),

  E1: by("header.unreadable", "header.cut"),
  E2: by("header.numbers"),
  E3: by("header.integers"),
  E4: by("header.nil", "hello.values"),
  E5: by("header.unknown_keys"),
  E6: by("header.utf8"),
  E7: by("header.bounds", "resend.error"),
  E8: by("header.as_much"),
  E9: by("reset.observations", "step.results"),
  E10: by("tensor.frame"),
  E11: by("reset.observations", "step.results", "hello.welcome"),
  E12: by("header.repeated_key"),
  E13: by("header.not_finite"),
  E14: by("header.formats"),

  M1: by("ping.pong", "hello.welcome", "close.closed", "reset.required", "batch.empty"),
  M2: by("message.req", "order.looks"),
  M3: by("hello.values"),
  M4: by("hello.refused"),
  M5: by("hello.sid"),
  M6: by("hello.welcome"),
  M7: by("limits.answer"),
  M8: by("graphics.size"),
  M9: by("configure.effect"),
  M10: by("reset.required"),
  M11: by("reset.first_seed"),
  M12: by("message.wrong_values", "batch.empty"),
  M13: by("batch.action_rows", "tensor.without_steps", "message.wrong_values"),
  M14: by("tensor.frame", "tensor.others"),
  M15: by("batch.empty", "message.wrong_values", "noop.observes"),
  M16: by("reset.again", "message.wrong_values", "reset.seed_repeats"),
  M17: by("noop.observes"),
  M18: by("batch.rows", "batch.empty"),
  M19: by("batch.rows", "batch.empty"),
  M20: by("batch.errors_apart"),
  M21: by("reset.observations", "noop.observes", "step.results"),
  M22: by("reset.observations", "noop.observes"),
  M23: by("episode.counts", "reset.again", "reset.options"),
  M24: by("step.results", "reset.again", "reset.observations"),
  M25: by("step.results", "noop.observes", "reset.observations"),
  M26: by("reset.required", "batch.errors_apart"),
  M27: by("episode.end"),
  M28: by("reset.required"),
  M29: unseen("what a server draws for itself crosses no wire; speed shows it (npm run bench -- env.state)"),
  M30: by("message.whole", "message.wrong_values"),
  M31: by("batch.errors_apart"),
  M32: by("action.refused", "reset.options"),
  M33: by("ping.pong"),
  M34: by("configure.values", "configure.whole"),
  M35: by("configure.values", "configure.effect"),
  M36: by("configure.effect"),
  M37: by("close.closed"),
  M38: by("close.closed"),
  M39: by("close.closed", "hello.busy_again"),
  M40: by("message.type", "message.wrong_values", "hello.version"),
  M41: by("session.required", "message.type", "hello.refused", "hello.late", "hello.version"),
  M42: by("reset.draws_on"),
  M43: unseen("a suite can't make a scene load long (unity-project/dotnet/Rls3.Gym.Tests/GymServerTests.cs)"),

  X1: by("hello.version"),
  X2: by("hello.token"),
  X3: by("hello.busy"),
  X4: by("session.required", "hello.again"),
  X5: by("resend.gap", "resend.too_old"),
  X6: by("message.type", "message.wrong_values", "header.unreadable", "reset.options"),
  X7: by("limits.frame"),
  X8: by("limits.answer"),
  X9: by("graphics.honest"),
  X10: by("action.shape"),
  X11: by("action.bounds"),
  X12: unseen(
    "no message makes every environment fail; the servers' own tests make theirs fail (test/protocol/guarantees.test.ts)",
  ),
  X13: unseen("a right server has no such fault to show"),
  X14: by("order.looks", "session.required", "hello.token", "hello.refused"),
  X15: by("action.bounds"),
  X16: by("action.bounds"),

  O1: by("hello.welcome"),
  O2: by("pipeline.order"),
  O3: by("resend.kept", "resend.error"),
  O4: by("resend.executed_once"),
  O5: by("resend.too_old"),
  O6: by("resend.gap"),
  O7: by("resend.error", "message.type", "limits.frame"),
  O8: by("order.exempt"),
  O9: by("hello.repeated"),
  O10: by("hello.late"),
  O11: by("hello.again"),
  O12: by("hello.busy_again"),
  O13: unseen(
    "how much a server keeps shows only where a client reads nothing for megabytes (test/protocol/unread.test.ts)",
  ),
  O14: by("session.connection"),

  S1: by("hello.busy"),
  S2: by("session.silence"),
  S3: by("session.silence"),
  S4: by("session.heard"),
  S5: unseen(
    "a suite that is gone sees nothing; the servers' own tests watch the process (test/protocol/guarantees.test.ts, unity-project/dotnet/Rls3.Gym.Tests/GymServerTests.cs)",
  ),
  S6: unseen(
    "it takes a silence longer than any server's patience, of a server that connected (test/protocol/guarantees.test.ts, unity-project/dotnet/Rls3.Gym.Tests/GymServerTests.cs)",
  ),

  K1: by("hello.token"),
  K2: unseen("a server that does not start answers nothing (test/protocol/guarantees.test.ts)"),
  K3: unseen("a missing answer cannot be told from a missing server (test/protocol/guarantees.test.ts)"),

  D1: by("step.repeats", "reset.seed_repeats"),
  D2: by("reset.seeds_differ"),
  D3: by("state_hash.follows_state"),
  D4: by("state_hash.follows_state"),
  D5: by("state_hash.follows_state", "noop.observes"),

  L1: by("configure.effect", "configure.whole", "configure.values"),
  L2: by("images.drawn"),
  L3: by("curve.used"),
};

/** The requirements that a check tests. */
export function numbersOf(check: string): readonly string[] {
  return Object.entries(REQUIREMENTS).flatMap(([number, row]) =>
    "checks" in row && row.checks.includes(check) ? [number] : [],
  );
}
