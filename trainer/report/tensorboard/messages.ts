/** @file TensorBoard's messages that a run needs (tensorboard/compat/proto/{event,summary,tensor}.proto, plugins/hparams/{api,plugin_data}.proto). */
import protobuf from "protobufjs";
import { frame } from "./records.js";

const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Event {
    double wall_time = 1;
    int64 step = 2;
    oneof what { string file_version = 3; Summary summary = 5; SessionLog session_log = 7; }
  }
  message SessionLog { int32 status = 1; }
  message Summary {
    message Image { int32 height = 1; int32 width = 2; int32 colorspace = 3; bytes encoded_image_string = 4; }
    message Value {
      string tag = 1;
      oneof value { float simple_value = 2; Image image = 4; Tensor tensor = 8; }
      Metadata metadata = 9;
    }
    repeated Value value = 1;
  }
  message Metadata {
    message PluginData { string plugin_name = 1; bytes content = 2; }
    PluginData plugin_data = 1;
  }
  message Tensor {
    message Shape { message Dim { int64 size = 1; } repeated Dim dim = 2; }
    int32 dtype = 1;
    Shape tensor_shape = 2;
    repeated float float_val = 5;
  }

  message HParamsPluginData {
    int32 version = 1;
    oneof data { Experiment experiment = 2; SessionStartInfo session_start_info = 3; SessionEndInfo session_end_info = 4; }
  }
  message Experiment { repeated HParamInfo hparam_infos = 4; repeated MetricInfo metric_infos = 5; }
  message HParamInfo { string name = 1; string description = 3; int32 type = 4; }
  message MetricInfo { MetricName name = 1; }
  message MetricName { string tag = 2; }
  message Value { oneof kind { double number_value = 2; string string_value = 3; bool bool_value = 4; } }
  message SessionStartInfo { map<string, Value> hparams = 1; double start_time_secs = 5; }
  message SessionEndInfo { int32 status = 1; double end_time_secs = 2; }
`,
  { keepCase: true },
);
const Event = root.lookupType("Event");
const HParamsPluginData = root.lookupType("HParamsPluginData");

/** A value of a summary, by its tag. */
export type SummaryValue =
  | { readonly tag: string; readonly simple_value: number }
  | { readonly tag: string; readonly image: Picture }
  | { readonly tag: string; readonly metadata: unknown; readonly tensor: unknown };

/** A PNG of three channels. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly colorspace: 3;
  readonly encoded_image_string: Uint8Array;
}

export type EventContent =
  | { readonly file_version: string }
  | { readonly session_log: { readonly status: number } }
  | { readonly summary: { readonly value: readonly SummaryValue[] } };

/** A framed event; wall time in seconds since 1970. */
export const event = (wallTime: number, step: number, content: EventContent): Buffer =>
  frame(Event.encode(Event.fromObject({ wall_time: wallTime, step, ...content })).finish());

/** For tags without a number: readers skip a value without a tensor. */
const NULL_TENSOR = { dtype: 1, tensor_shape: { dim: [{ size: 1 }] }, float_val: [0] };

/** A value of the HParams plugin. */
export function hparamsValue(tag: string, data: Readonly<Record<string, unknown>>): SummaryValue {
  const content = HParamsPluginData.encode(HParamsPluginData.fromObject({ version: 0, ...data })).finish();
  return { tag, metadata: { plugin_data: { plugin_name: "hparams", content } }, tensor: NULL_TENSOR };
}
