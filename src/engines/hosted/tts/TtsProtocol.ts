/**
 * The codec of a hosted voice's wire protocol: the messages that ask for speech, and what the answers mean. Pure: strings
 * and bytes in, plain data out; nothing here opens a socket.
 *
 * A context is one text that is being spoken. Its audio, words and end carry its name; what comes for a context that was
 * cancelled is dropped here.
 *
 * @since 0.1.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { SpokenWord } from "../../../speech/TextToSpeech.ts"
import type { VendorFault } from "../../../wire/VendorError.ts"

/**
 * What an answer means. `Words` are timed in ms from the first sample of their context; a failure without a context is that
 * of the whole connection. A vendor's free text stays out of faults: it may repeat what was to be said.
 *
 * @category models
 * @since 0.1.0
 */
export type TtsMessage =
  | { readonly _tag: "Audio"; readonly context: string; readonly bytes: Uint8Array }
  | { readonly _tag: "Words"; readonly context: string; readonly words: ReadonlyArray<SpokenWord> }
  | { readonly _tag: "Done"; readonly context: string }
  | { readonly _tag: "Failed"; readonly context?: string | undefined; readonly fault: VendorFault }
  | { readonly _tag: "Identified"; readonly requestId: string }

/**
 * One connection's side of the protocol: it remembers the contexts that are open.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsProtocol {
  /** Whether this connection takes one more text at this time (ms); else another replaces it. */
  readonly hasCapacity: (now: number) => boolean
  /** The messages that ask for a text to be spoken to its end. */
  readonly speak: (context: string, text: string, now: number) => ReadonlyArray<string>
  /** The messages that stop it; what still comes of it is dropped. */
  readonly cancel: (context: string) => ReadonlyArray<string>
  readonly receive: (frame: string | Uint8Array) => ReadonlyArray<TtsMessage>
}

/**
 * What a frame means that is no message of the protocol.
 *
 * @category constants
 * @since 0.1.0
 */
export const malformed: TtsMessage = { _tag: "Failed", fault: { kind: "malformed" } }

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
 * The bytes of base64 audio; `undefined` when it is malformed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const audioBytes = (base64: string): Uint8Array | undefined => Result.getOrUndefined(Base64.decode(base64))
