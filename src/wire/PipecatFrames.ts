/**
 * Pipecat's frames on the wire: one protobuf message (`pipecat.Frame` of its `frames.proto`, proto3) per binary WebSocket
 * frame, with no length before it.
 *
 * Pure: bytes in, plain data or a fault in words out; nothing throws, whatever the bytes. Fields that we do not know are
 * skipped, and a frame of a kind that we do not know is `Unknown`: older bots have no `interruption`, newer ones may have
 * more. `id`, `name` and `pts` may be absent; a receiver then gives the frame its own.
 *
 * @since 0.1.0
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire"
import * as Result from "effect/Result"

interface Named {
  readonly id?: bigint | undefined
  readonly name?: string | undefined
}

/**
 * What either side may send.
 *
 * - `Audio`: signed 16-bit little-endian PCM, channels interleaved, at `sampleRate` Hz. `audio` is a view of what was
 *   decoded, of any alignment.
 * - `Message`: the text of a JSON value, an RTVI message as a rule.
 * - `Interruption`: drop what was not played yet.
 *
 * @category models
 * @since 0.1.0
 */
export type PipecatFrame =
  | Named & { readonly _tag: "Text"; readonly text: string }
  | Named & {
    readonly _tag: "Audio"
    readonly audio: Uint8Array
    readonly sampleRate: number
    readonly channels: number
    readonly pts?: bigint | undefined
  }
  | Named & {
    readonly _tag: "Transcription"
    readonly text: string
    readonly userId: string
    readonly timestamp: string
  }
  | { readonly _tag: "Message"; readonly data: string }
  | Named & { readonly _tag: "Interruption" }

/**
 * A frame of a kind that is not known here; `field` is its number, 0 when there is none at all.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnknownFrame {
  readonly _tag: "Unknown"
  readonly field: number
}

type Kind = PipecatFrame["_tag"]

const fieldOf: { readonly [K in Kind]: number } = { Text: 1, Audio: 2, Transcription: 3, Message: 4, Interruption: 5 }
const kinds = new Map<number, Kind>([
  [1, "Text"],
  [2, "Audio"],
  [3, "Transcription"],
  [4, "Message"],
  [5, "Interruption"]
])

// tag = field number << 3 | wire type
const VARINT = (field: number) => field << 3 | WireType.Varint
const BYTES = (field: number) => field << 3 | WireType.LengthDelimited

const text = (writer: BinaryWriter, field: number, value: string): void => {
  if (value !== "") writer.uint32(BYTES(field)).string(value)
}
const number = (writer: BinaryWriter, field: number, value: number): void => {
  if (value !== 0) writer.uint32(VARINT(field)).uint32(value)
}
const long = (writer: BinaryWriter, field: number, value: bigint): void => {
  writer.uint32(VARINT(field)).uint64(BigInt.asUintN(64, value))
}
const named = (writer: BinaryWriter, { id, name }: Named): void => {
  if (id !== undefined && id !== 0n) long(writer, 1, id)
  if (name !== undefined) text(writer, 2, name)
}

/**
 * The bytes of a frame. What proto3 leaves out (zero, empty) is left out; a `pts` of 0 is written.
 *
 * @category conversions
 * @since 0.1.0
 */
export const encode = (frame: PipecatFrame): Uint8Array<ArrayBuffer> => {
  const writer = new BinaryWriter()
  writer.uint32(BYTES(fieldOf[frame._tag])).fork()
  switch (frame._tag) {
    case "Text":
      named(writer, frame)
      text(writer, 3, frame.text)
      break
    case "Audio":
      named(writer, frame)
      if (frame.audio.length > 0) writer.uint32(BYTES(3)).bytes(frame.audio)
      number(writer, 4, frame.sampleRate)
      number(writer, 5, frame.channels)
      if (frame.pts !== undefined) long(writer, 6, frame.pts)
      break
    case "Transcription":
      named(writer, frame)
      text(writer, 3, frame.text)
      text(writer, 4, frame.userId)
      text(writer, 5, frame.timestamp)
      break
    case "Message":
      text(writer, 1, frame.data)
      break
    case "Interruption":
      named(writer, frame)
  }
  return writer.join().finish()
}

/** The fields of a submessage by number; the last of each counts, and one of another wire type is as if it were not there. */
interface Fields {
  readonly strings: Map<number, string>
  readonly numbers: Map<number, number>
  readonly longs: Map<number, bigint>
  bytes: Uint8Array
}

