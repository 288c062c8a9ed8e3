/**
 * @file The executor for a Slurm cluster: cells are tasks of job arrays. A controller that was killed finds them again
 * when it restarts.
 */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { InputError } from "../../errors.js";
import { finishedState } from "../../runs/run.js";
import { quoted } from "../command.js";
import type { Cell, ExecutionContext, Executor } from "../executor.js";
import { parseSlurmSettings, type SlurmSettings } from "./options.js";
import { cancel, limits, lives, submit, type Task, tasksOf } from "./scheduler.js";
import { Submissions } from "./submissions.js";
import { Watch } from "./watch.js";

const TASK = path.join(path.dirname(fileURLToPath(import.meta.url)), "task.js");
/** Seconds before the time limit at which a cell is told to save its state. */
const NOTICE = 60;
/**
 * Seconds between looks at the queue: short at first, for short cells; later longer, since a cluster's controller
 * serves many users.
 */
const SHORTEST_PERIOD = 0.5;
const LONGEST_PERIOD = 15;
/** Seconds to wait for cancelled tasks: Slurm itself kills after its KillWait, 30 by default. */
const CANCELLING = 120;
/**
 * Seconds after which a full queue is tried again even if none of this sweep's tasks has ended: another user's may
 * have.
 */
const RETRY = 60;

export const slurm: Executor = {
  name: "slurm",
  here: false,
  check: async (settings) => {
    parseSlurmSettings(settings);
    await limits();
  },
  run: async (cells, context) => {
    const settings = parseSlurmSettings(context.settings);
    refuseBackslash(context.folder);
    const { maxArraySize } = await limits();
    const submissions = Submissions.open(context.folder);
    const controller = new Controller(submissions, settings, maxArraySize, context);
    await controller.run(cells);
  },
};

/** sbatch replaces no % in a path with a backslash, so all tasks would write into one file. */
function refuseBackslash(folder: string): void {
  if (!path.resolve(folder).includes("\\")) return;
  throw new InputError(`${folder}: sbatch takes no folder with a backslash in its path; give another with --out`);
}

const nameOf = (cell: Cell): string => path.basename(cell.folder);

class Controller {
  /** Cells that did not fit into the queue yet. */
  private waiting: readonly Cell[] = [];
  /** When the queue became full, and the number of this sweep's tasks in it then. */
  private full: { readonly tasks: number; readonly since: number } | null = null;

  constructor(
    private readonly submissions: Submissions,
    private readonly settings: SlurmSettings,
    private readonly maxArraySize: number,
    private readonly context: ExecutionContext,
  ) {}

  async run(cells: readonly Cell[]): Promise<void> {
    const { progress, signal } = this.context;
    const watch = new Watch(cells, this.submissions, progress);
    try {
      signal?.throwIfAborted();
      const running = await this.adopt(cells);
      const missing = cells.filter((cell) => !running.has(nameOf(cell)) && finishedState(cell.folder) === null);
      await this.submit(missing, Math.max(1, this.context.jobs - running.size), running.size);
      await this.follow(watch);
    } catch (error) {
      await this.cancelAll();
      throw error;
    } finally {
      watch.close();
    }
  }

  /**
   * Names of the cells that jobs of an earlier controller still run; ends jobs of cells that are no longer requested.
   */
  private async adopt(cells: readonly Cell[]): Promise<ReadonlySet<string>> {
    const wanted = new Set(cells.map(nameOf));
    const running = new Set<string>();
    const stray: string[] = [];
    for (const task of await this.liveTasks()) {
      const cell = this.submissions.cellOf(task.name, task.index);
      if (cell === undefined || !wanted.has(cell) || running.has(cell)) stray.push(task.id);
      else running.add(cell);
    }
    await cancel(stray);
    if (running.size > 0)
      this.context.progress.say(`slurm: found ${running.size} cells of an earlier start in the queue`);
    return running;
  }

  /**
   * Submits arrays as large as the cluster allows, one after the other where a limit on running cells applies. Cells
   * beyond a limit on submitted jobs wait. `tasks`: this sweep's tasks in the queue already.
   */
  private async submit(cells: readonly Cell[], jobs: number, tasks: number): Promise<void> {
    const limited = jobs < cells.length;
    let previous: string | null = null;
    for (let at = 0; at < cells.length; at += this.maxArraySize) {
      const part = cells.slice(at, at + this.maxArraySize);
      const after = limited && previous !== null ? [`--dependency=afterany:${previous}`] : [];
      const answer = await this.submitArray(part, limited ? `%${jobs}` : "", after);
      if ("noRoom" in answer) {
        this.waiting = [...this.waiting, ...cells.slice(at)];
        await this.fill(tasks + at, answer.noRoom);
        return;
      }
      previous = answer.id;
    }
  }

