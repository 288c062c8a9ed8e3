/** @file A run's settings for TensorBoard's HPARAMS tab, which shows them beside the last values of some tags. */
import type { Configuration } from "../../settings/configuration.js";
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName } from "../../settings/settings.js";
import { hparamsValue, type SummaryValue } from "./messages.js";

/** Groups of settings that experiments vary, and a few more that identify a run. */
const GROUPS: readonly Setting["group"][] = ["Algorithm", "Agent", "Fine-tuning"];
const BESIDE: readonly SettingName[] = ["seed", "world", "scenes", "vlm"];

const shown = SETTING_NAMES.filter(
  (name) => GROUPS.includes((SETTINGS[name] as Setting).group) || BESIDE.includes(name),
);

/** The paper's symbol, as in flags: beta, E, eta. */
const nameOf = (name: SettingName): string => (SETTINGS[name] as Setting).symbol ?? name;

/** DataType of api.proto. */
const TYPES = { string: 1, boolean: 2, number: 3 } as const;
/** Status of api.proto. */
const SUCCESS = 1;

/** For the start of a run: the names of settings and metrics, and the run's settings. */
export function startValues(
  configuration: Configuration,
  metrics: readonly string[],
  startTime: number,
): readonly SummaryValue[] {
  const infos = shown.map((name) => {
    const { description, fallback } = SETTINGS[name] as Setting;
    return { name: nameOf(name), description, type: TYPES[typeof fallback as keyof typeof TYPES] };
  });
  const hparams = Object.fromEntries(shown.map((name) => [nameOf(name), hparamValue(configuration[name])]));
  return [
    hparamsValue("_hparams_/experiment", {
      experiment: { hparam_infos: infos, metric_infos: metrics.map((tag) => ({ name: { tag } })) },
    }),
    hparamsValue("_hparams_/session_start_info", { session_start_info: { hparams, start_time_secs: startTime } }),
  ];
}

/** For the end of a finished run. */
export const endValue = (endTime: number): SummaryValue =>
  hparamsValue("_hparams_/session_end_info", { session_end_info: { status: SUCCESS, end_time_secs: endTime } });

function hparamValue(value: string | number | boolean): Readonly<Record<string, unknown>> {
  if (typeof value === "number") return { number_value: value };
  return typeof value === "boolean" ? { bool_value: value } : { string_value: value };
}
