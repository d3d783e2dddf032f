/**
 * Speech over HTTP: a request for each text, whose audio is taken as it is made.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Pcm from "../../../audio/Pcm.ts"
import { type BackendError, ConnectionFailed } from "../../../BackendError.ts"
import { connectDeadline } from "../../../Deadline.ts"
import * as VendorSpan from "../../../telemetry/VendorSpan.ts"
import { untraced } from "../../../wire/UntracedHttp.ts"
import * as VendorError from "../../../wire/VendorError.ts"
import type { SecretHeaders } from "../HostedOptions.ts"
import { asked, type SpeakText, type SpeechPiece } from "./SpeechPieces.ts"

/**
 * - `timeout`: how long an answer may take to begin.
 * - `body`: the JSON that asks for a text. The answer to it is PCM, signed 16 bit, little-endian.
 * - `codeKinds`: what the vendor's codes mean, where they say more than the status.
 *
 * @category models
 * @since 0.1.0
 */
export interface TtsRequestOptions {
  readonly vendor: string
  readonly url: string
  readonly headers: SecretHeaders
  readonly timeout: Duration.Duration
  readonly body: (text: string) => unknown
  readonly codeKinds?: VendorError.CodeKinds | undefined
}

const op = "TextToSpeech.speak"
/** How much of a refusal is read. */
const MAX_REFUSAL = 16_384

/** The failure that a refusal reports; what follows its first bytes is not waited for. */
const refusalOf = (
  { codeKinds, vendor }: TtsRequestOptions,
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<BackendError> =>
  response.stream.pipe(
    Stream.decodeText,
    Stream.scan(() => "", (read: string, more) => read + more),
    Stream.takeUntil((read) => read.length > MAX_REFUSAL),
    Stream.runLast,
    Effect.timeoutOption("1 second"),
    Effect.catch(() => Effect.succeedNone),
    Effect.map((body) =>
      VendorError.fromStatus(vendor, {
        op,
        status: response.status,
        body: body._tag === "Some" && body.value._tag === "Some" ? body.value.value : "",
        requestId: response.headers["x-request-id"],
        retryAfter: response.headers["retry-after"]
      }, codeKinds)
    )
  )

/**
 * Speaks texts by requests.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: TtsRequestOptions, client: HttpClient.HttpClient): SpeakText => {
  const { vendor } = options
  // its own text may hold the URL
  const unreachable = () => new ConnectionFailed({ op, message: `could not connect to ${vendor}`, details: { vendor } })
  return (text) =>
    Stream.unwrap(Effect.gen(function*() {
      const annotate = yield* VendorSpan.scoped(vendor)
      const response = yield* client.execute(
        Object.entries(options.headers).reduce(
          (request, [name, value]) => HttpClientRequest.setHeader(request, name, Redacted.value(value)),
          HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(options.url), options.body(text))
        )
      ).pipe(
        untraced,
        Effect.mapError(unreachable),
        connectDeadline(op, `waiting for an answer from ${vendor}`, options.timeout, undefined, { vendor })
      )
      annotate({ status: response.status, requestId: response.headers["x-request-id"] })
      if (response.status < 200 || response.status > 299) return yield* yield* refusalOf(options, response)
      const reader = new Pcm.PcmReader()
      return response.stream.pipe(
        Stream.mapError(unreachable),
        // the reader keeps its buffer
        Stream.map((bytes): SpeechPiece => ({ pcm: reader.push(bytes).slice() })),
        asked
      )
    }))
}
