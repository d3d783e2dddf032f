import { Cause, Effect, Layer, Queue, Stream } from "effect"
import { type BackendError, PipelineError, SpeechToText } from "effect-voice"
import { Conformance } from "effect-voice/testing"
import assert from "node:assert"

// It understands the keys of a telephone, each of which is two tones at once.
const RATE = 16_000
const BLOCK = RATE / 50
const LOW = [697, 770, 852, 941]
const HIGH = [1209, 1336, 1477]
const KEYS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "star", "zero", "hash"]

/** How much of a tone is in a block: the algorithm of Goertzel. */
const powerOf = (block: Int16Array, hertz: number): number => {
  const factor = 2 * Math.cos(2 * Math.PI * hertz / RATE)
  let last = 0
  let before = 0
  for (const sample of block) {
    const next = sample + factor * last - before
    before = last
    last = next
  }
  return (last ** 2 + before ** 2 - factor * last * before) / block.length ** 2
}

const keyOf = (block: Int16Array): string | undefined => {
  const loudest = (tones: ReadonlyArray<number>) => {
    const powers = tones.map((hertz) => powerOf(block, hertz))
    return { at: powers.indexOf(Math.max(...powers)), power: Math.max(...powers) }
  }
  const [low, high] = [loudest(LOW), loudest(HIGH)]
  return Math.min(low.power, high.power) > 100_000 ? KEYS[low.at * 3 + high.at] : undefined
}

const open = Effect.gen(function*() {
  // bounded: a session that does not read its events must not fill the memory
  const events = yield* Queue.dropping<SpeechToText.TranscriptEvent, BackendError>(256)
  yield* Effect.addFinalizer(() => Queue.shutdown(events))
  const emit = (event: SpeechToText.TranscriptEvent) => {
    if (Queue.offerUnsafe(events, event)) return
    const error = new PipelineError({
      op: "SpeechToText.events",
      message: "keys: the session does not listen",
      retryable: true
    })
    Queue.failCauseUnsafe(events, Cause.fail(error))
  }
  let words: Array<SpeechToText.TranscriptWord> = []
  let key: string | undefined
  let position = 0
  const block = new Int16Array(BLOCK)
  return {
    // the samples are only valid during the call, so they are copied into the block
    push: (pcm: Int16Array) => {
      for (const sample of pcm) {
        block[position++ % BLOCK] = sample
        if (position % BLOCK !== 0) continue
        const now = keyOf(block)
        if (now !== undefined && now !== key) {
          words.push({ text: now, startSample: position - BLOCK, endSample: position })
        }
        key = now
      }
    },
    activity: () => {},
    finalize: (id: number, untilSample: number) => {
      const said = words.filter(({ startSample }) => startSample < untilSample)
      words = words.filter(({ startSample }) => startSample >= untilSample)
      if (said.length > 0) emit({ _tag: "Final", text: said.map(({ text }) => text).join(" "), words: said })
      emit({ _tag: "Finalized", id })
    },
    events: Stream.fromQueue(events)
  }
})

const keys = Layer.succeed(
  SpeechToText.SpeechToText,
  SpeechToText.SpeechToText.of({
    name: "keys",
    sampleRate: RATE,
    capabilities: { interim: false, endOfTurn: false },
    open: () => open
  })
)

/** What a telephone sends for keys: 100 ms of both tones, 60 ms of silence. */
const press = (text: string) => ({
  text,
  pcm: Int16Array.from(
    text.split(" ").flatMap((word) => {
      const at = KEYS.indexOf(word)
      return Array.from({ length: RATE * 160 / 1000 }, (_, i) => {
        const tone = (hertz = 0) => Math.sin(2 * Math.PI * hertz * i / RATE)
        return i < RATE / 10 ? 6_000 * (tone(LOW[Math.floor(at / 3)]) + tone(HIGH[at % 3])) : 0
      })
    })
  )
})

const results = await Effect.runPromise(Conformance.run(Conformance.stt({
  name: "keys",
  layer: keys,
  speech: [press("four two two hash"), press("nine one zero")],
  provideTime: Conformance.virtualTime("keys") // leave it out for an engine with threads or a network
})))
console.log(Conformance.summary(results)) // conformance: … passed, 0 failed, … skipped
assert.deepEqual(results.flatMap(({ detail, id, result }) => result === "failed" ? [[id, detail]] : []), [])
