/**
 * The codec of carriers whose media streams are JSON messages with audio in base64: Twilio and those who do it alike.
 *
 * A message costs what its audio lasts, or 1 ms for 256 bytes, whichever is more; other messages at least 20 ms.
 *
 * @since 0.1.0
 */
import { msOf } from "../../audio/AudioFormat.ts"
import { isRecord, type JsonRecord, parseRecord } from "../../schema/Json.ts"
import { costOf, costOfAudio } from "../../session/FloodLimit.ts"
import type { MediaCodec, MediaFormat, MediaListener, MediaProtocol, MediaStart } from "../MediaProtocol.ts"
import { ChunkOrder } from "./ChunkOrder.ts"
import { MediaShape, textOf } from "./MediaShape.ts"
import type { MediaStreamDialect } from "./MediaStreamDialect.ts"
import * as Payload from "./Payload.ts"
import { read, wholeNumber } from "./StartMessage.ts"

const CONTROL_MS = costOf({ _tag: "Unknown", type: "" })
const BYTES_PER_MS = 256
/** The longest gap that is told at once: what is lost beyond it is not silence, but another place of the stream. */
const MAX_GAP_MS = 10_000
const MAX_MARK_LENGTH = 256
/** How often the shape of messages with audio is learnt; a carrier keeps to one. */
const MAX_SHAPES = 4
/** Digits whose numbers are remembered. */
const MAX_DIGITS = 16

const decoder = new TextDecoder()

const isOutbound = (track: unknown): boolean => typeof track === "string" && track.startsWith("outbound")

/** Our messages with audio, before and behind the payload. */
const envelopeOf = (dialect: MediaStreamDialect, { output, streamId }: MediaStart): readonly [string, string] => {
  const { audio, encodings } = dialect
  const stream = dialect.addressed ? `,${JSON.stringify(dialect.streamId)}:${JSON.stringify(streamId)}` : ""
  const contentType = Object.keys(encodings).find((name) => encodings[name] === output.encoding)
  const described = audio.described
    ? `"contentType":${JSON.stringify(contentType)},"sampleRate":${output.sampleRate},`
    : ""
  return [`{"event":${JSON.stringify(audio.event)}${stream},"media":{${described}"payload":"`, "\"}}"]
}

class Receiver {
  readonly #dialect: MediaStreamDialect
  readonly #start: MediaStart
  readonly #order: ChunkOrder<string>
  readonly #digits: Array<number> = []
  #lastSamples = 0
  #stopped = false
  #shape: MediaShape | undefined
  #shapes = 0

  constructor(dialect: MediaStreamDialect, start: MediaStart) {
    this.#dialect = dialect
    this.#start = start
    this.#order = new ChunkOrder(dialect.reordering)
  }

