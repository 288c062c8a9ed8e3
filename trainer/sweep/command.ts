/** @file The command that repeats a single cell: `rls3 train` with all settings that are not at their defaults. */
import { type Configuration, resolveConfiguration } from "../settings/configuration.js";
import { flagOf, SETTING_NAMES, type SettingName } from "../settings/settings.js";

/** Settings in which the configuration differs from that of `rls3 train` with the same agent. */
function differences(configuration: Configuration, quick: boolean): SettingName[] {
  const { agent } = configuration;
  const plain = resolveConfiguration([{ name: "agent", values: { agent } }], { quick });
  return SETTING_NAMES.filter((name) => name !== "agent" && configuration[name] !== plain[name]);
}

/** The settings that are not at their defaults, with or without --quick, whichever is shorter. */
export function unusual(configuration: Configuration): {
  readonly quick: boolean;
  readonly names: readonly SettingName[];
} {
  const [plain, quick] = [differences(configuration, false), differences(configuration, true)];
  return quick.length < plain.length ? { quick: true, names: quick } : { quick: false, names: plain };
}

export function repeatCommand(configuration: Configuration, plugin?: string): string {
  const { quick, names } = unusual(configuration);
  return [
    "rls3 train",
    ...(quick ? ["--quick"] : []),
    ...(plugin === undefined ? [] : [`--plugin ${quoted(plugin)}`]),
    // A plugin's agent and reward are the defaults, unless others are named.
    ...(configuration.agent === "rls3" && plugin === undefined ? [] : [`--agent ${configuration.agent}`]),
    ...(plugin === undefined || names.includes("reward") ? [] : [flag("reward", configuration.reward)]),
    ...names.map((name) => flag(name, configuration[name])),
  ].join(" ");
}

export function flag(name: SettingName, value: unknown): string {
  if (typeof value === "boolean") return value ? flagOf(name) : flagOf(name).replace("--", "--no-");
  const word = String(value);
  // A value that begins with a dash would be read as another flag.
  return `${flagOf(name)}${word.startsWith("-") ? "=" : " "}${quoted(word)}`;
}

/** Quoted for a POSIX shell where that needs it. */
export const quoted = (word: string): string =>
  /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
