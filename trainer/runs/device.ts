/** @file `--device` made one device before anything starts, so that all parts, all processes and a resumed run use the same. */
import { chooseDevice } from "../graph/device.js";
import type { Progress } from "../progress.js";
import type { Configuration } from "../settings/configuration.js";

/** The same configurations on the device that theirs means here; what was chosen and why is said once. */
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
