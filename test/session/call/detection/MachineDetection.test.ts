import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { readFileSync } from "node:fs"
import * as G711 from "../../../../src/audio/G711.ts"
import * as Wav from "../../../../src/audio/Wav.ts"
import { GreetingTiming } from "../../../../src/session/call/detection/GreetingTiming.ts"
import {
  type DetectionCommand,
  type DetectionOptions,
  MachineDetection
} from "../../../../src/session/call/detection/MachineDetection.ts"
import * as MachinePhrases from "../../../../src/session/call/detection/MachinePhrases.ts"
import { VoiceLevel } from "../../../../src/session/call/detection/VoiceLevel.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const recording = (name: string): Int16Array =>
  Result.getOrThrow(Wav.parse(readFileSync(new URL(`../../../fixtures/${name}.wav`, import.meta.url)))).samples

/** The same at 8 kHz, through µ-law. */
const onPhone = (samples: Int16Array): Int16Array =>
  G711.decodeMuLaw(G711.encodeMuLaw(samples.filter((_, i) => i % 2 === 0)))

const silence = (ms: number, rate: number) => new Int16Array(ms * rate / 1_000)
const tone = (ms: number, hz: number, rate: number) =>
  Int16Array.from({ length: ms * rate / 1_000 }, (_, i) => Math.round(6_000 * Math.sin(2 * Math.PI * hz * i / rate)))
const concat = (...parts: ReadonlyArray<Int16Array>) => Int16Array.from(parts.flatMap((part) => [...part]))

const inWords = (command: DetectionCommand): string =>
  command._tag === "Report" ? `${command.result} by ${command.by}` : command._tag

/** What a detection says to audio, with the time in ms at which it says it. */
const listen = (detection: MachineDetection, samples: Int16Array, rate: number) => {
  const said: Array<{ readonly atMs: number; readonly command: string }> = []
  const frame = rate / 50
  for (let at = 0; at < samples.length; at += frame) {
    for (const command of detection.audio(samples.subarray(at, at + frame))) {
      said.push({ atMs: (at + frame) * 1_000 / rate, command: inWords(command) })
    }
  }
  return said
}

const make = (options: Partial<DetectionOptions> = {}) =>
  new MachineDetection({ sampleRate: 8_000, policy: "leave_message", own: true, ...options })

const commandsOf = (said: ReadonlyArray<{ readonly command: string }>) => said.map(({ command }) => command)

describe("GreetingTiming", () => {
  /** Voice and silence in turn, in ms, from voice on; then silence. */
  const timed = (...parts: ReadonlyArray<number>) => {
    const timing = new GreetingTiming()
    let atMs = 0
    for (const [i, ms] of [...parts, 10_000].entries()) {
      for (let done = 0; done < ms; done += 20) {
        atMs += 20
        const result = timing.push(i % 2 === 0 && i < parts.length, 20)
        if (result !== undefined) return [result, atMs]
      }
    }
    return ["nothing", atMs]
  }

  it("takes a word or two and a pause for a person", () => {
    assert.deepStrictEqual(timed(400), ["human", 1_200])
    assert.deepStrictEqual(timed(300, 200, 400), ["human", 1_700])
    assert.deepStrictEqual(timed(0, 2_000, 400), ["human", 3_200])
  })

  it("takes much speech, and many words, for a machine", () => {
    assert.deepStrictEqual(timed(3_000), ["machine", 1_500])
    assert.deepStrictEqual(timed(200, 100, 200, 100, 200, 100, 200), ["machine", 1_000])
    assert.deepStrictEqual(timed(0, 2_400, 600, 100, 950), ["machine", 4_000])
  })

  it("does not know who says nothing, only clicks, or speaks on between the two", () => {
    assert.deepStrictEqual(timed(), ["unknown", 2_500])
    assert.deepStrictEqual(timed(60, 500, 60, 500, 80), ["unknown", 2_500])
    assert.deepStrictEqual(timed(200, 760, 200, 760, 200, 700, 0, 5_000)[0], "human")
  })

  it.prop(
    "always decides within the time of its analysis",
    [Schema.Array(between(1, 40)).check(Schema.isMaxLength(200)), Schema.Boolean],
    ([lengths, first]) => {
      const timing = new GreetingTiming()
      let atMs = 0
      let voiced = first
      for (const frames of [...lengths, 400]) {
        for (let i = 0; i < frames; i++) {
          atMs += 20
          if (timing.push(voiced, 20) !== undefined) return assert.isAtMost(atMs, 5_000)
        }
        voiced = !voiced
      }
      assert.fail(`nothing after ${atMs} ms`)
    }
  )
})

