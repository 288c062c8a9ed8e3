/**
 * @file The graph under construction. A `Value` is a handle to one of its tensors, of static shape. Operators
 * (operators/) emit ONNX nodes and record an entry on a tape, which `gradients` walks backwards. Equal nodes and
 * constants are emitted once, and only what outputs need is serialized, so gradient rules may request values freely.
 */
import { type GraphMemory, peakOf, type TensorSize } from "./memory.js";
import { orderNodes } from "./node-order.js";
import {
  type AttributeProto,
  DATA_TYPE,
  ELEMENT_BYTES,
  encodeModel,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueType,
} from "./onnx.js";
import { type ProductShape, productsOf } from "./products.js";
import type { Binding, ElementType } from "./runtime.js";
import { lengthOf, type Shape, showShape, sizeOf } from "./shapes.js";

/** The operator set of every model; onnxruntime 1.30 runs it on cpu, webgpu and cuda. */
const OPSET = 18;
const IR_VERSION = 9;

/** onnxruntime's own operators, available on cpu, webgpu and cuda besides ONNX's. */
const CONTRIBUTED: ReadonlySet<string> = new Set(["FastGelu", "QuickGelu", "RotaryEmbedding"]);
const CONTRIBUTED_DOMAIN = "com.microsoft";

/** The `use` of a node that concatenates gradients of many parameters. */
export const GATHERING = "gathering";

export type Attributes = Readonly<Record<string, number | string | readonly number[]>>;

/** How a value was made, for gradients. */
export interface TapeEntry {
  readonly index: number;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly operator: Operator<never>;
  readonly options: unknown;
}

/** A handle to a tensor of the graph. Two values may share one name: a tensor with and without its history. */
export class Value {
  origin: TapeEntry | undefined;
  constructor(
    readonly graph: Graph,
    readonly name: string,
    readonly shape: Shape,
    readonly type: ValueType,
  ) {}
}

export interface GradientContext<Options> {
  /** d loss / d output, in the shape of the first output (for `lazy` operators, or a shape that broadcasts to it). */
  readonly dy: Value;
  /** d loss / d output for each output; undefined where the loss does not depend on it. */
  readonly dys: readonly (Value | undefined)[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly options: Options;
}

/** An operator: the ONNX nodes it emits, and its gradient rule. */
export interface Operator<Options> {
  readonly name: string;
  /** Emits nodes. The history of the results is dropped in favour of this operator's gradient. */
  readonly forward: (inputs: readonly Value[], options: Options) => readonly Value[];
  /**
   * d loss / d input for each input; undefined where there is none. Without a rule, gradients treat the outputs as
   * constants.
   */
  readonly gradient?: (context: GradientContext<Options>) => readonly (Value | undefined)[];
  /** For an elementwise rule that also works on a dy not yet broadcast to the output's shape. */
  readonly lazy?: boolean;
}

/** Runs an operator and records it on the tape. */
export function apply<Options>(
  operator: Operator<Options>,
  inputs: readonly Value[],
  options: Options,
): readonly Value[] {
  const graph = inputs[0]?.graph;
  if (!graph) throw new Error(`${operator.name} needs at least one input`);
  const outputs = operator.forward(inputs, options).map((v) => new Value(graph, v.name, v.shape, v.type));
  const entry: TapeEntry = {
    index: graph.nextIndex(),
    inputs,
    outputs,
    operator: operator as Operator<never>,
    options,
  };
  for (const output of outputs) output.origin = entry;
  return outputs;
}

/** `apply` for an operator with one output. */
export function applyOne<Options>(operator: Operator<Options>, inputs: readonly Value[], options: Options): Value {
  const [output] = apply(operator, inputs, options);
  if (!output) throw new Error(`${operator.name} has no output`);
  return output;
}

/** The same tensor, as a constant for gradients. Emits no node. */
export const stopGradient = (x: Value): Value => new Value(x.graph, x.name, x.shape, x.type);

/** Where a tensor's bytes are, in a file beside the model. */
export interface ExternalData {
  /** Relative to the model's folder; onnxruntime refuses ".." and links that leave it. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

type ConstantData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

function typeOf(data: ConstantData): ElementType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  return "uint8";
}

/** Bytes of these places in files; overlapping bytes count once. */
function bytesIn(places: readonly ExternalData[]): number {
  const ends = new Map<string, number>();
  return [...places]
    .sort((a, b) => a.offset - b.offset)
    .reduce((sum, { file, offset, length }) => {
      const end = ends.get(file) ?? 0;
      ends.set(file, Math.max(end, offset + length));
      return sum + Math.max(0, offset + length - Math.max(end, offset));
    }, 0);
}

const bytesOf = ({ shape, type }: Value): number => sizeOf(shape) * ELEMENT_BYTES[type];

function toAttribute(name: string, value: number | string | readonly number[]): AttributeProto {
  if (typeof value === "string") return { name, type: 3, s: new TextEncoder().encode(value) };
  if (typeof value !== "number") return { name, type: 7, ints: [...value] };
  return FLOAT_ATTRIBUTES.has(name) ? { name, type: 1, f: value } : { name, type: 2, i: value };
}
/** The least and largest number of each integer type; of int64 those that a JavaScript number has exactly. */
const INTEGER_RANGES: Readonly<Partial<Record<ValueType, readonly [number, number]>>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint8: [0, 255],
  bool: [0, 1],
};

const FLOAT_ATTRIBUTES: ReadonlySet<string> = new Set(["epsilon", "alpha", "beta"]);

export class Graph {
  readonly #inputs: Value[] = [];
  readonly #tensors = new Map<string, Value>();
  readonly #outputs = new Map<string, Value>();
  readonly #initializers = new Map<string, TensorProto>();
  readonly #nodes: NodeProto[] = [];
  readonly #producers = new Map<string, NodeProto>();
  readonly #known = new Map<string, readonly Value[]>();
  /** Nodes that concatenate what should be computed as early as possible: gradients of many parameters. */
  readonly #gathering = new Set<NodeProto>();
  /** Names of float32 values cast from half-precision constants → those constants. */
  readonly #halves = new Map<string, Value>();
  readonly #remade = new Map<string, Value>();
  /** Names of constants in files → their places. */
  readonly #places = new Map<string, ExternalData>();
  readonly #reads: Record<string, string> = {};
  readonly #writes: Record<string, string> = {};
  #names = 0;
  #tape = 0;

