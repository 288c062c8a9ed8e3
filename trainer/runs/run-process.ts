/** @file Entry of a comparison's child process: one run, named by the parent over IPC. */
import { doRun, type Order } from "./child-run.js";

void doRun(() => new Promise((resolve) => process.once("message", (order: Order) => resolve(order))));
