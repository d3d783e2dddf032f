/** The suites of engines can fail: for each row, an engine that does not keep it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { ConnectionFailed } from "../../../src/BackendError.ts"
import * as Text from "../../../src/engines/text/index.ts"
import { NoiseSuppressor } from "../../../src/speech/NoiseSuppressor.ts"
import { SpeechToSpeech, type SpeechToSpeechEvent } from "../../../src/speech/SpeechToSpeech.ts"
import { SpeechToText, type SpeechToTextStream, type TranscriptEvent } from "../../../src/speech/SpeechToText.ts"
import { type SpeechChunk, TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import { TurnDetector } from "../../../src/speech/TurnDetector.ts"
import { type VoiceActivity, VoiceActivityDetector } from "../../../src/speech/VoiceActivityDetector.ts"
import * as Conformance from "../../../src/testing/conformance/Conformance.ts"
import * as SpokenAudio from "../../../src/testing/scenario/SpokenAudio.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../../../src/testing/scripted/ScriptedRecogniser.ts"
import * as ScriptedSpeechToSpeech from "../../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { load } from "../../engines/Recordings.ts"

const provideTime = Conformance.virtualTime("broken")
const spoken = (text: string) => ({ pcm: SpokenAudio.encode(text), text })
const gone = new ConnectionFailed({ op: "test", message: "the vendor is gone" })

type Stt = SpeechToText["Service"]
type Tts = TextToSpeech["Service"]
type S2s = SpeechToSpeech["Service"]
type Vad = VoiceActivityDetector["Service"]
type Noise = NoiseSuppressor["Service"]

/** A fiber that nobody ends. */
const leak = Effect.forkDetach(Effect.never)

/** Fails the row for each broken part, for the reason that is expected; the part itself keeps it. */
const failing = <Part>(
  whole: Part,
  suite: (part: Part) => ReadonlyArray<Conformance.Case>,
  broken: ReadonlyArray<readonly [id: string, what: string, alter: (part: Part) => Part, why: RegExp]>
): void => {
  for (const [id, what, alter, why] of broken) {
    it(`fails ${id} for ${what}`, async () => {
      const run = async (part: Part) => {
        const [result] = await Effect.runPromise(
          Conformance.run(suite(part).filter((each) => each.id === id), { concurrency: 1 })
        )
        return result
      }
      const result = await run(alter(whole))
      assert.strictEqual(result?.result, "failed", `${id}: ${result?.detail}`)
      assert.match(result?.detail ?? "", why)
      assert.notStrictEqual((await run(whole))?.result, "failed")
    })
  }
}