type FieldType = "string" | "uint32" | "uint64" | "bytes"

const shapes: { readonly [K in Kind]: { readonly [field: number]: FieldType } } = {
  Text: { 1: "uint64", 2: "string", 3: "string" },
  Audio: { 1: "uint64", 2: "string", 3: "bytes", 4: "uint32", 5: "uint32", 6: "uint64" },
  Transcription: { 1: "uint64", 2: "string", 3: "string", 4: "string", 5: "string" },
  Message: { 1: "string" },
  Interruption: { 1: "uint64", 2: "string" }
}

const NOTHING = new Uint8Array(0)

const read = (bytes: Uint8Array, shape: { readonly [field: number]: FieldType }): Fields => {
  const reader = new BinaryReader(bytes)
  const fields: Fields = { strings: new Map(), numbers: new Map(), longs: new Map(), bytes: NOTHING }
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    const type = shape[field]
    const expected = type === "string" || type === "bytes" ? WireType.LengthDelimited : WireType.Varint
    if (type === undefined || wireType !== expected) reader.skip(wireType, field)
    else if (type === "string") fields.strings.set(field, reader.string(true))
    else if (type === "bytes") fields.bytes = reader.bytes()
    else if (type === "uint32") fields.numbers.set(field, reader.uint32())
    else fields.longs.set(field, BigInt(reader.uint64()))
  }
  return fields
}

const frameOf = (kind: Kind, bytes: Uint8Array): PipecatFrame => {
  const { bytes: audio, longs, numbers, strings } = read(bytes, shapes[kind])
  const textOf = (field: number) => strings.get(field) ?? ""
  const id = longs.get(1)
  const name = strings.get(2)
  const names = { ...(id === undefined ? {} : { id }), ...(name === undefined ? {} : { name }) }
  switch (kind) {
    case "Text":
      return { _tag: kind, ...names, text: textOf(3) }
    case "Audio": {
      const pts = longs.get(6)
      return {
        _tag: kind,
        ...names,
        audio,
        sampleRate: numbers.get(4) ?? 0,
        channels: numbers.get(5) ?? 0,
        ...(pts === undefined ? {} : { pts })
      }
    }
    case "Transcription":
      return { _tag: kind, ...names, text: textOf(3), userId: textOf(4), timestamp: textOf(5) }
    case "Message":
      return { _tag: kind, data: textOf(1) }
    case "Interruption":
      return { _tag: kind, ...names }
  }
}

/**
 * Reads a binary frame; the failure says what is wrong with the bytes, and quotes none of them.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Result.Result<PipecatFrame | UnknownFrame, string> => {
  try {
    const reader = new BinaryReader(bytes)
    let frame: PipecatFrame | UnknownFrame = { _tag: "Unknown", field: 0 }
    // a oneof: the last one counts
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag()
      const kind = kinds.get(field)
      if (kind !== undefined && wireType === WireType.LengthDelimited) frame = frameOf(kind, reader.bytes())
      else {
        reader.skip(wireType, field)
        if (frame._tag === "Unknown") frame = { _tag: "Unknown", field }
      }
    }
    return Result.succeed(frame)
  } catch {
    return Result.fail("not a protobuf message of Pipecat's")
  }
}

/**
 * An audio frame of these samples, mono.
 *
 * @category conversions
 * @since 0.1.0
 */
export const audio = (pcm: Int16Array, sampleRate: number): PipecatFrame => ({
  _tag: "Audio",
  audio: new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength),
  sampleRate,
  channels: 1
})

/**
 * The samples of an audio frame as mono, a copy: channels are averaged; what is no whole sample of all of them is dropped.
 * A frame that does not say how many channels it has is mono.
 *
 * @category conversions
 * @since 0.1.0
 */
export const samplesOf = (frame: Extract<PipecatFrame, { readonly _tag: "Audio" }>): Int16Array => {
  const { audio } = frame
  const channels = Math.max(1, frame.channels)
  const samples = new Int16Array(Math.floor(audio.length / 2 / channels))
  const view = new DataView(audio.buffer, audio.byteOffset, audio.byteLength)
  for (let i = 0; i < samples.length; i++) {
    let sum = 0
    for (let channel = 0; channel < channels; channel++) sum += view.getInt16((i * channels + channel) * 2, true)
    samples[i] = Math.round(sum / channels)
  }
  return samples
}
