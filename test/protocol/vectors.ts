/**
 * @file The contents of the golden vectors in protocol/vectors: messages, headers to refuse, actions to refuse, random
 * numbers.
 */
import { encodeHeader } from "../../protocol/codec.js";
import { bytesOf, createTensor, membershipCheck, type TensorSpec } from "../../protocol/spaces.js";
import { Random } from "../../trainer/random/random.js";

interface Tensor {
  readonly dtype: "float32" | "float64" | "int32" | "uint8";
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

interface Message {
  readonly name: string;
  readonly from: "client" | "server";
  readonly header: Readonly<Record<string, unknown>>;
  readonly frames?: readonly Tensor[];
}

const sid = "00112233445566aa";
const action: TensorSpec = { uid: "action", dtype: "float32", shape: [2], low: -1, high: 1, names: ["move", "turn"] };
const state = { uid: "state", dtype: "float32", shape: [3] };
const image = { uid: "image", dtype: "uint8", shape: [2, 2, 3], graphics: true };

const MESSAGES: readonly Message[] = [
  {
    name: "hello",
    from: "client",
    header: {
      v: 1,
      t: "hello",
      req: 1,
      protocols: [1],
      client: "ffeeddccbbaa9988",
      package: "rls3/0.1.0",
      capabilities: ["state_hash", "images"],
      limits: { max_frame_bytes: 1073741824 },
      token: "a token — größer als ASCII",
      image_size: 64,
      seed: 9007199254740991,
    },
  },
  {
    name: "welcome",
    from: "server",
    header: {
      v: 1,
      t: "welcome",
      sid,
      req: 1,
      protocols: [1],
      name: "points",
      package: "points/0.1",
      env_count: 2,
      action,
      observations: [state, image],
      autoreset: "disabled",
      graphics: "software",
      time_step: 0.02,
      capabilities: ["state_hash", "configure", "images"],
      state_hash: 1,
      parameters: [{ name: "gravity", type: "float", low: 0, high: 20, default: 9.81, description: "m/s²" }],
      limits: { max_frame_bytes: 67108864, max_in_flight: 8, ping_period_ms: 5000 },
      catalog: { scenes: ["room"], nested: { empty: {}, none: null, list: [] } },
    },
  },
  {
    name: "batch-reset",
    from: "client",
    header: {
      v: 1,
      t: "batch",
      sid,
      req: 2,
      ops: [
        { env: 0, op: "reset", seed: 7 },
        { env: 1, op: "reset", seed: 4294967296, options: { scene: 3 } },
      ],
      want: [],
    },
  },
  {
    name: "batch-step",
    from: "client",
    header: {
      v: 1,
      t: "batch",
      sid,
      req: 3,
      ops: [
        { env: 1, op: "step" },
        { env: 0, op: "noop" },
      ],
      tensors: [{ uid: "action", dtype: "float32", shape: [1, 2], frame: 0 }],
      want: ["state", "image"],
    },
    frames: [{ dtype: "float32", shape: [1, 2], values: [-0.5, 0.1] }],
  },
  {
    name: "batch-result",
    from: "server",
    header: {
      v: 1,
      t: "batch_result",
      sid,
      req: 3,
      results: [
        {
          env: 1,
          reward: -1.5,
          terminated: false,
          truncated: true,
          episode: 1,
          step: 1,
          info: { valid: false, reason: 2, seen: [1, 0.25] },
          state_hash: "0123456789abcdef",
        },
        {
          env: 0,
          reward: 0,
          terminated: false,
          truncated: false,
          episode: 0,
          step: 0,
          info: {},
          error: { code: "NOT_RESET", message: "environment 0: reset it first", detail: {}, retryable: false, env: 0 },
        },
      ],
      tensors: [
        { uid: "state", dtype: "float32", shape: [2, 3], frame: 0 },
        { uid: "image", dtype: "uint8", shape: [2, 2, 2, 3], frame: 1 },
      ],
    },
    frames: [
      { dtype: "float32", shape: [2, 3], values: [1, -2.5, 0.1, 0, 0, 0] },
      { dtype: "uint8", shape: [2, 2, 2, 3], values: Array.from({ length: 24 }, (_, i) => (i < 12 ? i * 20 : 0)) },
    ],
  },
  { name: "ping", from: "client", header: { v: 1, t: "ping", sid, req: 65536 } },
  { name: "pong", from: "server", header: { v: 1, t: "pong", sid, req: 65536, tick_age_ms: 3.5, queue_depth: 0 } },
  {
    name: "configure",
    from: "client",
    header: { v: 1, t: "configure", sid, req: 200, parameters: { gravity: -0.25, loud: true } },
  },
  {
    name: "configured",
    from: "server",
    header: { v: 1, t: "configured", sid, req: 200, parameters: { gravity: -0.25, loud: true } },
  },
  { name: "close", from: "client", header: { v: 1, t: "close", sid, req: 5000000000 } },
  { name: "closed", from: "server", header: { v: 1, t: "closed", sid, req: 5000000000 } },
  {
    name: "error",
    from: "server",
    header: {
      v: 1,
      t: "error",
      sid,
      req: 40,
      code: "OUT_OF_ORDER",
      message: "requests before 40 are missing; the next is 38",
      detail: { expected: 38 },
      retryable: true,
    },
  },
];

function tensorBytes({ dtype, values }: Tensor): Buffer {
  const data = createTensor(dtype, values.length);
  data.set(values);
  return bytesOf(data);
}

/** Headers that every decoder refuses as BAD_MESSAGE, as hexadecimal bytes. */
const REFUSED: readonly { readonly name: string; readonly hex: string }[] = [
  { name: "nothing", hex: "" },
  { name: "nil", hex: "c0" },
  { name: "an array instead of a map", hex: "920102" },
  { name: "a map cut in its key", hex: "81a376" },
  { name: "a map cut before its value", hex: "81a176" },
  { name: "bytes after the map", hex: "81a1760100" },
  { name: "a key that is a number", hex: "810102" },
  { name: "binary", hex: "81a176c4020102" },
  { name: "an extension type", hex: "81a176d40100" },
  { name: "a timestamp", hex: "81a176d6ff00000000" },
  { name: "the reserved type c1", hex: "81a176c1" },
  { name: "an integer beyond 2^53 - 1", hex: "81a176cf0020000000000000" },
  { name: "a map that claims 2^32 - 1 entries", hex: "dfffffffff" },
  { name: "an array that claims 2^32 - 1 elements", hex: "81a176ddffffffff" },
  { name: "a string that claims 2^32 - 1 bytes", hex: "81a176dbffffffff" },
  { name: "arrays nested 16 deep inside the header's map", hex: `81a176${"91".repeat(16)}c0` },
];

const SPECS: readonly TensorSpec[] = [
  action,
  { uid: "joint", dtype: "float64", shape: [2, 2], low: [0, -1, -2, -3], high: [1, 1, 1, Number.POSITIVE_INFINITY] },
  { uid: "choice", dtype: "int32", shape: [], low: 0, high: 4 },
];

const ACTIONS: readonly { readonly spec: number; readonly values: readonly number[] }[] = [
  { spec: 0, values: [-1, 1] },
  { spec: 0, values: [0, 1.5] },
  { spec: 0, values: [-2, Number.NaN] },
  { spec: 0, values: [0, Number.NaN] },
  { spec: 1, values: [0, 0, 0, 1e300] },
  { spec: 1, values: [0, 0, -2.5, 0] },
  { spec: 2, values: [4] },
  { spec: 2, values: [-1] },
];

const RANDOM_SEEDS = [0, 1, 42, 4294967295, 4294967296, 9007199254740991];
const BELOW = [1, 2, 9, 1000, 2097152];

/** NaN and infinities as strings, since JSON has none. */
const plain = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

function messages(): unknown {
  return MESSAGES.map(({ name, from, header, frames = [] }) => ({
    name,
    from,
    header,
    hex: encodeHeader(header).toString("hex"),
    frames: frames.map((tensor) => ({ ...tensor, hex: tensorBytes(tensor).toString("hex") })),
  }));
}

function actions(): unknown {
  return ACTIONS.map(({ spec: index, values }) => {
    const spec = SPECS[index] as TensorSpec;
    const data = createTensor(spec.dtype, values.length);
    data.set(values);
    const problem = membershipCheck(spec)(data);
    const { element, bound } = problem?.detail ?? {};
    const bounds = [spec.low, spec.high].map((side) => (Array.isArray(side) ? side.map(plain) : side));
    return {
      spec: { ...spec, low: bounds[0], high: bounds[1] },
      values: values.map(plain),
      refused: problem === undefined ? null : { code: "BAD_ACTION", element, bound },
    };
  });
}

function random(): unknown {
  const first = (seed: number, draw: (random: Random) => number, count = 8): number[] => {
    const generator = new Random(seed);
    return Array.from({ length: count }, () => draw(generator));
  };
  return {
    sequences: RANDOM_SEEDS.map((seed) => ({
      seed,
      uint32: first(seed, (r) => r.uint32()),
      float: first(seed, (r) => r.float(), 4),
      below: BELOW.map((n) => ({ n, values: first(seed, (r) => r.below(n)) })),
      permutation: [...new Random(seed).permutation(9)],
      seedOfAnother: new Random(seed).seed(),
    })),
  };
}

/** One element per line, of the outermost array or of an object's only array, so that changes are readable. */
const lines = (value: unknown): string =>
  `[\n${(value as unknown[]).map((entry) => JSON.stringify(entry)).join(",\n")}\n]\n`;

/** Each file of protocol/vectors, by name. */
export function vectorFiles(): ReadonlyMap<string, string | Buffer> {
  const files = new Map<string, string | Buffer>([
    ["messages.json", lines(messages())],
    ["refused-headers.json", lines(REFUSED)],
    ["actions.json", lines(actions())],
    ["random.json", lines((random() as { sequences: unknown[] }).sequences)],
  ]);
  for (const { name, header, frames = [] } of MESSAGES) {
    files.set(`messages/${name}.msgpack`, encodeHeader(header));
    frames.forEach((tensor, i) => {
      files.set(`messages/${name}.${i}.bin`, tensorBytes(tensor));
    });
  }
  return files;
}