describe("the suite of speech-to-text engines", () => {
  const engine = (options: ScriptedRecogniser.ScriptedRecogniserOptions = {}) =>
    Effect.runSync(Effect.provide(SpeechToText, ScriptedRecogniser.layer({ delayMs: 200, ...options })))
  const opening = (alter: (stream: SpeechToTextStream) => SpeechToTextStream) => (stt: Stt): Stt => ({
    ...stt,
    open: (options) => Effect.map(stt.open(options), alter)
  })
  const saying = (alter: (event: TranscriptEvent) => ReadonlyArray<TranscriptEvent>) =>
    opening((stream) => ({
      ...stream,
      events: Stream.flatMap(stream.events, (event) => Stream.fromIterable(alter(event)))
    }))
  failing(
    engine(),
    (stt) =>
      Conformance.stt({
        name: "broken",
        layer: Layer.succeed(SpeechToText, stt),
        failing: Layer.succeed(SpeechToText, {
          ...stt,
          open: () => stt.name === "dies" ? Effect.die(new Error("a bug")) : Effect.fail(gone)
        }),
        speech: [spoken("book a flight to Paris"), spoken("on Monday please")],
        provideTime
      }),
    [
      ["stt.Describe", "a language that is no tag", (stt) => ({
        ...stt,
        capabilities: { ...stt.capabilities, languages: ["US English"] }
      }), /BCP 47/u],
      [
        "stt.Words",
        "words that were not said",
        saying((event) => event._tag === "Final" ? [{ ...event, text: "cook a light" }] : [event]),
        /expected the words "book a flight/u
      ],
      [
        "stt.Frames",
        "buffers that it keeps",
        opening((stream) => {
          const kept: Array<Int16Array> = []
          return {
            ...stream,
            push: (pcm) => void kept.push(pcm),
            finalize: (id, until) => {
              for (const pcm of kept.splice(0)) stream.push(pcm)
              stream.finalize(id, until)
            }
          }
        }),
        /each overwritten afterwards/u
      ],
      ["stt.Finalize", "answers before the final words", (stt) => {
        let held: ReadonlyArray<TranscriptEvent> = []
        return saying((event) => {
          if (event._tag === "Final") {
            held = [event]
            return []
          }
          const all = event._tag === "Finalized" ? [event, ...held] : [event]
          if (event._tag === "Finalized") held = []
          return all
        })(stt)
      }, /the order of final words and answers/u],
      ["stt.FinalizeTimeout", "slow answers", () => engine({ delayMs: 3_500 }), /took longer than 3s/u],
      [
        "stt.Silence",
        "words in silence",
        saying((event) =>
          event._tag === "Finalized" ? [{ _tag: "Final", text: "Thank you for watching." }, event] : [event]
        ),
        /Thank you/u
      ],
      [
        "stt.Interim",
        "interim transcripts that never come",
        saying((event) => event._tag === "Interim" ? [] : [event]),
        /an interim transcript arrives/u
      ],
      [
        "stt.WordTimes",
        "times after the end of the audio",
        saying((event) =>
          event._tag === "Final" && event.words !== undefined
            ? [{ ...event, words: event.words.map((word) => ({ ...word, endSample: word.endSample + 1e6 })) }]
            : [event]
        ),
        /the times of words/u
      ],
      ["stt.EndOfTurn", "ends of turns that never come", (stt) => ({
        ...stt,
        capabilities: { ...stt.capabilities, endOfTurn: true }
      }), /the end of a turn arrives/u],
      ["stt.Sessions", "a state that all sessions share", (stt) => {
        let shared: SpeechToTextStream | undefined
        return opening((stream) => {
          shared ??= stream
          const first = shared
          return { ...stream, push: (pcm) => first.push(pcm) }
        })(stt)
      }, /one of two sessions/u],
      [
        "stt.Release",
        "fibers that it leaves",
        (stt) => ({ ...stt, open: (options) => Effect.tap(stt.open(options), leak) }),
        /20 fibers are left/u
      ],
      [
        "stt.Interrupt",
        "events that cannot be interrupted",
        opening((stream) => ({
          ...stream,
          events: Stream.fromEffect(
            Effect.uninterruptible(Effect.as(Effect.sleep("1 hour"), { _tag: "Interim", text: "" } as const))
          )
        })),
        /interrupting who reads the events/u
      ],
      [
        "stt.NeverThrows",
        "a method that throws",
        opening((stream) => ({
          ...stream,
          abandon: (id) => {
            throw new Error(`there is no ${id}`)
          }
        })),
        /a method of a stream threw/u
      ],
      ["stt.Failure", "a defect", (stt) => ({ ...stt, name: "dies" }), /expected a BackendError/u],
      ["stt.Languages", "a language that it does not take", (stt) => ({
        ...stt,
        open: (options) => options.language === "de" ? Effect.fail(gone) : stt.open(options)
      }), /connection_failed/u],
      [
        "stt.Hour",
        "audio that it keeps",
        opening((stream) => {
          const all: Array<Int16Array> = []
          return {
            ...stream,
            push: (pcm) => {
              all.push(Int16Array.from(pcm))
              stream.push(pcm)
            }
          }
        }),
        /an hour of audio is not kept/u
      ]
    ]
  )
})

