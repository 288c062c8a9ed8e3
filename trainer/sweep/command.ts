/** @file The command that repeats a cell alone: `rls3 train` with the settings that are not at their defaults. */
import { type Configuration, resolveConfiguration } from "../settings/configuration.js";
import { flagOf, SETTING_NAMES, type SettingName } from "../settings/settings.js";

/** Settings by which the configuration differs from what `rls3 train` resolves to with the same agent. */
function differences(configuration: Configuration, quick: boolean): SettingName[] {
  const { agent } = configuration;
  const plain = resolveConfiguration([{ name: "agent", values: { agent } }], { quick });
  return SETTING_NAMES.filter((name) => name !== "agent" && configuration[name] !== plain[name]);
}

/** The settings that are not at their defaults, with --quick or without, whichever is shorter. */
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
    // A plugin's own agent and reward are taken unless others are named.
    ...(configuration.agent === "rls3" && plugin === undefined ? [] : [`--agent ${configuration.agent}`]),
    ...(plugin === undefined || names.includes("reward") ? [] : [flag("reward", configuration.reward)]),
    ...names.map((name) => flag(name, configuration[name])),
  ].join(" ");
}

export function flag(name: SettingName, value: unknown): string {
  if (typeof value === "boolean") return value ? flagOf(name) : flagOf(name).replace("--", "--no-");
  const word = String(value);
  // What begins with a dash would be taken for a flag of its own.
  return `${flagOf(name)}${word.startsWith("-") ? "=" : " "}${quoted(word)}`;
}

/** As a POSIX shell takes it. */
const quoted = (word: string): string => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
