/** The recordings of `test/fixtures`, and ways to run audio through detectors and recognisers without waiting for it. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Wav from "../../src/audio/Wav.ts"
import { SpeechToText, type SpeechToTextStream, type TranscriptEvent } from "../../src/speech/SpeechToText.ts"
import {
  type VoiceActivity,
  VoiceActivityDetector,
  type VoiceActivityStream
} from "../../src/speech/VoiceActivityDetector.ts"

export const references = {
  "ill-disposed": "he was not an ill disposed young man",
  "cold-hearted": "unless to be rather cold hearted and rather selfish is to be ill disposed",
  "prudently":
    "and mister john dashwood had then leisure to consider how much there might be prudently in his power to do for them",
  "queen-of-clubs": "four queen of clubs",
  "eight-of-spades": "eight of spades four of clubs seven of hearts"
} as const

export type Recording = keyof typeof references

export const recordings = Object.keys(references) as Array<Recording> // the keys of a literal

export const load = (name: Recording): Int16Array =>
  Result.getOrThrow(Wav.parse(readFileSync(new URL(`../fixtures/${name}.wav`, import.meta.url)))).samples

/** The room: noise at -70 dBFS, the same every time. */
export const room = (seconds: number, amplitude = 18): Int16Array => {
  let state = 12345
  return Int16Array.from({ length: Math.round(seconds * 16_000) }, () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return Math.round((state / 0x40000000 - 1) * amplitude)
  })
}

/** A recording with a second of room around it. */
export const inRoom = (pcm: Int16Array): Int16Array => Pcm.concat([room(1), pcm, room(1.5)])

export const frames = (pcm: Int16Array): ReadonlyArray<Int16Array> =>
  Array.from({ length: Math.ceil(pcm.length / 320) }, (_, i) => pcm.subarray(320 * i, 320 * i + 320))

const settled = ({ settle }: VoiceActivityStream) =>
  settle === undefined ? Effect.void : Effect.callback<void>((resume) => settle(() => resume(Effect.void)))

/** Waits for who works elsewhere, so that it keeps up with audio that comes faster than time. */
const kept = (stream: VoiceActivityStream) => (stream.behind?.() ?? 0) > 1_600 ? settled(stream) : Effect.void

/** What a detector finds in the audio. */
export const detect = Effect.fnUntraced(function*(pcm: Int16Array) {
  const found: Array<VoiceActivity> = []
  const detector = yield* VoiceActivityDetector
  const stream = yield* detector.open({ onActivity: (activity) => found.push(activity) })
  for (const frame of frames(pcm)) {
    stream.push(frame)
    yield* kept(stream)
  }
  yield* settled(stream)
  return found
}, Effect.scoped)

/** All that a recogniser says until it has answered `finalize(id)`. */
export const until = (stream: SpeechToTextStream, id: number) =>
  stream.events.pipe(
    Stream.takeUntil((event: TranscriptEvent) => event._tag === "Finalized" && event.id === id),
    Stream.runCollect
  )

export const finals = (events: ReadonlyArray<TranscriptEvent>): string =>
  events.flatMap((event) => event._tag === "Final" ? [event.text] : []).join(" ")

/** Detector and recogniser together, in frames of 20 ms, finalized at the end. */
export const transcribe = Effect.fnUntraced(function*(pcm: Int16Array) {
  const stt = yield* SpeechToText
  const vad = yield* VoiceActivityDetector
  const stream = yield* stt.open({ sessionId: "s" })
  const detector = yield* vad.open({ onActivity: stream.activity })
  for (const frame of frames(pcm)) {
    stream.push(frame)
    detector.push(frame)
    // A turn of the event loop, as between real frames.
    yield* Effect.yieldNow
    yield* kept(detector)
  }
  yield* settled(detector)
  stream.finalize(1, pcm.length)
  return yield* until(stream, 1)
}, Effect.scoped)
