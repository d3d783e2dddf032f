/**
 * What a hosted voice's wire protocol has to say, whoever's it is: the messages that ask for speech, and what the
 * answers mean. Pure: strings and bytes in, plain data out; nothing here opens a socket.
 *
 * A context is one text that is being spoken. Its audio, words and end carry its name; what comes for a context that
 * was cancelled is dropped here.
 *
 * @since 0.1.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { SpokenWord } from "../../../speech/TextToSpeech.ts"

/**
 * Why a vendor refused or failed. `kind` is what a caller can act on; `code` is the vendor's own word. The vendor's free
 * text stays out: it may repeat what was to be said.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceFault {
  readonly kind: "authentication" | "authorization" | "rate" | "quota" | "input" | "server" | "garbage"
  readonly code?: string | undefined
  /** An HTTP status. */
  readonly status?: number | undefined
  readonly requestId?: string | undefined
  /** How long the vendor asks to wait. */
  readonly retryAfterMs?: number | undefined
}

/**
 * What an answer means. `Words` are timed in ms from the first sample of their context; a fault without a context is the
 * whole connection's.
 *
 * @category models
 * @since 0.1.0
 */
export type VoiceEvent =
  | { readonly _tag: "Audio"; readonly context: string; readonly bytes: Uint8Array }
  | { readonly _tag: "Words"; readonly context: string; readonly words: ReadonlyArray<SpokenWord> }
  | { readonly _tag: "Done"; readonly context: string }
  | { readonly _tag: "Faulted"; readonly context?: string | undefined; readonly fault: VoiceFault }
  | { readonly _tag: "Identified"; readonly requestId: string }

/**
 * One connection's side of the protocol: it remembers the contexts that are open.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsProtocol {
  /** Whether one more text may be asked of this connection at this time (ms); else it is retired, and another takes over. */
  readonly room: (now: number) => boolean
  /** The messages that ask for a text to be spoken to its end. */
  readonly speak: (context: string, text: string, now: number) => ReadonlyArray<string>
  /** The messages that stop it; from here on nothing of it is told. */
  readonly cancel: (context: string) => ReadonlyArray<string>
  readonly receive: (frame: string | Uint8Array) => ReadonlyArray<VoiceEvent>
}

/**
 * The kind of fault that an HTTP status means.
 *
 * @category conversions
 * @since 0.1.0
 */
export const kindOfStatus = (status: number): VoiceFault["kind"] =>
  status === 401
    ? "authentication"
    : status === 402
    ? "quota"
    : status === 403
    ? "authorization"
    : status === 429
    ? "rate"
    : status >= 400 && status < 500 && status !== 408
    ? "input"
    : "server"

/**
 * A frame that no message of the protocol is.
 *
 * @category constants
 * @since 0.1.0
 */
export const garbage: VoiceEvent = { _tag: "Faulted", fault: { kind: "garbage" } }

/**
 * Reads JSON of a shape; `undefined` for anything else.
 *
 * @category decoding
 * @since 0.1.0
 */
export const reader = <A, I>(schema: Schema.Codec<A, I>): (frame: string | Uint8Array) => A | undefined => {
  const decode = Schema.decodeUnknownResult(Schema.fromJsonString(schema))
  return (frame) => {
    const result = decode(typeof frame === "string" ? frame : new TextDecoder().decode(frame))
    return Result.isSuccess(result) ? result.success : undefined
  }
}

/**
 * The bytes of base64 audio; `undefined` when it is none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const audioBytes = (base64: string): Uint8Array | undefined => Result.getOrUndefined(Base64.decode(base64))

/**
 * A vendor's code, if it is one and not a sentence.
 *
 * @category decoding
 * @since 0.1.0
 */
export const codeOf = (code: unknown): string | undefined =>
  typeof code === "number" ? String(code) : typeof code === "string" && /^[\w.:-]{1,64}$/.test(code) ? code : undefined