describe("the suite of text-to-speech engines", () => {
  const engine = Effect.runSync(Effect.provide(TextToSpeech, ScriptedEngines.layerTts({ delay: "100 millis" })))
  const chunks = (alter: (chunk: SpeechChunk) => ReadonlyArray<SpeechChunk>) => (tts: Tts): Tts => ({
    ...tts,
    open: (options) =>
      Effect.map(tts.open(options), (voice) => ({
        speak: (texts) => Stream.flatMap(voice.speak(texts), (chunk) => Stream.fromIterable(alter(chunk)))
      }))
  })
  failing(
    engine,
    (tts) =>
      Conformance.tts({
        name: "broken",
        layer: Layer.succeed(TextToSpeech, tts),
        failing: Layer.succeed(TextToSpeech, {
          ...tts,
          open: () => tts.name === "dies" ? Effect.die(new Error("a bug")) : Effect.fail(gone)
        }),
        transcribe: (pcm) => Effect.succeed(SpokenAudio.decode(pcm)),
        provideTime
      }),
    [
      ["tts.Describe", "a rate that is none", (tts) => ({ ...tts, sampleRate: 24 }), /a rate in Hz/u],
      [
        "tts.Text",
        "a text that it changes",
        chunks((chunk) => [{ ...chunk, text: chunk.text.toUpperCase() }]),
        /the texts of the chunks/u
      ],
      [
        "tts.Audio",
        "a rate that is not that of its audio",
        chunks((chunk) => [{ ...chunk, pcm: chunk.pcm.subarray(0, chunk.pcm.length >> 3) }]),
        /ms a character/u
      ],
      [
        "tts.Words",
        "other words",
        chunks((chunk) => [{ ...chunk, pcm: SpokenAudio.encode("something else", { sampleRate: 24_000 }) }]),
        /is understood/u
      ],
      ["tts.Incremental", "all texts at once", (tts) => ({
        ...tts,
        open: (options) =>
          Effect.map(tts.open(options), (voice) => ({
            speak: (texts) =>
              voice.speak(Stream.unwrap(Effect.map(Stream.runCollect(texts), (all) => Stream.fromIterable(all))))
          }))
      }), /while the second was still to come/u],
      ["tts.Ownership", "a buffer that it uses again", (tts) => {
        const buffer = new Int16Array(24_000 * 60)
        return chunks((chunk) => {
          buffer.fill(5_000 + Math.round(performance.now()) % 1_000, 0, chunk.pcm.length)
          buffer[0] = (buffer[0] ?? 0) + 1 + Math.round(Math.random() * 5_000)
          return [{ ...chunk, pcm: buffer.subarray(0, chunk.pcm.length) }]
        })(tts)
      }, /chunks stay as they were/u],
      [
        "tts.WordTimes",
        "times that go back",
        chunks((chunk) => [{
          ...chunk,
          words: [{ text: "a", startMs: 500, endMs: 600 }, { text: "b", startMs: 100, endMs: 200 }]
        }]),
        /the times of words/u
      ],
      ["tts.OddTexts", "no end where there is nothing to say", (tts) => ({
        ...tts,
        open: (options) =>
          Effect.map(tts.open(options), (voice) => ({
            speak: (texts) => voice.speak(Stream.tap(texts, (text) => text.trim() === "" ? Effect.never : Effect.void))
          }))
      }), /speaking ""/u],
      [
        "tts.LongText",
        "a long text that it cuts off",
        chunks((chunk) => [{ ...chunk, pcm: chunk.pcm.subarray(0, 24_000) }]),
        /times the text takes/u
      ],
      ["tts.Interrupt", "speech that cannot be interrupted", (tts) => ({
        ...tts,
        open: (options) =>
          Effect.map(tts.open(options), (voice) => ({
            speak: (texts) =>
              Stream.flatMap(texts, (text) =>
                Stream.concat(
                  voice.speak(Stream.make(text)),
                  Stream.drain(Stream.fromEffect(Effect.uninterruptible(Effect.sleep("10 seconds"))))
                ))
          }))
      }), /stopping in the middle/u],
      ["tts.Backpressure", "texts that it takes ahead", (tts) => ({
        ...tts,
        open: (options) =>
          Effect.map(tts.open(options), (voice) => ({
            speak: (texts) => voice.speak(Stream.buffer(texts, { capacity: 1_000 }))
          }))
      }), /texts are taken/u],
      [
        "tts.Release",
        "fibers that it leaves",
        (tts) => ({ ...tts, open: (options) => Effect.tap(tts.open(options), leak) }),
        /20 fibers are left/u
      ],
      ["tts.Sessions", "a voice that two sessions cannot share", (tts) => {
        let speaking = 0
        return {
          ...tts,
          open: (options) =>
            Effect.map(tts.open(options), (voice) => ({
              speak: (texts) => {
                speaking++
                const alone = speaking === 1
                return Stream.ensuring(
                  Stream.map(voice.speak(texts), (chunk) =>
                    alone ? chunk : { ...chunk, pcm: chunk.pcm.subarray(0, 100) }),
                  Effect.sync(() =>
                    void speaking--
                  )
                )
              }
            }))
        }
      }, /beside another/u],
      ["tts.TextFailure", "the failure of the texts that it hides", (tts) => ({
        ...tts,
        open: (options) =>
          Effect.map(tts.open(options), (voice) => ({
            speak: (texts) => Stream.catchCause(voice.speak(texts), () => Stream.empty)
          }))
      }), /expected the failure of the texts/u],
      ["tts.Failure", "a defect", (tts) => ({ ...tts, name: "dies" }), /expected a BackendError/u],
      ["tts.Choices", "a voice that it does not have", (tts) => ({
        ...tts,
        open: (options) => options.voice === undefined ? tts.open(options) : Effect.fail(gone)
      }), /connection_failed/u]
    ]
  )
})

