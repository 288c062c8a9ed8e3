/** @file Reads TensorBoard's event files by the published .proto files alone: records, checksums, messages; nothing of it is the writer's. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import protobuf from "protobufjs";

/** tensorboard/compat/proto/{event,summary,tensor,tensor_shape}.proto and plugins/hparams/{api,plugin_data}.proto, google/protobuf/struct.proto. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Event {
    double wall_time = 1;
    int64 step = 2;
    oneof what {
      string file_version = 3;
      bytes graph_def = 4;
      Summary summary = 5;
      SessionLog session_log = 7;
      bytes tagged_run_metadata = 8;
      bytes meta_graph_def = 9;
    }
  }
  message SessionLog {
    enum SessionStatus { STATUS_UNSPECIFIED = 0; START = 1; STOP = 2; CHECKPOINT = 3; }
    SessionStatus status = 1;
    string checkpoint_path = 2;
    string msg = 3;
  }
  message SummaryMetadata {
    message PluginData { string plugin_name = 1; bytes content = 2; }
    PluginData plugin_data = 1;
    string display_name = 2;
    string summary_description = 3;
    int32 data_class = 4;
  }
  message Summary {
    message Image { int32 height = 1; int32 width = 2; int32 colorspace = 3; bytes encoded_image_string = 4; }
    message Value {
      string node_name = 7;
      string tag = 1;
      SummaryMetadata metadata = 9;
      oneof value { float simple_value = 2; bytes obsolete_old_style_histogram = 3; Image image = 4; TensorProto tensor = 8; }
    }
    repeated Value value = 1;
  }
  message TensorProto { int32 dtype = 1; TensorShapeProto tensor_shape = 2; bytes tensor_content = 4; repeated float float_val = 5; }
  message TensorShapeProto { message Dim { int64 size = 1; string name = 2; } repeated Dim dim = 2; }
  message HParamsPluginData {
    int32 version = 1;
    oneof data { Experiment experiment = 2; SessionStartInfo session_start_info = 3; SessionEndInfo session_end_info = 4; }
  }
  message Experiment {
    string description = 1;
    string user = 2;
    double time_created_secs = 3;
    repeated HParamInfo hparam_infos = 4;
    repeated MetricInfo metric_infos = 5;
    string name = 6;
  }
  enum DataType { DATA_TYPE_UNSET = 0; DATA_TYPE_STRING = 1; DATA_TYPE_BOOL = 2; DATA_TYPE_FLOAT64 = 3; }
  message HParamInfo { string name = 1; string display_name = 2; string description = 3; DataType type = 4; }
  message MetricInfo { MetricName name = 1; string display_name = 3; string description = 4; int32 dataset_type = 5; }
  message MetricName { string group = 1; string tag = 2; }
  message Value { oneof kind { int32 null_value = 1; double number_value = 2; string string_value = 3; bool bool_value = 4; } }
  message SessionStartInfo {
    map<string, Value> hparams = 1;
    string model_uri = 2;
    string monitor_url = 3;
    string group_name = 4;
    double start_time_secs = 5;
  }
  enum Status { STATUS_UNKNOWN = 0; STATUS_SUCCESS = 1; STATUS_FAILURE = 2; STATUS_RUNNING = 3; }
  message SessionEndInfo { Status status = 1; double end_time_secs = 2; }
`);
const Event = root.lookupType("Event");
const HParamsPluginData = root.lookupType("HParamsPluginData");

export interface ReadValue {
  readonly tag: string;
  readonly simpleValue?: number;
  readonly image?: {
    readonly height: number;
    readonly width: number;
    readonly colorspace: number;
    readonly encodedImageString: Buffer;
  };
  readonly tensor?: unknown;
  readonly metadata?: { readonly pluginData: { readonly pluginName: string; readonly content: Buffer } };
}

export interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly fileVersion?: string;
  readonly sessionLog?: { readonly status: string };
  readonly summary?: { readonly value: readonly ReadValue[] };
}

/** Bit by bit, by the polynomial of RFC 3720. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

/** The whole records of a file; an error where a checksum is wrong. What a kill has cut off is left, as TensorBoard leaves it. */
export function readEvents(bytes: Buffer): ReadEvent[] {
  const events: ReadEvent[] = [];
  for (let offset = 0; offset + 12 <= bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(offset));
    if (masked(bytes.subarray(offset, offset + 8)) !== bytes.readUInt32LE(offset + 8)) {
      throw new Error(`the length at byte ${offset} has a wrong checksum`);
    }
    if (offset + 16 + length > bytes.length) break;
    const data = bytes.subarray(offset + 12, offset + 12 + length);
    if (masked(data) !== bytes.readUInt32LE(offset + 12 + length)) {
      throw new Error(`the record at byte ${offset} has a wrong checksum`);
    }
    // Zeros are not on the wire.
    const event = Event.toObject(Event.decode(data), { longs: Number, enums: String, arrays: true });
    events.push({ wallTime: 0, step: 0, ...event });
    offset += 16 + length;
  }
  return events;
}

/** What a value of the HParams plugin says. */
export const hparamsOf = ({ metadata }: ReadValue): Record<string, unknown> =>
  HParamsPluginData.toObject(HParamsPluginData.decode(metadata?.pluginData.content ?? Buffer.alloc(0)), {
    enums: String,
    defaults: false,
  });

export interface ReadPoint {
  readonly step: number;
  readonly value: ReadValue;
}

/**
 * A run's values by tag, as TensorBoard comes to have them (plugin_event_accumulator.py): files in the order of their names; each session start but
 * the first voids what was read before with its step or a later one.
 */
export function readRunEvents(folder: string): Map<string, ReadPoint[]> {
  let points: ReadPoint[] = [];
  let started = false;
  const names = readdirSync(folder).filter((name) => name.includes("tfevents"));
  for (const name of names.sort()) {
    for (const { step, sessionLog, summary } of readEvents(readFileSync(path.join(folder, name)))) {
      if (sessionLog?.status === "START") {
        if (started) points = points.filter((point) => point.step < step);
        started = true;
      }
      for (const value of summary?.value ?? []) points.push({ step, value });
    }
  }
  const byTag = new Map<string, ReadPoint[]>();
  for (const point of points) byTag.set(point.value.tag, [...(byTag.get(point.value.tag) ?? []), point]);
  return byTag;
}
