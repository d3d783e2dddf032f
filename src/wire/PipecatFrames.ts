/**
 * Pipecat's frames on the wire: one protobuf message (`pipecat.Frame` of its `frames.proto`, proto3) per binary WebSocket
 * frame, with no length before it.
 *
 * Pure: bytes in, plain data or a message about what is wrong out; nothing throws, whatever the bytes. Unknown fields are
 * skipped, and a frame of an unknown kind is `Unknown`: older bots have no `interruption`, newer ones may have more kinds.
 * `id`, `name` and `pts` may be absent; a receiver then gives the frame its own.
 *
 * @since 0.1.0
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire"
import * as Result from "effect/Result"
import { MonoMix } from "../audio/MonoMix.ts"
import * as Pcm from "../audio/Pcm.ts"

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
 * - `Interruption`: drops audio that was not played yet.
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
 * A frame of an unknown kind; `field` is the number of its field, 0 when it has none.
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

/** The fields of a submessage by number. The last of each counts; one of another wire type is ignored. */
interface Fields {
  readonly strings: Map<number, string>
  readonly longs: Map<number, bigint>
}

const shapes: {
  readonly [K in Exclude<Kind, "Audio">]: { readonly [field: number]: "string" | "uint64" }
} = {
  Text: { 1: "uint64", 2: "string", 3: "string" },
  Transcription: { 1: "uint64", 2: "string", 3: "string", 4: "string", 5: "string" },
  Message: { 1: "string" },
  Interruption: { 1: "uint64", 2: "string" }
}

const NOTHING = new Uint8Array(0)

const read = (bytes: Uint8Array, shape: { readonly [field: number]: "string" | "uint64" }): Fields => {
  const reader = new BinaryReader(bytes)
  const fields: Fields = { strings: new Map(), longs: new Map() }
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    const type = shape[field]
    if (type === "string" && wireType === WireType.LengthDelimited) fields.strings.set(field, reader.string(true))
    else if (type === "uint64" && wireType === WireType.Varint) fields.longs.set(field, BigInt(reader.uint64()))
    else reader.skip(wireType, field)
  }
  return fields
}

/** The same as `read`, faster, for audio frames, which come 50 times a second. */
const audioOf = (bytes: Uint8Array): PipecatFrame => {
  const reader = new BinaryReader(bytes)
  let id: bigint | undefined
  let name: string | undefined
  let audio: Uint8Array = NOTHING
  let sampleRate = 0
  let channels = 0
  let pts: bigint | undefined
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (wireType === WireType.LengthDelimited) {
      if (field === 3) audio = reader.bytes()
      else if (field === 2) name = reader.string(true)
      else reader.skip(wireType, field)
    } else if (wireType === WireType.Varint) {
      if (field === 4) sampleRate = reader.uint32()
      else if (field === 5) channels = reader.uint32()
      else if (field === 1) id = BigInt(reader.uint64())
      else if (field === 6) pts = BigInt(reader.uint64())
      else reader.skip(wireType, field)
    } else {
      reader.skip(wireType, field)
    }
  }
  return {
    _tag: "Audio",
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
    audio,
    sampleRate,
    channels,
    ...(pts === undefined ? {} : { pts })
  }
}

const frameOf = (kind: Kind, bytes: Uint8Array): PipecatFrame => {
  if (kind === "Audio") return audioOf(bytes)
  const { longs, strings } = read(bytes, shapes[kind])
  const textOf = (field: number) => strings.get(field) ?? ""
  const id = longs.get(1)
  const name = strings.get(2)
  const names = { ...(id === undefined ? {} : { id }), ...(name === undefined ? {} : { name }) }
  switch (kind) {
    case "Text":
      return { _tag: kind, ...names, text: textOf(3) }
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
 * Makes audio frames of one rate, mono. Frames of the same length differ only in their samples, so each is a copy of the
 * last with new samples: an eighth of the time that `encode` takes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const audioEncoder = (sampleRate: number): (pcm: Int16Array) => Uint8Array<ArrayBuffer> => {
  // a frame without audio: two bytes of head, then what comes behind the audio
  const tail = encode(audio(new Int16Array(0), sampleRate)).length - 2
  let former = new Uint8Array(0)
  let length = -1
  return (pcm) => {
    if (pcm.length !== length) {
      former = encode(audio(pcm, sampleRate))
      length = pcm.length
      return former
    }
    const frame = former.slice()
    frame.set(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength), frame.length - tail - pcm.byteLength)
    return frame
  }
}

/**
 * Makes a function that gives the samples of the audio frames of a connection as mono, as `MonoMix` mixes them; each result
 * owns its samples. An incomplete group of samples at the end is dropped. A frame that does not say how many channels it
 * has is mono.
 *
 * @category conversions
 * @since 0.1.0
 */
export const audioDecoder = (): (frame: Extract<PipecatFrame, { readonly _tag: "Audio" }>) => Int16Array => {
  let mix = new MonoMix(1)
  return (frame) => {
    const samples = Pcm.copyInt16(frame.audio)
    if (frame.channels <= 1) return samples
    // more channels than samples: no group is complete
    if (frame.channels > samples.length) return new Int16Array(0)
    if (mix.channels !== frame.channels) mix = new MonoMix(frame.channels)
    return mix.push(samples)
  }
}
