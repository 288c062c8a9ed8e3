/**
 * @file The wire format in one screen: a client from a socket and msgpack alone, without this package's own. It resets an environment, steps it ten
 * times with random actions, and closes. Start `npx rls3 env serve --bind tcp://127.0.0.1:5005`, then
 * `node dist/protocol/examples/first-client.js tcp://127.0.0.1:5005`.
 *
 * Left out, and needed where it matters: timeouts and resends, pings, keys for other machines, checks of what comes.
 */
import { randomBytes } from "node:crypto";
import { Packr } from "msgpackr";
import { Dealer } from "zeromq";

interface Spec {
  readonly uid: string;
  readonly shape: readonly number[];
}
/** The keys of answers that are read here. */
interface Answer {
  readonly t: string;
  readonly code: string;
  readonly message: string;
  readonly sid: string;
  readonly name: string;
  readonly action: Spec;
  readonly observations: readonly Spec[];
  readonly results: readonly { readonly step: number; readonly reward: number; readonly info: object }[];
  readonly tensors: readonly { readonly uid: string; readonly shape: readonly number[]; readonly frame: number }[];
}

const [endpoint = "tcp://127.0.0.1:5005"] = process.argv.slice(2);
const msgpack = new Packr({ useRecords: false });
const socket = new Dealer({ linger: 0 });
socket.connect(endpoint);

let session = {};
let req = 0;

/** One request and its response: a header frame, then a frame for each tensor. */
async function ask(t: string, keys: object = {}, payload: readonly Buffer[] = []): Promise<[Answer, Buffer[]]> {
  req += 1;
  await socket.send([msgpack.pack({ v: 1, t, ...session, req, ...keys }), ...payload]);
  const [header = Buffer.of(), ...frames] = await socket.receive();
  const answer = msgpack.unpack(header) as Answer;
  if (answer.t === "error") throw new Error(`${answer.code}: ${answer.message}`);
  return [answer, frames];
}

/** Ends with the session closed, whatever the server answers: it serves one client at a time. */
async function play(): Promise<void> {
  const [welcome] = await ask("hello", { protocols: [1], client: randomBytes(8).toString("hex") });
  session = { sid: welcome.sid };
  try {
    const { action, observations } = welcome;
    const wanted = observations.slice(0, 1).map(({ uid }) => uid);
    console.log(`${welcome.name}: action ${action.uid} [${action.shape}], observation ${wanted}`);

    await ask("batch", { ops: [{ env: 0, op: "reset", seed: 7 }] });
    for (let i = 0; i < 10; i++) {
      // A row for each step of the batch: one. The rooms take numbers from -1 to 1.
      const shape = [1, ...action.shape];
      const row = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * Math.random() - 1);
      const [{ results, tensors }, frames] = await ask(
        "batch",
        {
          ops: [{ env: 0, op: "step" }],
          tensors: [{ uid: action.uid, dtype: "float32", shape, frame: 0 }],
          want: wanted,
        },
        [Buffer.from(row.buffer)],
      );
      for (const { step, reward, info } of results) console.log(step, reward, JSON.stringify(info));
      for (const { uid, shape, frame } of tensors) console.log(`  ${uid} [${shape}], ${frames[frame]?.length} bytes`);
    }
  } finally {
    await ask("close");
  }
}

try {
  await play();
} catch (error) {
  console.error(`first-client: ${(error as Error).message}`);
  process.exitCode = 1;
}
socket.close();
