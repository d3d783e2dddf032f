/** Engines as they are easily written: the suites refuse each, and say what they expected. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { ConnectionFailed, PipelineError } from "../../../src/BackendError.ts"
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

const provideTime = Conformance.virtualTime("mutants")
const spoken = (text: string) => ({ pcm: SpokenAudio.encode(text), text })
const gone = new ConnectionFailed({ op: "test", message: "the vendor is gone" })
const broken = new PipelineError({ op: "test", message: "it is broken", retryable: false })

type Mutant<Part> = readonly [id: string, what: string, alter: (part: Part) => Part, why: RegExp]

/** Runs the row alone: it refuses the mutant, for the reason that is expected. */
const refused = <Part>(
  whole: Part,
  suite: (part: Part) => ReadonlyArray<Conformance.Case>,
  mutants: ReadonlyArray<Mutant<Part>>
): void => {
  for (const [id, what, alter, why] of mutants) {
    it(`${id} refuses one that ${what}`, async () => {
      const cases = suite(alter(whole)).filter((each) => each.id === id)
      const [result] = await Effect.runPromise(Conformance.run(cases))
      assert.strictEqual(result?.result, "failed", id)
      assert.match(result?.detail ?? "", why)
    })
  }
}

/** A part whose scope, or whose opening, does what it should not. */
const opening = <A, E, R, R2>(open: Effect.Effect<A, E, R>, more: Effect.Effect<unknown, never, R2>) =>
  Effect.tap(open, more)
const neverCloses = Effect.addFinalizer(() => Effect.never)
const leavesTimer = Effect.sync(() => timers.push(setInterval(() => {}, 60_000)))
const timers: Array<NodeJS.Timeout> = []
const leavesListener = Effect.sync(() => void process.on("SIGUSR2", () => {}))
const endTimers = () => {
  for (const timer of timers.splice(0)) clearInterval(timer)
  process.removeAllListeners("SIGUSR2")
}

