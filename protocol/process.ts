/**
 * @file A server's process: in its own process group, with its last lines stored for error messages, and without
 * leftovers.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, openSync, type WriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { ProtocolError } from "./errors.js";
import { type EndingSignal, endBy, keepIgnoringHangup } from "./signals.js";

const TAIL_LINES = 30;
const LINE_LENGTH = 500;
const LAST_LINES_MS = 200;

/**
 * Living process groups. They are killed when this process ends, unless by SIGKILL (then the servers end themselves).
 */
const groups = new Set<number>();
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    // Windows has no process groups: only the process itself is ended, and its children end when they hear nothing
    // more.
    process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch (error) {
    // ESRCH: no process of the group is left, as wanted. EPERM: on some systems, only a zombie is left.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

function killAll(): void {
  for (const pid of groups) killGroup(pid, "SIGKILL");
  groups.clear();
}

function onSignal(signal: EndingSignal): void {
  // Other listeners decide when to end; then the exit event calls this again.
  if (process.listenerCount(signal) === 1) endBy(signal);
}

/** Only once: the handler below would end a process that nohup has started. */
let hangupSettled = false;

function watch(pid: number): void {
  if (groups.size === 0) {
    if (!hangupSettled) keepIgnoringHangup();
    hangupSettled = true;
    process.on("exit", killAll);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  groups.add(pid);
}

function unwatch(pid: number): void {
  groups.delete(pid);
  if (groups.size > 0) return;
  process.off("exit", killAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

/** The command that starts a server, without a shell. */
export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A file that also gets all its output. */
  readonly logFile?: string;
}

/** A server's process in its own group, which is killed when this process ends. */
export class ServerProcess {
  /** Resolves when it has ended, with a description of how it ended. */
  readonly ended: Promise<string>;
  private readonly child: ChildProcess;
  private readonly lines: string[] = [];
  private readonly log: WriteStream | undefined;
  private over = false;

  /** @throws ProtocolError CONFIGURATION for a log file that can't be written; nothing is started */
  constructor(options: ProcessOptions) {
    this.log = options.logFile === undefined ? undefined : openLog(options.logFile);
    // The server goes on without a log when its disk is full.
    this.log?.on("error", (error) => this.keep(`(the log file ends here: ${error.message})`));
    this.child = spawn(options.command, options.args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.keep(line));
    }
    const { pid } = this.child;
    if (pid !== undefined) watch(pid);
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.over = true;
        this.log?.end();
        resolve(how);
      };
      this.child.once("error", (error) => end(`could not be started: ${error.message}`));
      this.child.once("exit", (code, signal) => {
        if (pid !== undefined) {
          killGroup(pid, "SIGKILL"); // its own children
          unwatch(pid);
        }
        const how = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
        // Its last lines may still be in the pipes; do not wait for a stray child that holds them open.
        const timer = setTimeout(() => end(how), LAST_LINES_MS);
        this.child.once("close", () => {
          clearTimeout(timer);
          end(how);
        });
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Its last lines of output, for a message; empty if there were none. */
  get tail(): string {
    return this.lines.join("\n");
  }

  /** Waits for the end, then asks for it, then forces it, with `patience` milliseconds for each. */
  async stop(patience = 2000): Promise<void> {
    for (const signal of [undefined, "SIGTERM", "SIGKILL"] as const) {
      if (this.over) return;
      if (signal !== undefined && this.pid !== undefined) killGroup(this.pid, signal);
      await this.within(patience);
    }
    await this.ended;
  }

  /** Kills it at once. */
  async kill(): Promise<void> {
    if (!this.over && this.pid !== undefined) killGroup(this.pid, "SIGKILL");
    await this.ended;
  }

  private async within(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const wait = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([this.ended, wait]);
    clearTimeout(timer);
  }

  private keep(line: string): void {
    this.lines.push(line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH)}…` : line);
    if (this.lines.length > TAIL_LINES) this.lines.shift();
    if (this.log?.writableEnded === false && this.log.errored === null) this.log.write(`${line}\n`);
  }
}

function openLog(file: string): WriteStream {
  try {
    return createWriteStream(file, { fd: openSync(file, "a") });
  } catch (error) {
    throw new ProtocolError("CONFIGURATION", `log file ${file}: ${error instanceof Error ? error.message : error}`);
  }
}
