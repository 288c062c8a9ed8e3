/** @file Calls a plugin's hooks. An error becomes one line with plugin, hook and the place in the plugin's code. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { InputError, UnavailableError } from "../errors.js";

export class Hooks {
  constructor(
    private readonly plugin: string,
    private readonly file: string,
  ) {}

  /**
   * Calls the hook; `hook` is its name in `Plugin`, such as callbacks.onSample.
   * @throws UnavailableError where the hook throws one, InputError where it throws anything else
   */
  async call<T>(hook: string, call: () => T | Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.thrown(hook, error);
    }
  }

  /** The same for a hook that is not awaited. It must not give a promise, whose error would end the process. */
  callNow(hook: string, call: () => unknown): void {
    let given: unknown;
    try {
      given = call();
    } catch (error) {
      throw this.thrown(hook, error);
    }
    if (typeof (given as { then?: unknown } | null | undefined)?.then !== "function") return;
    Promise.resolve(given).catch(() => undefined);
    this.refuse(hook, "gave a promise, which is not awaited; make it a function that is not async");
  }

  /** @throws InputError for a value that is no finite number; `of` says what it stands for */
  finite(hook: string, value: unknown, of: string): number {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    return this.refuse(hook, `gave ${String(value)} for ${of}; it must be a finite number`);
  }

  /** The entries of an object; `of` says what they are. */
  entries(hook: string, value: unknown, of: string): readonly (readonly [string, unknown])[] {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return Object.entries(value);
    return this.refuse(hook, `gave no object of ${of}`);
  }

  /** Refuses a hook's result. */
  refuse(hook: string, what: string): never {
    throw new InputError(`plugin ${this.plugin}: ${hook} ${what}`);
  }

  private thrown(hook: string, error: unknown): Error {
    const message = `plugin ${this.plugin}: ${hook} threw ${thrownText(error, this.file)}`;
    return error instanceof UnavailableError ? new UnavailableError(message) : new InputError(message);
  }
}

/** "TypeError: x is not a function (mine.mjs:12:7)": the error and its place in the plugin's folder. */
export function thrownText(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name}: ${error.message.replace(/\s*\n\s*/g, " ")}${placeIn(error.stack ?? "", file)}`;
}

/** The first frame in the plugin's folder; empty if there is none. */
function placeIn(stack: string, file: string): string {
  const folder = `${pathToFileURL(path.dirname(file)).href}/`;
  const start = stack.indexOf(folder);
  const [frame = ""] = start < 0 ? [] : stack.slice(start + folder.length).split(/[\n)]/);
  const [, name, place] = /^([^?:]+)(?:\?[^:]*)?(:\d+:\d+)/.exec(frame) ?? [];
  return name === undefined ? "" : ` (${name}${place})`;
}
