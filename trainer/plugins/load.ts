/** @file Loads the module of `--plugin`; reports a mistake in it in one line. */
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { describeComplaint } from "../complaint.js";
import { InputError } from "../errors.js";
import { vocabularySchema } from "../language/vocabulary.js";
import { PLUGIN_COLUMNS } from "../run-format/columns.js";
import type { Configuration } from "../settings/configuration.js";
import { thrownText } from "./hooks.js";
import { LoadedPlugin } from "./loaded.js";
import type { Plugin } from "./plugin.js";
import { type PluginSource, refuseChangedPlugin } from "./source.js";

const hook = z.custom<(...given: never[]) => unknown>((value) => typeof value === "function", "must be a function");

const named = (pattern: RegExp, message: string) => z.string().refine((text) => pattern.test(text), message);

const schema = z.strictObject({
  name: named(/^[\w .-]{1,60}$/, "must be a name of up to 60 letters, digits, spaces, dots, dashes or _"),
  reward: hook.optional(),
  agent: hook.optional(),
  vocabulary: vocabularySchema.optional(),
  evaluation: z
    .strictObject({
      metrics: z
        .array(named(/^[A-Za-z]\w{0,59}$/, "must be a name of letters, digits and _"))
        .min(1)
        .refine((names) => new Set(names).size === names.length, "names a metric twice")
        .refine((names) => !names.some((name) => RESERVED.includes(name)), "takes a name of plugin.csv's own columns"),
      measure: hook,
    })
    .optional(),
  callbacks: z
    .strictObject({ onStart: hook.optional(), onSample: hook.optional(), onIteration: hook.optional() })
    .optional(),
});

const RESERVED: readonly string[] = PLUGIN_COLUMNS;

/**
 * Loads the plugin.
 * @throws InputError where its code has changed, the module does not load, or its default export is no plugin
 */
export async function loadPlugin(source: PluginSource): Promise<LoadedPlugin> {
  const { file, sha256 } = source;
  refuseChangedPlugin(source);
  let module: { readonly default?: unknown };
  try {
    // The digest makes this process load a changed module again.
    module = await import(`${pathToFileURL(file).href}?sha256=${sha256}`);
  } catch (error) {
    throw new InputError(`--plugin ${file}: does not load: ${thrownText(error, file)}`);
  }
  const plugin = module.default;
  if (plugin === undefined) {
    throw new InputError(
      `--plugin ${file}: has no default export; end it with export default { name: "mine", reward }`,
    );
  }
  const parsed = schema.safeParse(plugin);
  if (!parsed.success) {
    throw new InputError(
      `--plugin ${file}: is no plugin: ${describeComplaint(parsed.error, plugin, "its default export")}`,
    );
  }
  return new LoadedPlugin(source, plugin as Plugin);
}

/** @throws InputError where the settings need a part that the plugin lacks, or there is no plugin */
export function refuseMissingParts(
  { reward, agent }: Pick<Configuration, "reward" | "agent">,
  plugin: LoadedPlugin | null,
): void {
  const asked = { reward: reward === "plugin", agent: agent === "plugin" };
  for (const part of ["reward", "agent"] as const) {
    if (!asked[part] || plugin?.parts[part] === true) continue;
    const article = part === "agent" ? "an" : "a";
    throw new InputError(
      plugin === null
        ? `--${part} plugin: needs --plugin FILE, a module with ${article} ${part}`
        : `--${part} plugin: the plugin ${plugin.name} has no ${part}`,
    );
  }
}
