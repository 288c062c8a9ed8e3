/**
 * @file The part of config.json that determines a run's numbers, as checkpoints record it. If a user edits it, the run
 * would continue as a different one.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { InputError } from "../errors.js";
import type { SettingName } from "../settings/settings.js";

/**
 * Keys of config.json that do not affect the numbers. A run's shared files are checked by digest, wherever they are.
 */
const BESIDE = new Set(["command", "continued", "keepPictures", "versions", "machine", "commit", "shared"]);
/**
 * Settings for the address of the environment. Another server with the same world gives the same numbers; another world
 * is refused by its digest.
 */
const PLACES = new Set(["env", "keys"]);
/** The length of the plan. No number of an iteration depends on it, so a run may get a longer plan. */
export const GROWING = ["iterations", "validSamples"] as const satisfies readonly SettingName[];
const LONGEST_SHOWN = 60;
/** Of a plugin only its code counts, wherever the file is. */
const pluginSchema = z.object({ sha256: z.string() });

const mapSchema = z.record(z.string(), z.unknown());

/** Each key, settings one by one, with its value as JSON, or a digest where that is long. */
export function followedSettings(config: unknown): Readonly<Record<string, string>> {
  // Convert through JSON, as when read from a file: a key without a value disappears.
  const { configuration, plugin, ...others } = mapSchema.parse(JSON.parse(JSON.stringify(config)));
  const settings = mapSchema.safeParse(configuration);
  const entries = [
    ...Object.entries(others).filter(([key]) => !BESIDE.has(key)),
    ...(plugin === undefined ? [] : [["plugin", pluginSchema.safeParse(plugin).data?.sha256 ?? plugin] as const]),
    ...(settings.success ? settingsOf(settings.data) : [["configuration", configuration] as const]),
  ];
  return Object.fromEntries(entries.map(([key, value]) => [key, brief(value)]));
}

function settingsOf(configuration: Readonly<Record<string, unknown>>): (readonly [string, unknown])[] {
  // The embedded environment draws the same pictures either way.
  const render = configuration["env"] === "embedded" ? "embedded" : configuration["render"];
  return Object.entries({ ...configuration, ...(render === undefined ? {} : { render }) }).flatMap(([key, value]) =>
    PLACES.has(key) ? [] : [[`configuration.${key}`, value] as const],
  );
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  if (text.length <= LONGEST_SHOWN) return text;
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

type Followed = Readonly<Record<string, string>>;

/**
 * Refuses a configuration that differs from the saved one.
 * @throws InputError with the key that changed
 */
export const refuseChanged = (source: string, saved: Followed, config: unknown): void =>
  refuseWhere(source, saved, followedSettings(config), () => true);

/** The same, but allows a plan that has grown since. */
export const refuseChangedButLonger = (source: string, saved: Followed, config: unknown): void =>
  refuseWhere(source, saved, followedSettings(config), (key, before, after) => {
    const grows = GROWING.some((name) => key === `configuration.${name}`);
    return !(grows && Number(after) >= Number(before));
  });

function refuseWhere(
  source: string,
  saved: Followed,
  now: Followed,
  matters: (key: string, before: string | undefined, after: string | undefined) => boolean,
): void {
  const keys = new Set([...Object.keys(saved), ...Object.keys(now)]);
  const key = [...keys].find((one) => saved[one] !== now[one] && matters(one, saved[one], now[one]));
  if (key === undefined) return;
  const [before, after] = [saved[key] ?? "not there", now[key] ?? "not there"];
  const shown = [before, after].some((text) => text.startsWith("sha256:"))
    ? "is not what it was"
    : `was ${before} and is ${after} now`;
  throw new InputError(
    `${source}: ${key} ${shown}, which would make it another run; put it back, or start a new run with it`,
  );
}
