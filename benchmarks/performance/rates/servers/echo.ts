/**
 * @file The floor of the protocol's benchmarks: a process with the same socket that only answers every message with
 * frames of given sizes.
 */
import { Router } from "zeromq";

/** `node servers/echo.js ENDPOINT SIZE[,SIZE…]`: connects to ENDPOINT; answers have a frame of each size, in bytes. */
const [endpoint = "", sizes = ""] = process.argv.slice(2);
const frames = sizes.split(",").map((size) => Buffer.alloc(Number(size)));
const socket = new Router({ linger: 0, sendHighWaterMark: 0 });
socket.connect(endpoint);
for (;;) {
  const [peer, ...message] = await socket.receive();
  // An empty message means the end.
  if (message.length === 1 && message[0]?.length === 0) break;
  await socket.send([peer ?? "", ...frames]);
}
socket.close();