describe("the suite of voice activity detectors", () => {
  const engine = Effect.runSync(Effect.provide(VoiceActivityDetector, ScriptedEngines.layerVad()))
  const hearing = (alter: (activity: VoiceActivity) => ReadonlyArray<VoiceActivity>) => (vad: Vad): Vad => ({
    ...vad,
    open: ({ onActivity }) =>
      vad.open({ onActivity: (activity) => alter(activity).forEach((each) => onActivity(each)) })
  })
  failing(
    engine,
    (vad) =>
      Conformance.vad({
        name: "broken",
        layer: Layer.succeed(VoiceActivityDetector, vad),
        speech: { pcm: ScriptedEngines.speech(1_000) },
        provideTime
      }),
    [
      ["vad.Describe", "no name", (vad) => ({ ...vad, name: "" }), /has a name/u],
      [
        "vad.Speech",
        "positions in ms",
        hearing((activity) => [{ ...activity, atSample: activity.atSample / 16 }]),
        /expected speech from 1000/u
      ],
      ["vad.Silence", "speech in silence", (vad) => ({
        ...vad,
        open: (options) =>
          Effect.tap(
            vad.open(options),
            () => Effect.sync(() => options.onActivity({ _tag: "SpeechStarted", atSample: 0, decidedAtSample: 0 }))
          )
      }), /what is found in silence/u],
      [
        "vad.Order",
        "starts without stops",
        hearing((activity) => [{ ...activity, _tag: "SpeechStarted" }]),
        /change 2/u
      ],
      ["vad.Frames", "one frame of a session's size at a time", (vad) => ({
        ...vad,
        open: (options) =>
          Effect.map(vad.open(options), ({ push }) => ({
            push: (pcm) => push(pcm.length === 320 ? pcm : pcm.subarray(0, 160))
          }))
      }), /the changes in frames/u],
      ["vad.Sessions", "a state that all sessions share", (vad) => {
        const all: Array<(activity: VoiceActivity) => void> = []
        return {
          ...vad,
          open: ({ onActivity }) => {
            all.push(onActivity)
            return vad.open({ onActivity: (activity) => all.forEach((on) => on(activity)) })
          }
        }
      }, /the silent session/u],
      ["vad.Fresh", "a state that outlives a session", (vad) => {
        const shared = Effect.runSync(Effect.cached(vad.open({ onActivity: (activity) => current?.(activity) })))
        let current: ((activity: VoiceActivity) => void) | undefined
        return {
          ...vad,
          open: ({ onActivity }) => {
            current = onActivity
            return shared
          }
        }
      }, /silent session hears|after other sessions/u],
      ["vad.Settle", "an early answer", (vad) => ({
        ...vad,
        open: (options) =>
          Effect.map(vad.open(options), ({ push }) => {
            const waiting: Array<Int16Array> = []
            return {
              push: (pcm) => {
                waiting.push(Int16Array.from(pcm))
                if (waiting.length > 100) push(waiting.shift() ?? pcm)
              },
              settle: (settled) => settled()
            }
          })
      }), /when it has settled/u],
      [
        "vad.Release",
        "fibers that it leaves",
        (vad) => ({ ...vad, open: (options) => Effect.tap(vad.open(options), leak) }),
        /20 fibers are left/u
      ],
      [
        "vad.Hour",
        "positions that drift",
        hearing((activity) => [{
          ...activity,
          atSample: Math.round(activity.atSample * 0.999)
        }]),
        /after an hour/u
      ]
    ]
  )
})

