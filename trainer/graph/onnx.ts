/** @file The few ONNX messages that our models need, as a protobuf schema, with their TypeScript types. */
import protobuf from "protobufjs/light.js";

/** ONNX's TensorProto.DataType. */
export const DATA_TYPE = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const;

export type ValueType = keyof typeof DATA_TYPE;

export const ELEMENT_BYTES: Readonly<Record<ValueType, number>> = {
  float32: 4,
  uint8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
  bfloat16: 2,
};

export interface TensorProto {
  name: string;
  dims: number[];
  dataType: number;
  rawData?: Uint8Array;
  externalData?: { key: string; value: string }[];
  /** 1: the data lies in `externalData`. */
  dataLocation?: number;
}

export interface AttributeProto {
  name: string;
  /** 1 float, 2 int, 3 string, 7 ints. */
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  ints?: number[];
}

export interface NodeProto {
  opType: string;
  name: string;
  input: string[];
  output: string[];
  attribute: AttributeProto[];
  domain?: string;
}

export interface ValueInfoProto {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: { dimValue: number }[] } } };
}

export interface ModelProto {
  irVersion: number;
  producerName: string;
  opsetImport: { domain: string; version: number }[];
  graph: {
    name: string;
    node: NodeProto[];
    initializer: TensorProto[];
    input: ValueInfoProto[];
    output: ValueInfoProto[];
  };
}

/** Field name → [type, number]; a type in brackets is repeated. The numbers are those of onnx.proto. */
const SCHEMA: Readonly<Record<string, Readonly<Record<string, readonly [string, number]>>>> = {
  ModelProto: {
    irVersion: ["int64", 1],
    producerName: ["string", 2],
    graph: ["GraphProto", 7],
    opsetImport: ["[OperatorSetIdProto]", 8],
  },
  OperatorSetIdProto: { domain: ["string", 1], version: ["int64", 2] },
  GraphProto: {
    node: ["[NodeProto]", 1],
    name: ["string", 2],
    initializer: ["[TensorProto]", 5],
    input: ["[ValueInfoProto]", 11],
    output: ["[ValueInfoProto]", 12],
  },
  NodeProto: {
    input: ["[string]", 1],
    output: ["[string]", 2],
    name: ["string", 3],
    opType: ["string", 4],
    attribute: ["[AttributeProto]", 5],
    domain: ["string", 7],
  },
  AttributeProto: {
    name: ["string", 1],
    f: ["float", 2],
    i: ["int64", 3],
    s: ["bytes", 4],
    ints: ["[int64]", 8],
    type: ["int32", 20],
  },
  TensorProto: {
    dims: ["[int64]", 1],
    dataType: ["int32", 2],
    name: ["string", 8],
    rawData: ["bytes", 9],
    externalData: ["[StringStringEntryProto]", 13],
    dataLocation: ["int32", 14],
  },
  StringStringEntryProto: { key: ["string", 1], value: ["string", 2] },
  ValueInfoProto: { name: ["string", 1], type: ["TypeProto", 2] },
  TypeProto: { tensorType: ["TypeTensorProto", 1] },
  TypeTensorProto: { elemType: ["int32", 1], shape: ["TensorShapeProto", 2] },
  TensorShapeProto: { dim: ["[DimensionProto]", 1] },
  DimensionProto: { dimValue: ["int64", 1] },
};

const modelType = ((): protobuf.Type => {
  const root = new protobuf.Root();
  for (const [name, fields] of Object.entries(SCHEMA)) {
    const type = new protobuf.Type(name);
    for (const [field, [kind, id]] of Object.entries(fields)) {
      const repeated = kind.startsWith("[");
      type.add(new protobuf.Field(field, id, repeated ? kind.slice(1, -1) : kind, repeated ? "repeated" : undefined));
    }
    root.add(type);
  }
  return root.lookupType("ModelProto");
})();

export function encodeModel(model: ModelProto): Uint8Array {
  const problem = modelType.verify(model);
  if (problem) throw new Error(`the graph does not make a valid ONNX model: ${problem}`);
  return modelType.encode(modelType.create(model)).finish();
}

export function decodeModel(bytes: Uint8Array): ModelProto {
  return modelType.toObject(modelType.decode(bytes), { longs: Number, arrays: true }) as ModelProto;
}
