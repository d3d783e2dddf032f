/**
 * The codec of a hosted recogniser's wire protocol: the messages to send, and what received ones mean. Pure.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Pcm from "../../../audio/Pcm.ts"
import type { VendorFault } from "../../../wire/VendorError.ts"

/**
 * A word as a vendor times it, in ms from the first audio of its connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface TimedWord {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
  readonly confidence?: number | undefined
}

/**
 * What a message of the vendor's means.
 *
 * - `Ready`: audio may be sent.
 * - `Interim`, `Final`, `EndOfTurn`: as in `TranscriptEvent`.
 * - `Finalized`: answers the oldest `finalize` without an answer.
 * - `Expires`: the vendor ends the connection in so many ms.
 * - `Failed`: the connection cannot be used any more.
 *
 * @category models
 * @since 0.1.0
 */
export type SttMessage =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Interim"; readonly text: string }
  | {
    readonly _tag: "Final"
    readonly text: string
    readonly words?: ReadonlyArray<TimedWord> | undefined
    readonly confidence?: number | undefined
    readonly language?: string | undefined
  }
  | { readonly _tag: "Finalized" }
  | { readonly _tag: "EndOfTurn"; readonly confidence?: number | undefined }
  | { readonly _tag: "Expires"; readonly inMs: number }
  | { readonly _tag: "Failed"; readonly fault: VendorFault }

/**
 * One connection's codec; its only state is what it remembers of earlier messages.
 *
 * - `openMessages`: sent when the socket is open.
 * - `waitsForReady`: audio may be sent only after the vendor's `Ready`. Default: at once.
 * - `audio`: a piece of the user's audio as a message; bytes are a view of the samples.
 * - `finalize`: the message that asks for the final transcript so far.
 * - `keepAlive`: sent when nothing else was for so long. `closeMessage`: sent before the socket is closed.
 * - `receive`: never throws; a malformed or unknown message means nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttProtocol {
  readonly openMessages?: ReadonlyArray<string> | undefined
  readonly waitsForReady?: boolean | undefined
  readonly audio: (pcm: Int16Array) => string | Uint8Array
  readonly finalize: () => string
  readonly keepAlive?: { readonly every: Duration.Duration; readonly message: string } | undefined
  readonly closeMessage?: string | undefined
  readonly receive: (text: string) => ReadonlyArray<SttMessage>
}

/**
 * PCM as the bytes of a message: signed 16 bit, little-endian; a view where the machine's order is the same.
 *
 * @category encoding
 * @since 0.1.0
 */
export const bytes = (pcm: Int16Array): Uint8Array => Pcm.fromInt16(pcm)

/**
 * The same in base64.
 *
 * @category encoding
 * @since 0.1.0
 */
export const base64 = (pcm: Int16Array): string => Buffer.from(Pcm.fromInt16(pcm)).toString("base64")