describe("the suite of turn detectors", () => {
  const engine = Effect.runSync(Effect.orDie(Effect.provide(TurnDetector, Text.layer())))
  failing(
    engine,
    (turn) =>
      Conformance.turnDetector({
        name: "broken",
        layer: Layer.succeed(TurnDetector, turn),
        heard: { finished: { pcm: new Int16Array(100) }, unfinished: { pcm: new Int16Array(200) } }
      }),
    [
      ["turn.Describe", "no name", (turn) => ({ ...turn, name: "" }), /has a name/u],
      [
        "turn.Probability",
        "percentages",
        (turn) => ({ ...turn, endOfTurn: () => Effect.succeed(80) }),
        /is from 0 to 1, and not 80/u
      ],
      ["turn.Verdict", "always the same", (turn) => ({ ...turn, endOfTurn: () => Effect.succeed(0.5) }), /on average/u],
      ["turn.Independent", "the verdict before", (turn) => {
        let asked = 0
        return { ...turn, endOfTurn: () => Effect.sync(() => (++asked % 10) / 10) }
      }, /the verdicts/u],
      ["turn.Listen", "nothing where it heard nothing", (turn) => ({
        ...turn,
        listen: (pcm) => Effect.sync(() => pcm.length / pcm.length)
      }), /not NaN/u],
      [
        "turn.Heard",
        "the opposite",
        (turn) => ({ ...turn, listen: (pcm) => Effect.succeed(pcm.length / 1_000) }),
        /sounds more like it/u
      ],
      [
        "turn.Release",
        "fibers that it leaves",
        (turn) => ({ ...turn, endOfTurn: () => Effect.as(leak, 0.5) }),
        /20 fibers are left/u
      ]
    ]
  )
})

/** A gate of 10 ms: what is quieter than `level` is turned down. */
const gate = (level = 2_500): Noise => ({
  name: "gate",
  sampleRate: 16_000,
  latencySamples: 160,
  open: Effect.sync(() => {
    let held = new Int16Array(160)
    let open = 0
    return {
      process: (pcm) => {
        const all = new Int16Array(held.length + pcm.length)
        all.set(held)
        all.set(pcm, held.length)
        held = all.slice(pcm.length)
        return Int16Array.from(all.subarray(0, pcm.length), (sample, i) => {
          open = Math.abs(all[i + 160] ?? 0) >= level ? 1_600 : open - 1
          return open > 0 ? sample : sample >> 4
        })
      }
    }
  })
})

