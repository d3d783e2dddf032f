/**
 * The codec of Cartesia's WebSocket for speech (`/tts/websocket`): any number of contexts on one connection. Pure.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { codeOf, kindOfStatus } from "../../wire/VendorError.ts"
import { audioBytes, malformed, reader, type TtsMessage, type TtsProtocol } from "../hosted/tts/TtsProtocol.ts"

/**
 * What stays the same for every text of a voice.
 *
 * @category models
 * @since 0.1.0
 */
export interface Generation {
  readonly model: string
  readonly voice: string
  readonly language?: string | undefined
  /** In Hz. */
  readonly sampleRate: number
  readonly speed?: number | undefined
  readonly volume?: number | undefined
}

const Numbers = Schema.Array(Schema.Finite)
const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Message = Schema.Struct({
  type: Schema.String,
  context_id: optional(Schema.String),
  data: optional(Schema.String),
  done: optional(Schema.Boolean),
  status_code: optional(Schema.Finite),
  word_timestamps: optional(Schema.Struct({ words: Schema.Array(Schema.String), start: Numbers, end: Numbers })),
  error_code: optional(Schema.Unknown),
  request_id: optional(Schema.String)
})

const read = reader(Message)

const wordsOf = ({ end, start, words }: {
  readonly words: ReadonlyArray<string>
  readonly start: ReadonlyArray<number>
  readonly end: ReadonlyArray<number>
}) =>
  words.flatMap((text, i) => {
    const startMs = Math.max(0, (start[i] ?? 0) * 1_000)
    return text.trim() === "" ? [] : [{ text: text.trim(), startMs, endMs: Math.max(startMs, (end[i] ?? 0) * 1_000) }]
  })

/**
 * One connection's side of the protocol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (generation: Generation): TtsProtocol => {
  const contexts = new Set<string>()
  const { language, model, sampleRate, speed, voice, volume } = generation
  const common = {
    model_id: model,
    voice: { mode: "id", id: voice },
    output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: sampleRate },
    ...(language === undefined ? {} : { language }),
    ...(speed === undefined && volume === undefined ? {} : { generation_config: { speed, volume } }),
    add_timestamps: true,
    // the words as they were written, because the history takes them
    use_normalized_timestamps: false
  }

  return {
    hasCapacity: () => true,
    speak: (context, text) => {
      contexts.add(context)
      return [JSON.stringify({ context_id: context, ...common, transcript: text, continue: false })]
    },
    cancel: (context) => contexts.delete(context) ? [JSON.stringify({ context_id: context, cancel: true })] : [],
    receive: (frame) => {
      const message = read(frame)
      if (message === undefined) return [malformed]
      const context = message.context_id ?? undefined
      if (message.type === "error") {
        if (context !== undefined && !contexts.delete(context)) return []
        const status = message.status_code ?? undefined
        const code = codeOf(message.error_code)
        return [{
          _tag: "Failed",
          context,
          fault: {
            kind: code !== undefined && /quota|credit/.test(code)
              ? "quota"
              : status === undefined
              ? "failed"
              : kindOfStatus(status),
            code,
            status,
            requestId: message.request_id ?? undefined
          }
        }]
      }
      if (context === undefined || !contexts.has(context)) return []
      const events: Array<TtsMessage> = []
      if (message.type === "chunk" && message.data !== undefined && message.data !== null && message.data !== "") {
        const bytes = audioBytes(message.data)
        if (bytes === undefined) return [malformed]
        events.push({ _tag: "Audio", context, bytes })
      }
      if (message.word_timestamps !== undefined && message.word_timestamps !== null) {
        const words = wordsOf(message.word_timestamps)
        if (words.length > 0) events.push({ _tag: "Words", context, words })
      }
      if (message.type === "done") {
        contexts.delete(context)
        events.push({ _tag: "Done", context })
      }
      return events
    }
  }
}
