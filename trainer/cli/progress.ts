/**
 * @file Shows progress: a bar on a terminal, plain lines elsewhere, both with rate and time left, in at most 80
 * columns.
 */
import { SingleBar } from "cli-progress";
import { type Progress, silent } from "../progress.js";
import { wrap } from "../report/terminal.js";

/** Seconds between plain lines of one phase. */
const LINE_PERIOD = 10;
/** Phases shorter than this (seconds) need no line. */
const WORTH_A_LINE = 2;

export function showProgress(quiet: boolean, stream: NodeJS.WriteStream = process.stderr): Progress {
  if (quiet) return { ...silent, warn: (line) => void stream.write(`${wrap(warning(line))}\n`) };
  return stream.isTTY ? new Bars(stream) : new Lines(stream);
}

const warning = (line: string): string => `warning: ${line}`;

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

const rateOf = (rate: number): string =>
  rate >= 100 ? rate.toFixed(0) : rate >= 1 ? rate.toFixed(1) : rate.toPrecision(2);

/** A phase's name, progress, rate and time left. */
export function progressLine(phase: string, done: number, total: number, unit: string, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const left = rate > 0 ? `, ${duration((total - done) / rate)} left` : "";
  return `${phase}: ${done}/${total} ${unit}, ${rateOf(rate)}/s${left}`.slice(0, 79);
}

class Lines implements Progress {
  private phase = "";
  private total = 0;
  private done = 0;
  private unit = "";
  private begun = 0;
  private shown = 0;

  constructor(private readonly stream: NodeJS.WritableStream) {}

  begin(phase: string, total: number, unit: string): void {
    [this.phase, this.total, this.unit, this.done] = [phase, total, unit, 0];
    this.begun = performance.now();
    this.shown = this.begun;
  }

  advance(done: number): void {
    this.done = done;
    const now = performance.now();
    if (now - this.shown < LINE_PERIOD * 1000) return;
    this.shown = now;
    this.say(progressLine(this.phase, done, this.total, this.unit, (now - this.begun) / 1000));
  }

  end(): void {
    const seconds = (performance.now() - this.begun) / 1000;
    if (seconds >= WORTH_A_LINE && this.done >= this.total)
      this.say(`${this.phase}: ${this.total} ${this.unit} in ${duration(seconds)}`);
  }

  say(line: string): void {
    this.stream.write(`${wrap(line)}\n`);
  }

  warn(line: string): void {
    this.say(warning(line));
  }

  iterated(): void {
    // The phase's line has reported it.
  }
}

class Bars implements Progress {
  private bar: SingleBar | undefined;
  private begun = 0;
  private total = 0;
  private done = 0;

  constructor(private readonly stream: NodeJS.WriteStream) {}

  begin(phase: string, total: number, unit: string): void {
    this.end();
    this.begun = performance.now();
    this.total = total;
    this.done = 0;
    const name = phase.length > 24 ? `${phase.slice(0, 23)}…` : phase.padEnd(24);
    this.bar = new SingleBar({
      format: `${name} {bar} {value}/{total} {rate} ${unit}/s, {left} left`,
      barsize: 14,
      hideCursor: true,
      clearOnComplete: true,
      stream: this.stream,
      linewrap: false,
      fps: 5,
    });
    this.bar.start(total, 0, this.speed());
  }

  advance(done: number): void {
    this.done = done;
    this.bar?.update(done, this.speed());
  }

  private speed(): { readonly rate: string; readonly left: string } {
    if (this.done === 0) return { rate: "–", left: "?" };
    const rate = this.done / Math.max((performance.now() - this.begun) / 1000, 1e-3);
    return { rate: rateOf(rate), left: duration((this.total - this.done) / rate) };
  }

  end(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  say(line: string): void {
    this.bar?.stop();
    this.stream.write(`\r\x1b[K${wrap(line)}\n`);
    this.bar?.start(this.total, this.done, this.speed());
  }

  warn(line: string): void {
    this.say(warning(line));
  }

  iterated(): void {
    // The phase's line has reported it.
  }
}