describe("VoiceLevel", () => {
  it("tells recorded speech from the noise of a line", () => {
    const speech = onPhone(recording("prudently"))
    const level = new VoiceLevel()
    let voiced = 0
    for (let at = 0; at < speech.length; at += 160) if (level.push(speech.subarray(at, at + 160))) voiced++
    assert.isAbove(voiced, 0.5 * speech.length / 160)
    let state = 1
    const noise = Int16Array.from({ length: 80_000 }, () => {
      state = (state * 1103515245 + 12345) & 0x7fffffff
      return Math.round((state / 0x40000000 - 1) * 400)
    })
    const quiet = new VoiceLevel()
    let loud = 0
    for (let at = 0; at < noise.length; at += 160) if (quiet.push(noise.subarray(at, at + 160))) loud++
    assert.strictEqual(loud, 0)
  })
})

describe("MachinePhrases", () => {
  const machines: { readonly [language: string]: ReadonlyArray<string> } = {
    en: [
      "Hi, you've reached Anna and Tom. We can’t come to the phone right now.",
      "Please leave a message after the tone.",
      "The person you are trying to reach is not available.",
      "Your call has been forwarded to an automatic voice message system."
    ],
    "de-DE": [
      "Guten Tag, hier ist die Mailbox von 0 1 7 1.",
      "Bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
      "Der Teilnehmer ist zurzeit nicht erreichbar."
    ],
    fr: ["Bonjour, vous êtes bien sur la messagerie de Paul.", "Laissez-moi un message après le bip sonore."],
    es: ["Ha llamado al 6 0 0. Deje su mensaje después de la señal.", "El buzón de voz está lleno."],
    it: ["Risponde la segreteria telefonica.", "Lasciate un messaggio dopo il segnale acustico."],
    nl: ["Dit is de voicemail van Piet.", "Spreek een bericht in na de piep."],
    "pt-BR": ["Deixe sua mensagem após o sinal.", "Grave seu recado na caixa postal."]
  }
  const people: { readonly [language: string]: ReadonlyArray<string> } = {
    en: [
      "Hello?",
      "Yes, speaking.",
      "Anna Miller, hello, who is this?",
      "Acme Limited, how can I help you?",
      "Leave me alone!"
    ],
    "de-DE": ["Ja, hallo?", "Müller.", "Guten Tag, Firma Schmidt, was kann ich für Sie tun?", "Wer ist da?"],
    fr: ["Allô ?", "Oui, bonjour, qui est à l'appareil ?"],
    es: ["¿Diga?", "Sí, ¿quién es?"],
    it: ["Pronto?", "Sì, chi parla?"],
    nl: ["Hallo, met Piet.", "Ja, wie is dit?"],
    "pt-BR": ["Alô?", "Sim, quem fala?"]
  }

  it("tells machines from people in seven languages, also without knowing which", () => {
    for (const [language, texts] of Object.entries(machines)) {
      for (const text of texts) {
        assert.isTrue(MachinePhrases.isMachine(text, language), text)
        assert.isTrue(MachinePhrases.isMachine(text), text)
        assert.isTrue(MachinePhrases.isMachine(text, "ja"), text)
      }
    }
    for (const [language, texts] of Object.entries(people)) {
      for (const text of texts) {
        assert.isFalse(MachinePhrases.isMachine(text, language), text)
        assert.isFalse(MachinePhrases.isMachine(text), text)
      }
    }
  })

  it("knows English beside another language, and whole words only", () => {
    assert.isTrue(MachinePhrases.isMachine("Please leave a message after the tone.", "de"))
    assert.isFalse(MachinePhrases.isMachine("the mailboxes are over there", "en"))
    assert.isFalse(MachinePhrases.isMachine(""))
  })
})

