/** @file Which execution provider a `--device` means, and what to tell the user where it does not work. */
import { InputError, UnavailableError } from "../errors.js";

/** "auto" is the cpu until a faster device is found to work. */
export function parseDevice(text: string): string {
  if (text === "auto" || text === "cpu") return "cpu";
  if (text === "webgpu") return text;
  if (text === "cuda") return "cuda:0";
  if (/^cuda:\d+$/.test(text)) return text;
  throw new InputError(
    `--device ${text}: no such device; use auto, cpu, webgpu, cuda or cuda:N (the N-th GPU, from 0)`,
  );
}

export function explain(device: string, reason: string): UnavailableError {
  return new UnavailableError(`--device ${device} does not work here: ${reason}`);
}