  private async submitArray(
    part: readonly Cell[],
    throttle: string,
    more: readonly string[],
  ): ReturnType<typeof submit> {
    const { planFile, progress } = this.context;
    const { submission, file } = this.submissions.add(path.resolve(planFile), part.map(nameOf));
    const threads = Math.max(...part.map(({ configuration }) => configuration.threads));
    const answer = await submit(
      [
        `--job-name=${submission.name}`,
        `--array=0-${part.length - 1}${throttle}`,
        "--requeue",
        "--nodes=1",
        "--ntasks=1",
        `--cpus-per-task=${threads}`,
        `--signal=B:USR2@${NOTICE}`,
        `--chdir=${process.cwd()}`,
        `--output=${this.submissions.jobLogPattern}`,
        "--open-mode=append",
        ...more,
        ...this.settings.flags,
      ],
      script(this.settings.setup, file),
    );
    if ("noRoom" in answer) this.submissions.dropLast();
    else progress.say(`slurm: submitted job ${answer.id}, ${part.length === 1 ? "1 cell" : `${part.length} cells`}`);
    return answer;
  }

  /**
   * Submits as many of the waiting cells as the queue takes, halving the number until it is accepted; at most as many
   * as may run at a time, so that they need not wait for earlier arrays.
   * @throws InputError where not even one is accepted, although the queue has none of this sweep's
   */
  private async fill(tasks: number, refusal: string): Promise<void> {
    const { jobs, progress } = this.context;
    let inQueue = tasks;
    let words = refusal;
    let size = Math.ceil(this.waiting.length / 2);
    while (this.waiting.length > 0) {
      size = Math.min(size, this.waiting.length, this.maxArraySize, jobs - inQueue);
      if (size < 1) break;
      const answer = await this.submitArray(this.waiting.slice(0, size), "", []);
      if ("id" in answer) {
        this.waiting = this.waiting.slice(size);
        inQueue += size;
        continue;
      }
      words = answer.noRoom;
      if (size === 1) break;
      size = Math.floor(size / 2);
    }
    if (inQueue === 0 && this.full === null) {
      throw new InputError(
        `sbatch: ${words}; not one cell is taken: give less with --slurm-time, --slurm-mem or --slurm-gpus, or wait until other jobs of yours have ended`,
      );
    }
    if (this.full === null && this.waiting.length > 0) {
      progress.say(`slurm: ${words}; ${this.waiting.length} cells follow as jobs end`);
    }
    this.full = { tasks: inQueue, since: Date.now() };
  }

  /** Lost cells wait where arrays in the queue still have as many to run as may run at a time. */
  private async submitAgain(lost: readonly Cell[], inQueue: number): Promise<void> {
    const { jobs } = this.context;
    if (inQueue + lost.length <= jobs) return this.submit(lost, lost.length, inQueue);
    this.waiting = [...this.waiting, ...lost];
    await this.fill(inQueue, `at most ${jobs} cells at a time`);
  }

  /** Tries the waiting cells again once there may be room: a task has ended, or time has passed. */
  private async refill(tasks: number): Promise<void> {
    if (this.waiting.length === 0 || this.full === null) return;
    if (tasks >= this.full.tasks && Date.now() - this.full.since < RETRY * 1000) return;
    await this.fill(tasks, "the queue is full");
  }

  /** Returns when all cells are finished; throws when one has failed. */
  private async follow(watch: Watch): Promise<void> {
    const { signal, progress } = this.context;
    let period = SHORTEST_PERIOD;
    let answered = true;
    while (!watch.done) {
      const tasks = await tasksOf(this.submissions.names);
      if (tasks === null && answered) progress.warn("Slurm's controller does not answer; waiting for it");
      answered = tasks !== null;
      const lost = tasks === null ? [] : watch.look(tasks, new Set(this.waiting.map(nameOf)));
      const inQueue = tasks?.filter(lives).length ?? 0;
      if (lost.length > 0) await this.submitAgain(lost, inQueue);
      else if (tasks !== null) await this.refill(inQueue);
      if (watch.done) break;
      await sleep(period * 1000, undefined, { signal }).catch(() => undefined);
      signal?.throwIfAborted();
      period = Math.min(LONGEST_PERIOD, period * 1.1);
    }
  }

  private async liveTasks(): Promise<Task[]> {
    for (;;) {
      const tasks = await tasksOf(this.submissions.names);
      if (tasks !== null) return tasks.filter(lives);
      this.context.signal?.throwIfAborted();
      await sleep(LONGEST_PERIOD * 1000, undefined, { signal: this.context.signal }).catch(() => undefined);
    }
  }

  /** Ends all jobs of this sweep, and waits until their state is saved. */
  private async cancelAll(): Promise<void> {
    const { progress } = this.context;
    const end = Date.now() + CANCELLING * 1000;
    let isAnnounced = false;
    while (Date.now() < end) {
      const tasks = (await tasksOf(this.submissions.names))?.filter(lives);
      if (tasks?.length === 0) return;
      if (!isAnnounced) progress.say("slurm: cancelling jobs, their state is saved");
      isAnnounced = true;
      if (tasks !== undefined) await cancel(tasks.filter(({ state }) => state !== "COMPLETING").map(({ id }) => id));
      await sleep(1000);
    }
    progress.warn("not all jobs have ended; squeue shows them, and a later start finds them");
  }
}

/** The script for a node: uses this machine's Node.js if it exists at the same path there, else the node's own. */
function script(setup: readonly string[], submission: string): string {
  const program = quoted(process.execPath);
  return [
    "#!/bin/sh",
    ...setup,
    `node=${program}`,
    `[ -x "$node" ] || node=node`,
    `exec "$node" ${quoted(TASK)} ${quoted(submission)}`,
    "",
  ].join("\n");
}
