/** @file Entry point of a comparison's child process: does one run, which the parent sends over IPC. */
import { doRun, type Order } from "./child-run.js";

void doRun(() => new Promise((resolve) => process.once("message", (order: Order) => resolve(order))));
