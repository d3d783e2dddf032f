/**
 * The recogniser of one session, as those see it that keep it running.
 *
 * @since 0.1.0
 */
import type * as Deferred from "effect/Deferred"
import type * as Latch from "effect/Latch"
import type * as Queue from "effect/Queue"
import type { BackendError } from "../../BackendError.ts"
import * as SessionSpeech from "../SessionSpeech.ts"
import type { SpeechToText, SpeechToTextOptions, TranscriptEvent } from "../SpeechToText.ts"
import type { IncidentReporter } from "./IncidentReporter.ts"
import type { RecogniserLanguage } from "./RecogniserLanguage.ts"
import type * as RecogniserStream from "./RecogniserStream.ts"
import type * as Resilience from "./Resilience.ts"
import type { UtteranceReplay } from "./UtteranceReplay.ts"

type Engine = SpeechToText["Service"]

/**
 * The recogniser of one session.
 *
 * - `wanted`: what the session was created with; `language`: what of it may change.
 * - `out`: the events for the session; `room` is opened when it takes some.
 * - `ready`: done when the first stream is open, failed when none can be.
 * - `wake`: opened when the watch over the stream in use must look again.
 * - `inUse`: the stream in use; none while another is being opened.
 * - `unanswered`: how many streams have left a `finalize` request unanswered, by its id.
 * - `silentStreams`: streams in a row that were given up because they returned no transcript.
 *
 * @category models
 * @since 0.1.0
 */
export interface SttSession {
  readonly engines: ReadonlyArray<Resilience.Guarded<Engine>>
  readonly limits: RecogniserStream.Limits
  readonly wanted: SpeechToTextOptions
  readonly language: RecogniserLanguage
  readonly report: IncidentReporter
  readonly replay: UtteranceReplay
  readonly out: Queue.Queue<TranscriptEvent, BackendError>
  readonly room: Latch.Latch
  readonly ready: Deferred.Deferred<void, BackendError>
  readonly wake: Latch.Latch
  inUse: RecogniserStream.RecogniserStream | undefined
  silentStreams: number
  unanswered: Map<number, number> | undefined
}

/**
 * What an engine is opened with; `index` is its place in the order of preference.
 *
 * @category accessors
 * @since 0.1.0
 */
export const optionsFor = (
  { engines, wanted }: SttSession,
  index: number,
  language: string | undefined
): SpeechToTextOptions => {
  const engine = engines[index]?.engine
  const options = engine === undefined || index === 0 ? wanted : SessionSpeech.supportedBy(engine, wanted)
  return { ...options, language }
}