  nextIndex(): number {
    return this.#tape++;
  }

  #name(): string {
    return `_${this.#names++}`;
  }

  input(name: string, shape: Shape, type: ElementType = "float32"): Value {
    if (name.startsWith("_") || this.#inputs.some((value) => value.name === name)) {
      throw new Error(`an input's name is used once and does not start with "_": "${name}"`);
    }
    const value = new Value(this, name, [...shape], type);
    this.#inputs.push(value);
    this.#tensors.set(name, value);
    return value;
  }

  /**
   * A tensor that is part of the model. Its type is the array's unless given (bool: 0 and 1 in a Uint8Array). The array
   * is read at `serialize`, so do not change it before.
   */
  constant(data: ConstantData, shape: Shape = [data.length], type: ValueType = typeOf(data)): Value {
    if (data.length !== sizeOf(shape) && type !== "float16" && type !== "bfloat16") {
      throw new RangeError(`${data.length} elements do not fill ${showShape(shape)}`);
    }
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = data.length <= 64 ? `constant ${type} ${shape.join()} ${Array.from(bytes).join()}` : undefined;
    const known = key === undefined ? undefined : this.#known.get(key)?.[0];
    if (known) return known;
    const value = this.#initializer(this.#name(), shape, type, { rawData: bytes });
    if (key !== undefined) this.#known.set(key, [value]);
    return value;
  }

  /**
   * A number as a scalar of the given type.
   * @throws RangeError for a number that an integer type cannot hold
   */
  scalar(value: number, type: ValueType = "float32"): Value {
    const [least, most] = INTEGER_RANGES[type] ?? [];
    if (least !== undefined && most !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) {
      throw new RangeError(`${value} is no ${type}: cast the tensor to float32, or give a whole number that fits`);
    }
    if (type === "int32") return this.constant(Int32Array.of(value), []);
    if (type === "int64") return this.constant(BigInt64Array.of(BigInt(value)), []);
    if (type === "uint8" || type === "bool") return this.constant(Uint8Array.of(value), [], type);
    if (type !== "float32") throw new Error(`no ${type} scalars: cast a float32 one`);
    return this.constant(Float32Array.of(value), []);
  }

  /** A 1-D int64 constant: axes, a shape. */
  integers(values: readonly number[]): Value {
    return this.constant(BigInt64Array.from(values, BigInt));
  }