describe("MachineDetection", () => {
  const reading = recording("prudently")
  /** One word and the silence in which a person waits. */
  const hello = concat(silence(300, 16_000), recording("ill-disposed").subarray(3_200, 12_800), silence(1_500, 16_000))

  it("takes recorded speech that goes on for a machine, and a word for a person, at 8 and at 16 kHz", () => {
    for (const name of ["prudently", "cold-hearted", "two-cities"]) {
      const long = recording(name)
      for (const [samples, rate] of [[long, 16_000], [onPhone(long), 8_000]] as const) {
        const [first] = listen(make({ sampleRate: rate, policy: "hang_up" }), samples, rate)
        assert.strictEqual(first?.command, "machine by audio", name)
        assert.isAtMost(first!.atMs, 5_000)
      }
    }
    for (const [samples, rate] of [[hello, 16_000], [onPhone(hello), 8_000]] as const) {
      const said = listen(make({ sampleRate: rate }), samples, rate)
      assert.deepStrictEqual(commandsOf(said), ["human by audio", "GoOn"])
      assert.isAtMost(said[0]!.atMs, 2_400)
    }
  })

  it("leaves the message after the beep, at once", () => {
    const beep = tone(400, 1_000, 8_000)
    const samples = concat(onPhone(reading), silence(600, 8_000), beep, silence(500, 8_000))
    const said = listen(make(), samples, 8_000)
    assert.deepStrictEqual(commandsOf(said), ["machine by audio", "Wait", "beep by audio", "LeaveMessage"])
    const end = (samples.length - 4_000) / 8
    assert.isAtLeast(said[3]!.atMs, end)
    assert.isAtMost(said[3]!.atMs, end + 250)
  })

  it("leaves the message without a beep after silence, and after the longest wait", () => {
    const quiet = listen(make(), concat(onPhone(reading), silence(6_000, 8_000)), 8_000)
    assert.deepStrictEqual(commandsOf(quiet), ["machine by audio", "Wait", "LeaveMessage"])
    assert.isAtLeast(quiet[2]!.atMs, reading.length / 16 + 3_500)
    const endless = onPhone(recording("two-cities"))
    const never = listen(make({ beepTimeoutMs: 20_000 }), endless, 8_000)
    assert.deepStrictEqual(commandsOf(never), ["machine by audio", "Wait", "LeaveMessage"])
    assert.approximately(never[2]!.atMs - never[0]!.atMs, 20_000, 100)
    // and where no audio comes any more
    const stalled = make()
    listen(stalled, onPhone(reading), 8_000)
    assert.deepStrictEqual(stalled.expire().map(inWords), ["LeaveMessage"])
    assert.isTrue(stalled.isDone)
  })

  it("hears in the words what the timing cannot tell, and corrects it", () => {
    const detection = make()
    assert.deepStrictEqual(commandsOf(listen(detection, onPhone(hello), 8_000)), ["human by audio", "GoOn"])
    assert.deepStrictEqual(detection.words("sorry we cannot", false).map(inWords), [])
    assert.deepStrictEqual(detection.words("sorry we cannot answer please leave a", true).map(inWords), [])
    assert.deepStrictEqual(detection.words("message after the beep", true).map(inWords), ["machine by words", "Wait"])
    assert.deepStrictEqual(detection.words("leave a message", true).map(inWords), [])
    const early = make({ policy: "hang_up" })
    assert.deepStrictEqual(early.words("you have reached", false).map(inWords), ["machine by words", "HangUp"])
    assert.isTrue(early.isDone)
  })

  it("listens for half a minute, and then no more", () => {
    const detection = make()
    const said = listen(detection, concat(onPhone(hello), silence(30_000, 8_000)), 8_000)
    assert.deepStrictEqual(commandsOf(said), ["human by audio", "GoOn"])
    assert.isTrue(detection.isDone)
    assert.deepStrictEqual(detection.words("leave a message", true), [])
  })

  it("goes by the carrier's own detection", () => {
    const own = make({ own: false })
    assert.deepStrictEqual(listen(own, onPhone(reading), 8_000), [])
    assert.deepStrictEqual(own.words("leave a message after the beep", true), [])
    assert.deepStrictEqual(own.carrier("machine").map(inWords), ["machine by carrier", "Wait"])
    assert.deepStrictEqual(own.carrier("beep").map(inWords), ["beep by carrier", "LeaveMessage"])
    assert.deepStrictEqual(own.carrier("human"), [])
    assert.deepStrictEqual(make({ own: false }).carrier("beep").map(inWords), [
      "machine by carrier",
      "Wait",
      "beep by carrier",
      "LeaveMessage"
    ])
    assert.deepStrictEqual(make({ own: false }).carrier("human").map(inWords), ["human by carrier", "GoOn"])
    assert.deepStrictEqual(make({ own: false }).expire().map(inWords), ["unknown by carrier", "GoOn"])
  })

  it("does what the policy says", () => {
    const goOn = make({ policy: "go_on" })
    const samples = concat(onPhone(reading), silence(500, 8_000), tone(300, 850, 8_000), silence(400, 8_000))
    assert.deepStrictEqual(commandsOf(listen(goOn, samples, 8_000)), ["machine by audio", "GoOn", "beep by audio"])
    assert.deepStrictEqual(commandsOf(listen(make({ policy: "hang_up" }), samples, 8_000)), [
      "machine by audio",
      "HangUp"
    ])
  })

  it("takes dialled digits and ring-back for no beep", () => {
    const detection = make({ thresholds: undefined })
    const ringing = Int16Array.from(
      { length: 16_000 },
      (_, i) => Math.round(3_000 * (Math.sin(2 * Math.PI * 440 * i / 8_000) + Math.sin(2 * Math.PI * 480 * i / 8_000)))
    )
    const said = listen(detection, concat(ringing, silence(4_000, 8_000)), 8_000)
    assert.notInclude(commandsOf(said), "beep by audio")
  })

  const Step = Schema.Union([
    Schema.Struct({ _tag: Schema.Literals(["voice", "silence", "beep"]), ms: between(1, 3_000) }),
    Schema.Struct({
      _tag: Schema.Literal("words"),
      text: Schema.Literals(["hello", "leave a message"]),
      final: Schema.Boolean
    }),
    Schema.Struct({
      _tag: Schema.Literal("carrier"),
      result: Schema.Literals(["human", "machine", "unknown", "beep"])
    }),
    Schema.Struct({ _tag: Schema.Literal("expire") })
  ])

  it.prop(
    "says each thing once, in order, and ends in time",
    [
      Schema.Array(Step).check(Schema.isMaxLength(12)),
      Schema.Literals(["hang_up", "leave_message", "go_on"]),
      Schema.Boolean
    ],
    ([steps, policy, own]) => {
      const detection = make({ policy, own })
      const said: Array<string> = []
      const voice = onPhone(reading)
      for (const step of steps) {
        const commands = step._tag === "words"
          ? detection.words(step.text, step.final)
          : step._tag === "carrier"
          ? detection.carrier(step.result)
          : step._tag === "expire"
          ? detection.expire()
          : detection.audio(
            step._tag === "voice"
              ? voice.subarray(0, step.ms * 8)
              : step._tag === "beep"
              ? tone(step.ms, 1_000, 8_000)
              : silence(step.ms, 8_000)
          )
        said.push(...commands.map((command) => command._tag === "Report" ? command.result : command._tag))
      }
      const text = said.join(" ")
      const allowed = {
        hang_up: /^((human|unknown) GoOn ?)?(machine HangUp)?$/,
        leave_message: /^((human|unknown) GoOn ?)?(machine Wait( (beep )?LeaveMessage)?)?$/,
        go_on: /^((human|unknown) GoOn( machine)?|machine GoOn)?( beep)?$/
      }[policy]
      assert.match(text, allowed)
      // whatever has happened: the end is near
      for (let i = 0; i < 3; i++) detection.expire()
      assert.isTrue(detection.isDone)
    }
  )
})
