/**
 * What a recogniser's wire protocol is to its shell: messages out, and what messages in mean. Pure.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Pcm from "../../../audio/Pcm.ts"
import { type BackendError, ConnectionFailed, PipelineError } from "../../../BackendError.ts"

/**
 * A word as a vendor times it, in ms from the first audio of its connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface HeardWord {
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
 * - `Finalized`: the oldest question is answered.
 * - `Expires`: the connection ends in so many ms.
 * - `Failed`: it is over.
 *
 * @category models
 * @since 0.1.0
 */
export type Heard =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Interim"; readonly text: string }
  | {
    readonly _tag: "Final"
    readonly text: string
    readonly words?: ReadonlyArray<HeardWord> | undefined
    readonly confidence?: number | undefined
    readonly language?: string | undefined
  }
  | { readonly _tag: "Finalized" }
  | { readonly _tag: "EndOfTurn"; readonly confidence?: number | undefined }
  | { readonly _tag: "Expires"; readonly inMs: number }
  | { readonly _tag: "Failed"; readonly error: BackendError }

/**
 * One connection's talk: pure but for what it remembers of the messages so far.
 *
 * - `greeting`: sent when the socket is open.
 * - `speaksFirst`: the vendor says `Ready` before it takes audio. Default: audio may be sent at once.
 * - `audio`: a piece of the user's audio as a message. `finalize`: what asks for the words so far.
 * - `keepAlive`: sent when nothing else was for so long. `farewell`: sent before the socket is closed.
 * - `receive`: never throws; what makes no sense is nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Talk {
  readonly greeting?: ReadonlyArray<string> | undefined
  readonly speaksFirst?: boolean | undefined
  readonly audio: (pcm: Int16Array) => string | Uint8Array
  readonly finalize: () => string
  readonly keepAlive?: { readonly every: Duration.Duration; readonly message: string } | undefined
  readonly farewell?: string | undefined
  readonly receive: (text: string) => ReadonlyArray<Heard>
}

/**
 * PCM as the bytes of a message: signed 16 bit, little-endian.
 *
 * @category encoding
 * @since 0.1.0
 */
export const bytes = (pcm: Int16Array): Uint8Array => Pcm.fromInt16(pcm).slice()

/**
 * The same in base64.
 *
 * @category encoding
 * @since 0.1.0
 */
export const base64 = (pcm: Int16Array): string => Buffer.from(Pcm.fromInt16(pcm)).toString("base64")

/**
 * What the end of a connection means where its code says nothing else.
 *
 * @category errors
 * @since 0.1.0
 */
export const lost = (vendor: string, code: number, reason: string): BackendError =>
  new ConnectionFailed({
    op: "SpeechToText.connect",
    message: `${vendor} ended the connection${reason === "" ? "" : `: ${reason}`}`,
    details: { vendor, closeCode: code }
  })

/**
 * The failure of a vendor's own telling.
 *
 * @category errors
 * @since 0.1.0
 */
export const failed = (
  vendor: string,
  message: string,
  details: { readonly [key: string]: unknown } = {}
): BackendError =>
  new PipelineError({
    op: "SpeechToText.events",
    message: `${vendor}: ${message}`,
    details: { vendor, ...details },
    retryable: true
  })