describe("the suite of noise suppressors", () => {
  const processing = (alter: (process: (pcm: Int16Array) => Int16Array) => (pcm: Int16Array) => Int16Array) =>
  (
    noise: Noise
  ): Noise => ({
    ...noise,
    open: Effect.map(noise.open, ({ process }) => ({ process: alter(process) }))
  })
  failing(
    gate(),
    (noise) =>
      Conformance.noiseSuppressor({
        name: "broken",
        layer: Layer.succeed(NoiseSuppressor, noise),
        speech: { pcm: load("eight-of-spades") }
      }),
    [
      [
        "noise.Describe",
        "a latency that is no number of samples",
        (noise) => ({ ...noise, latencySamples: 0.01 }),
        /latencySamples/u
      ],
      [
        "noise.Length",
        "frames of its own size",
        processing((process) => (pcm) => process(pcm.subarray(0, 160))),
        /samples became/u
      ],
      [
        "noise.Latency",
        "a latency that it does not tell",
        (noise) => ({ ...noise, latencySamples: 0 }),
        /speech comes after/u
      ],
      ["noise.Noise", "noise that stays", () => gate(0), /quieter/u],
      ["noise.Speech", "speech that is gone", processing(() => (pcm) => new Int16Array(pcm.length)), /speech loses/u],
      [
        "noise.Extremes",
        "a state that does not recover",
        processing((process) => {
          let broken = false
          return (pcm) => {
            broken ||= pcm.some((sample) => sample === -32_768)
            return broken ? new Int16Array(pcm.length) : process(pcm)
          }
        }),
        /speech after loud noise/u
      ],
      [
        "noise.Sessions",
        "a state that all sessions share",
        (noise) => ({ ...noise, open: Effect.runSync(Effect.cached(noise.open)) }),
        /beside another/u
      ],
      [
        "noise.Release",
        "fibers that it leaves",
        (noise) => ({ ...noise, open: Effect.tap(noise.open, leak) }),
        /20 fibers are left/u
      ]
    ]
  )
})

describe("the suite of speech-to-speech engines", () => {
  const answers = Array.from({ length: 60 }, (_, n) => `This is answer ${n}. It has two sentences.`)
  const options = { turnAuthority: "own", agentInLoop: true, transcripts: "heard" } as const
  const layer = Layer.fresh(ScriptedSpeechToSpeech.layerS2s(answers, options))
  const events = (alter: (event: SpeechToSpeechEvent) => ReadonlyArray<SpeechToSpeechEvent>) => (s2s: S2s): S2s => ({
    ...s2s,
    open: (options) =>
      Effect.map(s2s.open(options), (stream) => ({
        ...stream,
        events: Stream.flatMap(stream.events, (event) => Stream.fromIterable(alter(event)))
      }))
  })
  failing(
    (s2s: S2s) => s2s,
    (alter) =>
      Conformance.s2s({
        name: "broken",
        layer: Layer.effect(SpeechToSpeech, Effect.map(SpeechToSpeech, alter)).pipe(Layer.provide(layer)),
        speech: spoken("book a flight"),
        provideTime
      }),
    [
      [
        "s2s.Describe",
        "a rate that is none",
        () => (s2s) => ({ ...s2s, outputSampleRate: Number.NaN }),
        /outputSampleRate/u
      ],
      [
        "s2s.Turn",
        "a reply that ends twice",
        () => events((event) => event._tag === "ReplyEnded" ? [event, event] : [event]),
        /after its end/u
      ],
      [
        "s2s.Requests",
        "the id of another request",
        () => events((event) => event._tag === "ReplyStarted" ? [{ ...event, request: "request-9" }] : [event]),
        /the requests that were answered/u
      ],
      [
        "s2s.Say",
        "other words",
        () => events((event) => event._tag === "ReplyAudio" ? [{ ...event, text: "No." }] : [event]),
        /the text of the audio/u
      ],
      ["s2s.Agent", "replies that nobody asked for", () =>
        events((event) =>
          event._tag === "UserTurnTranscribed"
            ? [event, { _tag: "ReplyStarted", reply: "own" }, { _tag: "ReplyEnded", reply: "own" }]
            : [event]
        ), /nobody asked for/u],
      [
        "s2s.Sessions",
        "audio of the other session",
        () =>
          events((event) =>
            event._tag === "ReplyStarted" ? [event, { _tag: "ReplyStarted", reply: "of-another" }] : [event]
          ),
        /one of two sessions/u
      ],
      ["s2s.NeverThrows", "a method that throws", () => (s2s) => ({
        ...s2s,
        open: (options) =>
          Effect.map(s2s.open(options), (stream) => ({
            ...stream,
            toolResult: (id) => {
              throw new Error(`there is no ${id}`)
            }
          }))
      }), /a method of a session threw/u],
      [
        "s2s.Release",
        "fibers that it leaves",
        () => (s2s) => ({ ...s2s, open: (options) => Effect.tap(s2s.open(options), leak) }),
        /20 fibers are left/u
      ]
    ]
  )
})
