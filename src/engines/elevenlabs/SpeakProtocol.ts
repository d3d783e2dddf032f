/**
 * The codec of ElevenLabs' multi-context WebSocket for speech (`/v1/text-to-speech/{voice_id}/multi-stream-input`). Pure.
 *
 * Client keys are snake_case, server keys camelCase; times of characters count from the piece of audio that they came
 * with. A connection holds at most five contexts, also those that were closed and have not ended.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { type CodeKinds, codeOf, kindOfCode } from "../../wire/VendorError.ts"
import * as CharacterWords from "../hosted/tts/CharacterWords.ts"
import { audioBytes, malformed, reader, type TtsMessage, type TtsProtocol } from "../hosted/tts/TtsProtocol.ts"

/**
 * How a voice speaks; what is left out is the voice's own.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceSettings {
  readonly stability?: number | undefined
  readonly similarity_boost?: number | undefined
  readonly style?: number | undefined
  readonly speed?: number | undefined
}

/**
 * How many contexts a connection may hold.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_CONTEXTS = 5

const Numbers = Schema.Array(Schema.Finite)
const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Message = Schema.Struct({
  audio: optional(Schema.String),
  alignment: optional(Schema.Struct({
    chars: optional(Schema.Array(Schema.String)),
    charStartTimesMs: optional(Numbers),
    charsDurationsMs: optional(Numbers),
    charDurationsMs: optional(Numbers)
  })),
  isFinal: optional(Schema.Boolean),
  is_final: optional(Schema.Boolean),
  contextId: optional(Schema.String),
  context_id: optional(Schema.String),
  message: optional(Schema.Unknown),
  error: optional(Schema.Unknown),
  code: optional(Schema.Unknown)
})

const read = reader(Message)

/**
 * What their codes mean, in error messages and as the reason of a close; a close with 1008 rejects the request where the
 * reason says nothing else.
 *
 * @category constants
 * @since 0.1.0
 */
export const kinds: CodeKinds = {
  invalid_api_key: "authentication",
  missing_permissions: "authorization",
  quota_exceeded: "quota",
  too_many_concurrent_requests: "rate",
  max_active_conversations: "rate",
  rate_limit_exceeded: "rate",
  system_busy: "unavailable",
  voice_not_found: "input",
  model_not_found: "input",
  invalid_text: "input",
  input_timeout_exceeded: "failed",
  1008: "input"
}

interface Context {
  readonly words: CharacterWords.CharacterWords
  bytes: number
  dropped: boolean
}

/**
 * One connection's side of the protocol. `sampleRate` in Hz is that of the PCM which the query asks for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: { readonly sampleRate: number; readonly voiceSettings: VoiceSettings }): TtsProtocol => {
  const contexts = new Map<string, Context>()
  const settings = Object.values(options.voiceSettings).some((value) => value !== undefined)
    ? { voice_settings: options.voiceSettings }
    : {}

  return {
    hasCapacity: () => contexts.size < MAX_CONTEXTS,
    speak: (context, text) => {
      contexts.set(context, { words: CharacterWords.make(), bytes: 0, dropped: false })
      return [
        JSON.stringify({ text: " ", context_id: context, ...settings }),
        // their words end with a space
        JSON.stringify({ text: `${text.trimEnd()} `, context_id: context, flush: true }),
        JSON.stringify({ context_id: context, close_context: true })
      ]
    },
    cancel: (context) => {
      const state = contexts.get(context)
      // the context was closed with its text, and counts as open until its end has come
      if (state !== undefined) state.dropped = true
      return []
    },
    receive: (frame) => {
      const message = read(frame)
      if (message === undefined) return [malformed]
      const context = message.contextId ?? message.context_id ?? undefined
      const error = message.error ??
        (message.audio === undefined && message.code !== undefined ? message.code : undefined)
      if (error !== undefined && error !== null) {
        const code = codeOf(error)
        // a number is a close code, which says little
        const kind = typeof error === "string" ? kindOfCode(kinds, code) : undefined
        return [{ _tag: "Failed", fault: { kind: kind ?? "failed", code } }]
      }
      if (context === undefined) return []
      const state = contexts.get(context)
      if (state === undefined) return []
      const events: Array<TtsMessage> = []
      const offsetMs = state.bytes / 2 / options.sampleRate * 1_000
      if (message.audio !== undefined && message.audio !== null && message.audio !== "") {
        const bytes = audioBytes(message.audio)
        if (bytes === undefined) return [malformed]
        state.bytes += bytes.length
        events.push({ _tag: "Audio", context, bytes })
      }
      const { alignment } = message
      if (alignment !== undefined && alignment !== null) {
        const words = state.words.push({
          chars: alignment.chars ?? [],
          startsMs: alignment.charStartTimesMs ?? [],
          durationsMs: alignment.charsDurationsMs ?? alignment.charDurationsMs ?? []
        }, offsetMs)
        if (words.length > 0) events.push({ _tag: "Words", context, words })
      }
      if (message.isFinal === true || message.is_final === true) {
        const words = state.words.flush()
        if (words.length > 0) events.push({ _tag: "Words", context, words })
        events.push({ _tag: "Done", context })
        contexts.delete(context)
      }
      return state.dropped ? [] : events
    }
  }
}