  /** A float32 tensor filled with one number. */
  filled(shape: Shape, value: number): Value {
    const key = `filled ${shape.join()} ${value}`;
    const known = this.#known.get(key)?.[0];
    if (known) return known;
    const result = this.constant(new Float32Array(sizeOf(shape)).fill(value), shape);
    this.#known.set(key, [result]);
    return result;
  }

  /** A tensor that onnxruntime maps from a file beside the model, such as a safetensors file. */
  external(shape: Shape, type: ValueType, place: ExternalData): Value {
    const value = this.#initializer(this.#name(), shape, type, {
      dataLocation: 1,
      externalData: [
        { key: "location", value: place.file },
        { key: "offset", value: String(place.offset) },
        { key: "length", value: String(place.length) },
      ],
    });
    this.#places.set(value.name, place);
    return value;
  }

  /** Rows start … end − 1 of a constant in a file, mapped from there; undefined for any other value. */
  externalRows(whole: Value, start: number, end: number): Value | undefined {
    const place = this.#places.get(whole.name);
    if (place === undefined) return undefined;
    const shape = [end - start, ...whole.shape.slice(1)];
    const row = bytesOf(whole) / lengthOf(whole.shape, 0);
    return this.external(shape, whole.type, {
      file: place.file,
      offset: place.offset + start * row,
      length: (end - start) * row,
    });
  }

  #initializer(name: string, shape: Shape, type: ValueType, data: Partial<TensorProto>): Value {
    this.#initializers.set(name, { name, dims: [...shape], dataType: DATA_TYPE[type], ...data });
    const value = new Value(this, name, [...shape], type);
    this.#tensors.set(name, value);
    return value;
  }

  /** A half-precision constant as float32. With a `use`, only callers with the same use share the cast. */
  widen(half: Value, use = ""): Value {
    const output = { shape: half.shape, type: "float32" } as const;
    const [value] = this.emit("Cast", [half], [output], { to: DATA_TYPE.float32 }, use) as [Value];
    this.#halves.set(value.name, half);
    return value;
  }

  /** The constant that `widen` made this value from. */
  halfOf(value: Value): Value | undefined {
    return this.#halves.get(value.name);
  }

  /**
   * Declares that `second` computes the same numbers as `first` by other nodes. Gradients then use it, so that `first`
   * need not be kept in memory.
   */
  remakes(first: Value, second: Value): void {
    this.#remade.set(first.name, second);
  }

  /** The second value declared by `remakes`. */
  remadeOf(value: Value): Value | undefined {
    return this.#remade.get(value.name);
  }

  /** Emits one ONNX node, or returns the equal one (with the same `use`) that exists. For operators' `forward`. */
  emit(
    opType: string,
    inputs: readonly Value[],
    outputs: readonly { readonly shape: Shape; readonly type: ValueType }[],
    attributes: Attributes = {},
    use = "",
  ): readonly Value[] {
    for (const input of inputs) {
      if (input.graph !== this) throw new Error(`${opType}: an input belongs to another graph`);
    }
    const operands = inputs.map((value) => value.name).join();
    const key = `${opType}(${operands}) ${JSON.stringify(attributes)} ${outputs.length} ${use}`;
    const known = this.#known.get(key);
    if (known) return known;
    const values = outputs.map(({ shape, type }) => new Value(this, this.#name(), [...shape], type));
    const node: NodeProto = {
      opType,
      name: `${opType}${this.#nodes.length}`,
      ...(CONTRIBUTED.has(opType) && { domain: CONTRIBUTED_DOMAIN }),
      input: inputs.map((value) => value.name),
      output: values.map((value) => value.name),
      attribute: Object.entries(attributes).map(([name, value]) => toAttribute(name, value)),
    };
    this.#nodes.push(node);
    if (use === GATHERING) this.#gathering.add(node);
    for (const value of values) {
      this.#producers.set(value.name, node);
      this.#tensors.set(value.name, value);
    }
    this.#known.set(key, values);
    return values;
  }

  /** Makes a value an output of the model. */
  output(name: string, value: Value): void {
    if (name.startsWith("_") || this.#outputs.has(name) || this.#inputs.some((input) => input.name === name)) {
      throw new Error(`an output's name is used once, for no input, and does not start with "_": "${name}"`);
    }
    this.#outputs.set(name, value);
  }

  /** An input that is read from the runtime's variable with this name. */
  variable(name: string, shape: Shape, type: ElementType = "float32"): Value {
    const value = this.input(name, shape, type);
    this.#reads[name] = name;
    return value;
  }

  /** At the end of a run, the runtime's variable gets this value. */
  assign(variable: string, value: Value): void {
    const name = `next ${variable}`;
    this.output(name, value);
    this.#writes[name] = variable;
  }

  /** The declarations of `variable` and `assign`, for `Runtime.load`. */
  get binding(): Binding {
    return { reads: { ...this.#reads }, writes: { ...this.#writes } };
  }

  /** Inputs and outputs declared so far. */
  get signature(): { inputs: readonly Value[]; outputs: ReadonlyMap<string, Value> } {
    return { inputs: this.#inputs, outputs: this.#outputs };
  }

  /** The serialized model. It keeps inputs that no output needs. */
  serialize(name = "graph"): Uint8Array {
    return encodeModel(this.#model(name));
  }

  /** The memory that the model takes while it runs on the cpu, one node after another. */
  memory(): GraphMemory {
    const { node, initializer } = this.#model("").graph;
    const outputs = new Set(this.#outputs.keys());
    const size = (name: string): TensorSize => {
      const value = this.#tensorOf(name);
      return { bytes: bytesOf(value), kind: `${ELEMENT_BYTES[value.type]} ${value.shape.join()}` };
    };
    const total = (names: readonly string[]): number => names.reduce((sum, name) => sum + size(name).bytes, 0);
    const held = initializer.filter(({ externalData }) => !externalData).map(({ name }) => name);
    const mapped = initializer.flatMap(({ name }) => this.#places.get(name) ?? []);
    const fed = this.#inputs.map(({ name }) => name);
    // onnxruntime-node copies the outputs after the last node.
    const working = Math.max(peakOf(node, size, outputs), 2 * total([...outputs]));
    return { peakBytes: total(fed) + total(held) + working, frozenBytes: bytesIn(mapped) };
  }

  /** A tensor by its name in the model; outputs have names of their own. */
  #tensorOf(name: string): Value {
    const value = this.#outputs.get(name) ?? this.#tensors.get(name);
    if (!value) throw new Error(`the graph has no tensor "${name}"`);
    return value;
  }

  /** The shapes of the model's matrix products. */
  products(): ProductShape[] {
    return productsOf(this.#model("").graph.node, (name) => this.#tensorOf(name).shape);
  }

  #model(name: string): ModelProto {
    const renamed = new Map<string, string>();
    const copies: NodeProto[] = [];
    for (const [output, value] of this.#outputs) {
      if (this.#producers.has(value.name) && !renamed.has(value.name)) renamed.set(value.name, output);
      else
        copies.push({
          opType: "Identity",
          name: `copy ${output}`,
          input: [value.name],
          output: [output],
          attribute: [],
        });
    }
    const needed = new Set<string>();
    const stack = [...this.#outputs.values()].map((value) => value.name);
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (needed.has(next)) continue;
      needed.add(next);
      stack.push(...(this.#producers.get(next)?.input ?? []));
    }
    const rename = (names: readonly string[]): string[] => names.map((tensor) => renamed.get(tensor) ?? tensor);
    const info = (tensor: string, value: Value) => ({
      name: tensor,
      type: {
        tensorType: { elemType: DATA_TYPE[value.type], shape: { dim: value.shape.map((dimValue) => ({ dimValue })) } },
      },
    });
    const nodes = [...this.#ordered(needed), ...copies];
    return {
      irVersion: IR_VERSION,
      producerName: "rls3",
      opsetImport: [
        { domain: "", version: OPSET },
        ...(nodes.some(({ domain }) => domain !== undefined) ? [{ domain: CONTRIBUTED_DOMAIN, version: 1 }] : []),
      ],
      graph: {
        name,
        node: nodes.map((node) => ({
          ...node,
          input: rename(node.input),
          output: rename(node.output),
        })),
        initializer: [...this.#initializers.values()].filter((tensor) => needed.has(tensor.name)),
        input: this.#inputs.map((value) => info(value.name, value)),
        output: [...this.#outputs].map(([output, value]) => info(output, value)),
      },
    };
  }

  /** The nodes that `needed` depends on. */
  #ordered(needed: ReadonlySet<string>): NodeProto[] {
    const nodes = this.#nodes.filter((node) => node.output.some((tensor) => needed.has(tensor)));
    const constants = { all: new Set(this.#initializers.keys()), stored: new Set(this.#places.keys()) };
    return orderNodes(nodes, constants, this.#gathering);
  }
}
