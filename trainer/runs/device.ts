/**
 * @file Resolves `--device` to one device before anything starts, so that all parts, all processes and a resumed run
 * use the same.
 */
import { chooseDevice } from "../graph/device.js";
import type { Progress } from "../progress.js";
import type { Configuration } from "../settings/configuration.js";

/** The same configurations, with their device resolved for this machine. Reports the device and the reason once. */
export async function onDevice<T extends Configuration>(
  configurations: readonly T[],
  progress: Progress,
): Promise<T[]> {
  const [first] = configurations;
  if (first === undefined) return [];
  const { device, reason } = await chooseDevice(first.device);
  if (first.device !== device || device !== "cpu") progress.say(`device: ${reason}`);
  return configurations.map((configuration) => ({ ...configuration, device }));
}