  receive(data: Uint8Array, isBinary: boolean, samples: Int16Array, listener: MediaListener): number {
    const cost = data.length / BYTES_PER_MS
    // what comes behind the last word of a stream belongs to no call
    if (this.#stopped) return Math.max(CONTROL_MS, cost)
    if (isBinary) return this.#malformed(listener, "a binary message", cost)
    const shape = this.#shape
    if (shape !== undefined && shape.matches(data)) {
      const payload = textOf(data, shape.from, shape.to)
      return Math.max(this.#chunk(payload, shape.chunk, samples, listener), cost)
    }
    const message = parseRecord(decoder.decode(data))
    if (message === undefined) return this.#malformed(listener, "not a JSON object", cost)
    const stream = message[this.#dialect.streamId]
    if (stream !== undefined && stream !== null && String(stream) !== this.#start.streamId) {
      return this.#malformed(listener, "a message of another stream", cost)
    }
    if (message["event"] !== "media") return Math.max(this.#control(message, samples, listener), cost)
    this.#learn(data, message)
    return Math.max(this.#media(message["media"], samples, listener), cost)
  }

  /** Messages like this one need not be parsed. */
  #learn(data: Uint8Array, message: JsonRecord): void {
    const { media } = message
    if (this.#shapes === MAX_SHAPES || !isRecord(media) || isOutbound(media["track"])) return
    this.#shapes++
    this.#shape = MediaShape.learn(data, message, this.#dialect.streamId) ?? this.#shape
  }

  #malformed(listener: MediaListener, reason: string, cost = 0): number {
    listener.malformed(reason)
    return Math.max(CONTROL_MS, cost)
  }

  #media(media: unknown, samples: Int16Array, listener: MediaListener): number {
    if (!isRecord(media)) return this.#malformed(listener, "\"media\" without media")
    if (isOutbound(media["track"])) return costOfAudio(0)
    const payload = media["payload"]
    if (typeof payload !== "string") return this.#malformed(listener, "\"media\" without a payload")
    return this.#chunk(payload, wholeNumber(media["chunk"]), samples, listener)
  }

  #chunk(payload: string, chunk: number | undefined, samples: Int16Array, listener: MediaListener): number {
    if (chunk === undefined || this.#order.passes(chunk)) return this.#audio(payload, samples, listener)
    this.#order.push(chunk, payload)
    return this.#deliver(samples, listener)
  }

  /** Passes on what is in order. Its cost is what it lasts. */
  #deliver(samples: Int16Array, listener: MediaListener): number {
    let ms = costOfAudio(0)
    for (let payload = this.#order.take(); payload !== undefined; payload = this.#order.take()) {
      const { missing } = this.#order
      if (missing > 0) this.#gap(missing, listener)
      ms += this.#audio(payload, samples, listener)
    }
    return ms
  }

  #gap(chunks: number, listener: MediaListener): void {
    const most = this.#start.input.sampleRate * MAX_GAP_MS / 1_000
    listener.gap(Math.min(most, chunks * this.#lastSamples))
  }

  #audio(payload: string, samples: Int16Array, listener: MediaListener): number {
    const { input } = this.#start
    const count = Payload.decode(payload, input, samples)
    if (typeof count === "string") return this.#malformed(listener, count)
    this.#lastSamples = count
    listener.audio(samples.subarray(0, count))
    return costOfAudio(msOf(count, input.sampleRate))
  }

  #control(message: JsonRecord, samples: Int16Array, listener: MediaListener): number {
    const { event } = message
    if (event === this.#dialect.mark.echo) return this.#mark(message, listener)
    switch (event) {
      case "dtmf":
        return this.#digit(message, listener)
      case "stop":
        this.#order.end()
        this.#deliver(samples, listener)
        this.#stopped = true
        listener.stopped("stop")
        return CONTROL_MS
      case "start":
        return this.#malformed(listener, "a second \"start\"")
      default:
        return typeof event === "string" ? CONTROL_MS : this.#malformed(listener, "a message without an event")
    }
  }

  #mark(message: JsonRecord, listener: MediaListener): number {
    const holder = this.#dialect.mark.nested ? message["mark"] : message
    const name = isRecord(holder) ? holder["name"] : undefined
    if (typeof name !== "string" || name.length > MAX_MARK_LENGTH) {
      return this.#malformed(listener, "a mark without a name")
    }
    listener.mark(name)
    // the answer to a message of ours
    return costOfAudio(0)
  }

  #digit(message: JsonRecord, listener: MediaListener): number {
    const { dtmf } = message
    const digit = isRecord(dtmf) ? dtmf["digit"] : undefined
    const key = typeof digit === "number" ? String(digit) : digit
    if (typeof key !== "string" || !/^[0-9*#A-Da-d]$/.test(key)) {
      return this.#malformed(listener, "\"dtmf\" without a digit")
    }
    if (isRecord(dtmf) && isOutbound(dtmf["track"])) return CONTROL_MS
    const sequence = wholeNumber(message[this.#dialect.sequence])
    if (sequence !== undefined && sequence > 0) {
      if (this.#digits.includes(sequence)) return CONTROL_MS
      this.#digits.push(sequence)
      if (this.#digits.length > MAX_DIGITS) this.#digits.shift()
    }
    listener.digit(key.toUpperCase())
    return CONTROL_MS
  }
}

const codecOf = (dialect: MediaStreamDialect, start: MediaStart): MediaCodec => {
  const receiver = new Receiver(dialect, start)
  const [before, behind] = envelopeOf(dialect, start)
  const stream = dialect.addressed ? { [dialect.streamId]: start.streamId } : {}
  const { mark } = dialect
  const clear = JSON.stringify({ event: dialect.clear, ...stream })
  return {
    receive: (data, isBinary, samples, listener) => receiver.receive(data, isBinary, samples, listener),
    audio: (pcm) => before + Payload.encode(pcm, start.output) + behind,
    mark: (name) => JSON.stringify({ event: mark.event, ...stream, ...(mark.nested ? { mark: { name } } : { name }) }),
    clear: () => clear
  }
}

/**
 * The protocol of a carrier.
 *
 * `output` is what the stream takes, where it was asked for and the first message does not tell it. Default: the same as the
 * caller's audio.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  dialect: MediaStreamDialect,
  options: { readonly output?: MediaFormat | undefined } = {}
): MediaProtocol => ({
  name: dialect.name,
  leadMs: dialect.leadMs,
  framesPerMessage: dialect.framesPerMessage,
  open: (data, isBinary) =>
    isBinary
      ? { _tag: "Invalid", reason: "a binary message" }
      : read(dialect, parseRecord(decoder.decode(data)), options.output),
  make: (start) => codecOf(dialect, start)
})
