/** @file Calls of a plugin's hooks: what they throw names plugin and hook, in one line with its place in the plugin's code. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { InputError, UnavailableError } from "../errors.js";

export class Hooks {
  constructor(
    private readonly plugin: string,
    private readonly file: string,
  ) {}

  /**
   * What the hook gives; `hook` is its name in `Plugin`, as callbacks.onSample.
   * @throws InputError for whatever it throws; UnavailableError where that is what it was
   */
  async call<T>(hook: string, call: () => T | Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.thrown(hook, error);
    }
  }

  /** The same of a hook that is not waited for. */
  callNow<T>(hook: string, call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.thrown(hook, error);
    }
  }

  /** Refuses what a hook has given. */
  refuse(hook: string, what: string): never {
    throw new InputError(`plugin ${this.plugin}: ${hook} ${what}`);
  }

  private thrown(hook: string, error: unknown): Error {
    const message = `plugin ${this.plugin}: ${hook} threw ${thrownText(error, this.file)}`;
    return error instanceof UnavailableError ? new UnavailableError(message) : new InputError(message);
  }
}

/** "TypeError: x is not a function (mine.mjs:12:7)": what was thrown, and where in the plugin's folder. */
export function thrownText(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name}: ${error.message.replace(/\s*\n\s*/g, " ")}${placeIn(error.stack ?? "", file)}`;
}

/** Of the first frame in the plugin's folder; nothing where the stack has none. */
function placeIn(stack: string, file: string): string {
  const folder = `${pathToFileURL(path.dirname(file)).href}/`;
  const start = stack.indexOf(folder);
  const [frame = ""] = start < 0 ? [] : stack.slice(start + folder.length).split(/[\n)]/);
  const [, name, place] = /^([^?:]+)(?:\?[^:]*)?(:\d+:\d+)/.exec(frame) ?? [];
  return name === undefined ? "" : ` (${name}${place})`;
}