describe("speech-to-text", () => {
  type Stt = SpeechToText["Service"]
  const stream = (alter: (stream: SpeechToTextStream) => SpeechToTextStream) => (stt: Stt): Stt => ({
    ...stt,
    open: (options) => Effect.map(stt.open(options), alter)
  })
  const saying = (alter: (event: TranscriptEvent) => ReadonlyArray<TranscriptEvent>) =>
    stream((inner) => ({
      ...inner,
      events: Stream.flatMap(inner.events, (event) => Stream.fromIterable(alter(event)))
    }))
  const final = (change: object) =>
    saying((event) => event._tag === "Final" ? [Object.assign({ ...event }, change)] : [event])
  refused(
    Effect.runSync(Effect.provide(SpeechToText, ScriptedRecogniser.layer({ delayMs: 200 }))),
    (stt) =>
      Conformance.stt({
        name: "mutant",
        layer: Layer.succeed(SpeechToText, stt),
        // it ends its events as if all were well
        failing: Layer.succeed(SpeechToText, {
          ...stt,
          open: (options) => Effect.map(stt.open(options), (inner) => ({ ...inner, events: Stream.empty }))
        }),
        speech: [spoken("book a flight to Paris"), spoken("on Monday please")],
        provideTime
      }),
    [
      [
        "stt.Words",
        "swaps the bytes of samples",
        stream((inner) => ({
          ...inner,
          push: (pcm) => inner.push(Int16Array.from(pcm, (sample) => (sample << 8) | ((sample >> 8) & 255)))
        })),
        /expected the words "book a flight to Paris", found ""/u
      ],
      [
        "stt.Words",
        "zeroes the buffer that it was given",
        stream((inner) => ({
          ...inner,
          push: (pcm) => {
            inner.push(pcm)
            pcm.fill(0)
          }
        })),
        /samples that are given stay as they are/u
      ],
      ["stt.Words", "sends no text", final({ text: undefined }), /a Final has a text, and not undefined/u],
      [
        "stt.Words",
        "gives its confidence in percent",
        final({ confidence: 93 }),
        /confidence of a Final is from 0 to 1/u
      ],
      [
        "stt.Words",
        "names a language in words",
        final({ language: "US English" }),
        /BCP 47 tag, and not "US English"/u
      ],
      [
        "stt.Words",
        "passes the vendor's own events on",
        saying((event) =>
          event._tag === "Finalized" ? [Object.assign({ ...event }, { _tag: "Metadata" }), event] : [event]
        ),
        /expected Interim, Final, Finalized or EndOfTurn, and not the event \{"_tag":"Metadata"/u
      ],
      [
        "stt.Words",
        "ends its events with the first answer",
        stream((inner) => ({ ...inner, events: Stream.takeUntil(inner.events, ({ _tag }) => _tag === "Final") })),
        /the events of a stream ended before its scope/u
      ],
      [
        "stt.Words",
        "throws in its events",
        stream((inner) => ({
          ...inner,
          events: Stream.tap(inner.events, () =>
            Effect.sync(() => {
              throw new Error("a bug")
            }))
        })),
        /the events of a stream: .*it died: Error: a bug/u
      ],
      [
        "stt.Words",
        "never opens",
        (stt) => ({ ...stt, open: () => Effect.never }),
        /opening a stream took longer than 1m/u
      ],
      [
        "stt.Frames",
        "never closes",
        (stt) => ({ ...stt, open: (options) => opening(stt.open(options), neverCloses) }),
        /closing what it had opened did not end within 30s/u
      ],
      [
        "stt.Release",
        "never closes in the middle of its work",
        (stt) => ({ ...stt, open: (options) => opening(stt.open(options), neverCloses) }),
        /closing the first session in the middle of its work took longer than 2s/u
      ],
      [
        "stt.Release",
        "leaves a timer of each session",
        (stt) => ({ ...stt, open: (options) => opening(stt.open(options), leavesTimer) }),
        /are left of 20 closed sessions: \d+ more of Timeout/u
      ],
      [
        "stt.Release",
        "leaves a listener of each session",
        (stt) => ({ ...stt, open: (options) => opening(stt.open(options), leavesListener) }),
        /are left of 20 closed sessions: .*more of listeners of SIGUSR2/u
      ],
      ["stt.Interim", "repeats what was final in its interims", (stt) => {
        let former = ""
        return saying((event) => {
          if (event._tag === "Final") former += `${event.text} `
          return event._tag === "Interim" ? [{ ...event, text: former + event.text }] : [event]
        })(stt)
      }, /has the words since the last Final, and not "book a flight to paris on monday please"/u],
      [
        "stt.WordTimes",
        "times words in ms",
        saying((event) =>
          event._tag === "Final" && event.words !== undefined
            ? [{
              ...event,
              words: event.words.map((word) => ({
                ...word,
                startSample: word.startSample / 16,
                endSample: word.endSample / 16
              }))
            }]
            : [event]
        ),
        /the times of words are samples of the timeline/u
      ],
      [
        "stt.Overlap",
        "hears nothing while it answers",
        stream((inner) => {
          let asked = 0
          return {
            ...inner,
            push: (pcm) => inner.push(asked > 0 ? new Int16Array(pcm.length) : pcm),
            finalize: (id, until) => {
              asked++
              inner.finalize(id, until)
            },
            events: Stream.tap(inner.events, ({ _tag }) =>
              Effect.sync(() => {
                if (_tag === "Finalized") asked--
              }))
          }
        }),
        /two utterances, the second of which came before the answer to the first/u
      ],
      [
        "stt.Hint",
        "hears only between activities",
        stream((inner) => {
          let speaking = false
          return {
            ...inner,
            push: (pcm) => inner.push(speaking ? pcm : new Int16Array(pcm.length)),
            activity: (activity) => {
              speaking = activity._tag === "SpeechStarted"
            }
          }
        }),
        /an utterance without voice activity around it/u
      ],
      ["stt.Options", "dies of key terms", (stt) => ({
        ...stt,
        open: (options) => options.keyterms === undefined ? stt.open(options) : Effect.die(new Error("400"))
      }), /it died: Error: 400/u],
      ["stt.Options", "takes no region of its language", (stt) => ({
        ...stt,
        capabilities: { ...stt.capabilities, languages: ["en"] },
        open: (options) => (options.language ?? "en") === "en" ? stt.open(options) : Effect.fail(gone)
      }), /connection_failed/u],
      ["stt.Probe", "fails its probe", (stt) => ({ ...stt, probe: Effect.fail(gone) }), /connection_failed/u],
      [
        "stt.Probe",
        "never answers its probe",
        (stt) => ({ ...stt, probe: Effect.never }),
        /the probe took longer than 30s/u
      ],
      ["stt.Failure", "swallows its failure", (stt) => stt, /a part that cannot work: expected that it fails/u]
    ]
  )

  it("is left without timers and listeners", endTimers)
})

describe("text-to-speech", () => {
  type Tts = TextToSpeech["Service"]
  const chunks = (alter: (chunk: SpeechChunk) => ReadonlyArray<SpeechChunk>) => (tts: Tts): Tts => ({
    ...tts,
    open: (options) =>
      Effect.map(tts.open(options), (voice) => ({
        speak: (texts) => Stream.flatMap(voice.speak(texts), (chunk) => Stream.fromIterable(alter(chunk)))
      }))
  })
  const endingWith = (end: Stream.Stream<SpeechChunk>) => (tts: Tts): Tts => ({
    ...tts,
    open: (options) =>
      Effect.map(tts.open(options), (voice) => ({ speak: (texts) => Stream.concat(voice.speak(texts), end) }))
  })
  const pcm = (alter: (samples: Int16Array) => ArrayLike<number>) =>
    chunks((chunk) => [Object.assign({ ...chunk }, { pcm: alter(chunk.pcm) })])
  const quiet = (seconds: number) => ({ pcm: new Int16Array(seconds * 24_000), text: "" })
  refused(
    Effect.runSync(Effect.provide(TextToSpeech, ScriptedEngines.layerTts({ delay: "100 millis" }))),
    (tts) =>
      Conformance.tts({
        name: "mutant",
        layer: Layer.succeed(TextToSpeech, tts),
        failing: Layer.succeed(TextToSpeech, {
          ...tts,
          open: () => Effect.succeed({ speak: () => Stream.empty })
        }),
        transcribe: (samples) => Effect.succeed(SpokenAudio.decode(samples)),
        provideTime
      }),
    [
      [
        "tts.Text",
        "gives floats",
        pcm((samples) => Float32Array.from(samples, (s) => s / 32_768)),
        /not Float32Array/u
      ],
      [
        "tts.Text",
        "gives bytes",
        pcm((samples) => new Uint8Array(samples.buffer)),
        /an Int16Array, and not Uint8Array/u
      ],
      [
        "tts.Text",
        "gives a WAV file",
        pcm((samples) => Int16Array.from([0x49_52, 0x46_46, ...Array.from(samples)])),
        /not the header of a WAV file/u
      ],
      [
        "tts.Text",
        "never ends its silence",
        endingWith(Stream.forever(Stream.sync(() => quiet(1)))),
        /speaking 3 texts ends/u
      ],
      [
        "tts.Text",
        "never ends with nothing",
        endingWith(Stream.forever(Stream.sync(() => quiet(0)))),
        /speaking 3 texts ends/u
      ],
      ["tts.Text", "never ends", endingWith(Stream.never), /speaking took longer than 2m/u],
      [
        "tts.Text",
        "never opens",
        (tts) => ({ ...tts, open: () => Effect.never }),
        /opening a voice took longer than 1m/u
      ],
      [
        "tts.Text",
        "gives the text with each chunk",
        chunks((chunk) => [chunk, { ...chunk, pcm: new Int16Array(10) }]),
        /the texts of the chunks/u
      ],
      [
        "tts.Audio",
        "waits before it speaks",
        chunks((chunk) => [{ ...quiet(3), text: chunk.text }, { ...chunk, text: "" }]),
        /of silence before/u
      ],
      ["tts.Audio", "ends late", chunks((chunk) => [chunk, quiet(3)]), /of silence before and after its speech/u],
      ["tts.Words", "swaps bytes", pcm((samples) => samples.map((s) => (s << 8) | ((s >> 8) & 255))), /is understood/u],
      [
        "tts.WordTimes",
        "times words that are none",
        chunks((chunk) => [{ ...chunk, words: [{ text: "x", startMs: Number.NaN, endMs: Number.NaN }] }]),
        /the word "x" is from a ms to a ms, and not NaN/u
      ],
      [
        "tts.WordTimes",
        "times other words",
        chunks((chunk) => [{ ...chunk, words: [{ text: "something", startMs: 0, endMs: 10 }] }]),
        /the timed words are those of "Hello there/u
      ],
      ["tts.TextFailure", "fails with its own error", (tts) => ({
        ...tts,
        open: (options) =>
          Effect.map(tts.open(options), (voice) => ({
            speak: (texts) => Stream.mapError(voice.speak(texts), () => broken)
          }))
      }), /the failure of the texts is passed on as it is/u],
      ["tts.Failure", "swallows its failure", (tts) => tts, /expected that it fails/u],
      [
        "tts.Probe",
        "dies in its probe",
        (tts) => ({ ...tts, probe: Effect.die(new Error("a bug")) }),
        /it died: Error: a bug/u
      ]
    ]
  )
})

describe("voice activity detection", () => {
  type Vad = VoiceActivityDetector["Service"]
  const hearing = (alter: (activity: VoiceActivity) => VoiceActivity) => (vad: Vad): Vad => ({
    ...vad,
    open: ({ onActivity }) => vad.open({ onActivity: (activity) => onActivity(alter(activity)) })
  })
  refused(
    Effect.runSync(Effect.provide(VoiceActivityDetector, ScriptedEngines.layerVad())),
    (vad) =>
      Conformance.vad({
        name: "mutant",
        layer: Layer.succeed(VoiceActivityDetector, vad),
        failing: Layer.succeed(VoiceActivityDetector, { ...vad, open: () => Effect.die(new Error("no model")) }),
        speech: { pcm: ScriptedEngines.speech(1_000) },
        provideTime
      }),
    [
      [
        "vad.Order",
        "counts halves of samples",
        hearing((activity) => ({
          ...activity,
          atSample: activity.atSample + 0.5,
          decidedAtSample: activity.decidedAtSample + 1
        })),
        /is at whole samples/u
      ],
      ["vad.Speech", "inverts its buffer in place", (vad) => ({
        ...vad,
        open: (options) =>
          Effect.map(vad.open(options), ({ push }) => ({
            push: (pcm) => {
              for (let i = 0; i < pcm.length; i++) pcm[i] = Math.abs(pcm[i] ?? 0)
              push(pcm)
            }
          }))
      }), /samples that are given stay as they are/u],
      ["vad.Frames", "throws at an empty frame", (vad) => ({
        ...vad,
        open: (options) =>
          Effect.map(vad.open(options), ({ push }) => ({
            push: (pcm) => {
              if (pcm.length === 0) throw new Error("no samples")
              push(pcm)
            }
          }))
      }), /it died: Error: no samples/u],
      ["vad.Settle", "calls back twice", (vad) => ({
        ...vad,
        open: (options) =>
          Effect.map(vad.open(options), ({ push }) => ({
            push,
            settle: (settled) => {
              settled()
              settled()
            }
          }))
      }), /how often one settle calls back: expected 1, found 2/u],
      [
        "vad.Speech",
        "never opens",
        (vad) => ({ ...vad, open: () => Effect.never }),
        /opening a stream took longer than 1m/u
      ],
      ["vad.Failure", "dies where it cannot work", (vad) => vad, /expected a BackendError/u]
    ]
  )
})

describe("turn detection", () => {
  type Turn = TurnDetector["Service"]
  const asked =
    (alter: (verdict: Effect.Effect<number, ConnectionFailed>) => Turn["endOfTurn"]) => (turn: Turn): Turn => ({
      ...turn,
      endOfTurn: (input) => alter(Effect.orDie(turn.endOfTurn(input)))(input)
    })
  refused(
    Effect.runSync(Effect.orDie(Effect.provide(TurnDetector, Text.layer()))),
    (turn) =>
      Conformance.turnDetector({
        name: "mutant",
        layer: Layer.succeed(TurnDetector, turn),
        failing: Layer.succeed(TurnDetector, turn),
        heard: { finished: { pcm: new Int16Array(200) }, unfinished: { pcm: new Int16Array(100) } },
        provideTime
      }),
    [
      [
        "turn.Prompt",
        "is slow",
        asked((verdict) => () => Effect.delay(verdict, "3 seconds")),
        /at most 2000 ms, and not 30/u
      ],
      [
        "turn.Probability",
        "gives a boolean",
        asked((verdict) => () => Effect.map(verdict, (p) => Object(p > 0.5))),
        /from 0 to 1/u
      ],
      ["turn.Probability", "fails for a language", (turn) => ({
        ...turn,
        endOfTurn: (input) => input.language === "ja" ? Effect.fail(gone) : turn.endOfTurn(input)
      }), /connection_failed/u],
      [
        "turn.Heard",
        "hears for ever",
        (turn) => ({ ...turn, listen: () => Effect.never }),
        /a verdict on speech took longer than 30s/u
      ],
      ["turn.Failure", "works where it cannot", (turn) => turn, /expected that it fails/u]
    ]
  )
})

describe("noise suppression", () => {
  type Noise = NoiseSuppressor["Service"]
  const processing = (alter: (process: (pcm: Int16Array) => Int16Array) => (pcm: Int16Array) => Int16Array) =>
  (
    noise: Noise
  ): Noise => ({
    ...noise,
    open: Effect.map(noise.open, ({ process }) => ({ process: alter(process) }))
  })
  const samples = (alter: (sample: number) => number) => processing((process) => (pcm) => process(pcm).map(alter))
  refused<Noise>(
    {
      name: "still",
      sampleRate: 16_000,
      latencySamples: 0,
      open: Effect.succeed({ process: (pcm) => Int16Array.from(pcm) })
    },
    (noise) =>
      Conformance.noiseSuppressor({
        name: "mutant",
        layer: Layer.succeed(NoiseSuppressor, noise),
        failing: Layer.succeed(NoiseSuppressor, noise),
        speech: { pcm: load("eight-of-spades") },
        provideTime
      }),
    [
      ["noise.Speech", "wraps around", samples((sample) => sample * 9), /speech stays as it is/u],
      [
        "noise.Speech",
        "makes all of it louder",
        samples((s) => Math.max(-32_768, Math.min(32_767, s * 2))),
        /gains at most 3 dB/u
      ],
      [
        "noise.Length",
        "gives floats",
        processing((process) => (pcm) => Object(Float32Array.from(process(pcm)))),
        /not \[object Float32Array\]/u
      ],
      [
        "noise.Length",
        "throws at an empty frame",
        processing((process) => (pcm) => {
          if (pcm.length === 0) throw new Error("no samples")
          return process(pcm)
        }),
        /it died: Error: no samples/u
      ],
      [
        "noise.Minute",
        "has room for half a minute",
        processing((process) => {
          let seen = 0
          return (pcm) => {
            seen += pcm.length
            if (seen > 480_000) throw new RangeError("offset is out of bounds")
            return process(pcm)
          }
        }),
        /it died: RangeError/u
      ],
      [
        "noise.Length",
        "never opens",
        (noise) => ({ ...noise, open: Effect.never }),
        /opening a stream took longer than 1m/u
      ],
      ["noise.Failure", "works where it cannot", (noise) => noise, /expected that it fails/u]
    ]
  )
})

describe("speech-to-speech", () => {
  type S2s = SpeechToSpeech["Service"]
  type Alter = (s2s: S2s) => S2s
  const answers = Array.from({ length: 60 }, (_, n) => `This is answer ${n}. It has two sentences.`)
  const layer = Layer.fresh(ScriptedSpeechToSpeech.layerS2s(answers, {
    turnAuthority: "own",
    agentInLoop: true,
    transcripts: "heard"
  }))
  const events = (alter: (event: SpeechToSpeechEvent) => ReadonlyArray<SpeechToSpeechEvent>): Alter => (s2s) => ({
    ...s2s,
    open: (options) =>
      Effect.map(s2s.open(options), (stream) => ({
        ...stream,
        events: Stream.flatMap(stream.events, (event) => Stream.fromIterable(alter(event)))
      }))
  })
  const audio = (alter: (pcm: Int16Array) => ArrayLike<number>) =>
    events((event) => event._tag === "ReplyAudio" ? [Object.assign({ ...event }, { pcm: alter(event.pcm) })] : [event])
  const transcript = (alter: (text: string) => ReadonlyArray<string>) =>
    events((event) => event._tag === "UserTranscript" ? alter(event.text).map((text) => ({ ...event, text })) : [event])
  const mutants: ReadonlyArray<readonly [id: string, what: string, alter: Alter, why: RegExp]> = [
    ["s2s.Turn", "is mute", audio((pcm) => new Int16Array(pcm.length)), /can be heard: its loudest sample is 0/u],
    [
      "s2s.Turn",
      "gives floats",
      audio((pcm) => Float32Array.from(pcm)),
      /an Int16Array, and not \[object Float32Array\]/u
    ],
    [
      "s2s.Turn",
      "answers again by itself",
      events((event) =>
        event._tag === "ReplyEnded"
          ? [event, { _tag: "ReplyStarted", reply: `${event.reply} again` }, {
            _tag: "ReplyEnded",
            reply: `${event.reply} again`
          }]
          : [event]
      ),
      /further replies to one turn: expected 0, found 1/u
    ],
    [
      "s2s.Turn",
      "speaks before it begins",
      events((event) =>
        event._tag === "ReplyStarted"
          ? [{ _tag: "ReplyAudio", reply: event.reply, pcm: new Int16Array(9), text: "" }, event]
          : [event]
      ),
      /comes before it began/u
    ],
    ["s2s.Requests", "uses a buffer again", (s2s) => {
      const buffer = new Int16Array(24_000 * 60)
      return audio((pcm) => {
        buffer.set(pcm)
        return buffer.subarray(0, pcm.length)
      })(s2s)
    }, /the audio of a reply changes after it was given/u],
    [
      "s2s.Turn",
      "dies in its events",
      events((event) => {
        if (event._tag === "ReplyStarted") throw new Error("a bug")
        return [event]
      }),
      /the events of a session: .*it died: Error: a bug/u
    ],
    ["s2s.Turn", "changes its buffer", (s2s) => ({
      ...s2s,
      open: (options) =>
        Effect.map(s2s.open(options), (stream) => ({
          ...stream,
          push: (pcm) => {
            stream.push(pcm)
            pcm.fill(1)
          }
        }))
    }), /samples that are given stay as they are/u],
    [
      "s2s.Turn",
      "never opens",
      (s2s) => ({ ...s2s, open: () => Effect.never }),
      /opening a session took longer than 1m/u
    ],
    [
      "s2s.Agent",
      "hears other words",
      transcript(() => ["something else"]),
      /the transcript of the turn "book a flight" is complete/u
    ],
    [
      "s2s.Agent",
      "repeats its transcript",
      transcript((text) => [text, text]),
      /adds up: "book a flight book a flight"/u
    ],
    ["s2s.Agent", "tells the turn before its words", (s2s) => ({
      ...s2s,
      open: (options) =>
        Effect.map(s2s.open(options), (stream) => {
          let held: SpeechToSpeechEvent | undefined
          return {
            ...stream,
            events: Stream.flatMap(stream.events, (event) => {
              if (event._tag === "UserTranscript") {
                held = event
                return Stream.empty
              }
              return event._tag === "UserTurnTranscribed" && held !== undefined
                ? Stream.make(event, held)
                : Stream.make(event)
            })
          }
        })
    }), /there is a final transcript of the turn|is complete when the turn is told/u],
    ["s2s.Options", "cannot be resumed", (s2s) => ({
      ...s2s,
      open: (options) => options.history.length > 0 ? Effect.die(new Error("400")) : s2s.open(options)
    }), /it died: Error: 400/u],
    ["s2s.Options", "refuses its own voice", (s2s) => ({
      ...s2s,
      open: (options) => options.voice === undefined ? s2s.open(options) : Effect.fail(gone)
    }), /connection_failed/u]
  ]
  refused(
    (s2s: S2s) => s2s,
    (alter) =>
      Conformance.s2s({
        name: "mutant",
        layer: Layer.effect(SpeechToSpeech, Effect.map(SpeechToSpeech, alter)).pipe(Layer.provide(layer)),
        speech: spoken("book a flight"),
        provideTime
      }),
    mutants.map(([id, what, alter, why]) => [id, what, () => alter, why] as const)
  )
})
