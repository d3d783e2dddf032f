import { describe, expect, it } from "vitest"
import type { AcousticNetwork } from "../../../src/engines/hibari/network/AcousticNetwork.ts"
import type { Piece } from "../../../src/engines/hibari/text/PhonemeReader.ts"
import { BINS, FRAME, type Spectra } from "../../../src/engines/hibari/vocoder/Spectra.ts"
import { SpeechScheduler } from "../../../src/engines/hibari/worker/SpeechScheduler.ts"
import { type TextReader, TextSpeech } from "../../../src/engines/hibari/worker/TextSpeech.ts"
import { CREDIT, type SpeechMessage } from "../../../src/engines/hibari/worker/WorkerProtocol.ts"

/** Frames of silence around the speech of a scripted piece. */
const SILENT = 20

/** A network whose ids are ten frames long each, all of them loud but the first and the last. */
const tones: AcousticNetwork = async (ids, speed) => {
  const length = Math.round(SILENT / speed)
  const frames = length * ids.length
  const free = new Float32Array(BINS * frames)
  free.forEach((_, i) => {
    const frame = i % frames
    free[i] = frame >= length && frame < frames - length ? -1 : -9
  })
  const zeros = new Float32Array(BINS * frames)
  const spectra: Spectra = {
    frames,
    harmonic: zeros,
    harmonicPhase: zeros,
    noise: zeros.map(() => -20),
    free,
    freePhase: zeros,
    pitch: new Float32Array(frames)
  }
  return { spectra, ends: ids.map((_, i) => length * (i + 1)) }
}

/** Each character of a word is a phoneme; sentences end with a full stop, pieces with a comma. */
const reader: TextReader = {
  sentences: (text) => [...text.matchAll(/[^.]+\.?/gu)].map((match) => ({ text: match[0], start: match.index })),
  reading: ({ start, text }) => async () =>
    [...text.matchAll(/[^,.]+[,.]?/gu)].map((part): Piece => {
      const ids = [0]
      const words = [...part[0].matchAll(/\S+/gu)].map((word) => {
        const firstId = ids.length
        const letters = word[0].replace(/[^a-z]/gu, "")
        for (const letter of letters) ids.push(letter.charCodeAt(0))
        const at = start + part.index + word.index
        return { start: at, end: at + word[0].length, firstId, endId: ids.length }
      })
      return { phonemes: part[0], ids: [...ids, 0], words }
    })
}

const samplesOf = (messages: ReadonlyArray<SpeechMessage>): number =>
  messages.reduce((sum, message) => sum + (message._tag === "Sound" ? message.sound.pcm.length : 0), 0)

const immediate = () => new Promise<void>((resolve) => setImmediate(resolve))

class Desk {
  readonly messages: Array<SpeechMessage> = []
  readonly inferences: Array<string> = []
  readonly scheduler: SpeechScheduler
  readonly #network: AcousticNetwork
  #ended: (() => void) | undefined

  constructor(network: AcousticNetwork = tones, onMessage: (message: SpeechMessage, desk: Desk) => void = () => {}) {
    this.#network = network
    this.scheduler = new SpeechScheduler({
      pause: immediate,
      post: (message) => {
        this.messages.push(message)
        onMessage(message, this)
        this.#ended?.()
      }
    })
  }

  speak(id: number, session: string, text: string, speed = 1): void {
    this.scheduler.add(id, session, (emit) =>
      new TextSpeech({ id, session, voice: 0, text, speed, gain: 2 }, {
        reader,
        network: (ids, rate) => {
          this.inferences.push(session)
          return this.#network(ids, rate)
        },
        emit: (sound) => emit({ _tag: "Sound", id, sound })
      }))
  }

  of(id: number): ReadonlyArray<SpeechMessage> {
    return this.messages.filter((message) => message.id === id)
  }

  /** Resolves when `count` texts have ended. */
  ended(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ended = () => {
        if (this.messages.filter(({ _tag }) => _tag !== "Sound").length === count) resolve()
      }
      this.#ended()
    })
  }
}

describe("TextSpeech", () => {
  it("says a text in pieces of 200 ms, without the silence around it, with the times of its words", async () => {
    const desk = new Desk()
    desk.speak(1, "a", "ab cde.")
    await desk.ended(1)
    const sounds = desk.messages.flatMap((message) => message._tag === "Sound" ? [message.sound] : [])
    const lengths = sounds.map(({ pcm }) => pcm.length)
    expect(lengths.slice(0, -1).every((length) => length === 16 * FRAME)).toBe(true)
    // five phonemes of 20 frames, 3 frames before and 18 after them
    expect(samplesOf(desk.messages)).toBe((3 + 5 * SILENT + 18) * FRAME)
    expect(sounds[0]!.words).toEqual([
      { text: "ab", startMs: 37.5, endMs: 37.5 + 40 * 12.5 },
      { text: "cde.", startMs: 37.5 + 40 * 12.5, endMs: 37.5 + 100 * 12.5 }
    ])
    expect(sounds.slice(1).every(({ words }) => words.length === 0)).toBe(true)
    expect(desk.messages.at(-1)).toEqual({ _tag: "Done", id: 1 })
  })

  it("counts the words of later pieces and sentences from the first sample of the text", async () => {
    const desk = new Desk()
    desk.speak(1, "a", "a, b. c")
    await desk.ended(1)
    const words = desk.messages.flatMap((message) => message._tag === "Sound" ? message.sound.words : [])
    const frame = 12.5
    expect(words.map(({ text }) => text)).toEqual(["a,", "b.", "c"])
    expect(words[0]!.startMs).toBe(3 * frame)
    // a piece that was cut at a comma is followed by a short pause, a sentence by a longer one
    expect(words[1]!.startMs).toBe((3 + SILENT + 5 + 3) * frame)
    expect(words[2]!.startMs).toBe((3 + SILENT + 5 + 3 + SILENT + 18 + 3) * frame)
    expect(samplesOf(desk.messages)).toBe((3 * (3 + SILENT) + 5 + 18 + 12) * FRAME)
  })

  it("says nothing, and ends, where there is nothing to say", async () => {
    const desk = new Desk(async (ids, speed) => {
      const { ends, spectra } = await tones(ids, speed)
      return { ends, spectra: { ...spectra, free: spectra.free.fill(-9) } }
    })
    desk.speak(1, "a", "abc.")
    desk.speak(2, "a", "")
    await desk.ended(2)
    expect(desk.messages).toEqual([{ _tag: "Done", id: 1 }, { _tag: "Done", id: 2 }])
  })
})

describe("SpeechScheduler", () => {
  it("lets sessions take turns: a short text is said while a long one is", async () => {
    const desk = new Desk()
    desk.speak(1, "long", "abcdefgh. ".repeat(3))
    desk.speak(2, "short", "ab.")
    await desk.ended(2)
    const done = desk.messages.findIndex((message) => message._tag === "Done" && message.id === 2)
    const before = desk.messages.slice(0, done)
    expect(samplesOf(desk.of(2))).toBe((3 + 2 * SILENT + 18) * FRAME)
    const share = (id: number) => before.filter((message) => message.id === id).length
    expect(Math.abs(share(1) - share(2))).toBeLessThanOrEqual(1)
  })

  it("serves 20 sessions alike, and each session's texts in order", async () => {
    const desk = new Desk()
    for (let session = 0; session < 20; session++) {
      desk.speak(session, `s${session}`, "abcdef.")
      desk.speak(100 + session, `s${session}`, "ab.")
    }
    const firsts = () => new Set(desk.messages.map(({ id }) => id))
    await desk.ended(1)
    // all have begun before the first has ended, as far as memory allows
    expect(firsts().size).toBeGreaterThanOrEqual(12)
    await desk.ended(40)
    for (let session = 0; session < 20; session++) {
      const own = desk.messages.filter(({ id }) => id % 100 === session).map(({ id }) => id)
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }
  })

  it("forgets a text between two pieces, and takes the session's next", async () => {
    const desk = new Desk(tones, (message, self) => {
      if (message.id === 1 && self.of(1).length === 2) self.scheduler.cancel(1)
    })
    desk.speak(1, "a", "abcdefgh. ".repeat(10))
    desk.speak(2, "a", "ab.")
    await desk.ended(1)
    await immediate()
    expect(desk.of(1).length).toBe(2)
    expect(desk.of(2).at(-1)?._tag).toBe("Done")
    expect(desk.inferences.length).toBe(2)
    desk.scheduler.cancel(1)
    desk.scheduler.cancel(77)
    desk.scheduler.taken(77)
  })

  it("gives nothing of a text that was forgotten during its inference", async () => {
    let answer: () => void = () => {}
    const waiting = new Promise<void>((resolve) => {
      answer = resolve
    })
    const desk = new Desk(async (ids, speed) => {
      await waiting
      return tones(ids, speed)
    })
    desk.speak(1, "a", "abc.")
    await immediate()
    await immediate()
    desk.scheduler.cancel(1)
    desk.speak(2, "b", "a.")
    answer()
    await desk.ended(1)
    expect(desk.of(1)).toEqual([])
    expect(desk.of(2).at(-1)?._tag).toBe("Done")
  })

  it("stops ahead of a listener who takes nothing, by one piece of a sentence at most", async () => {
    const desk = new Desk()
    desk.speak(1, "a", "abcdefgh. ".repeat(100))
    for (let before = -1; before !== desk.messages.length;) {
      before = desk.messages.length
      for (let i = 0; i < 20; i++) await immediate()
    }
    const ahead = desk.messages.length
    expect(ahead).toBeGreaterThanOrEqual(CREDIT)
    expect(ahead).toBeLessThan(CREDIT + 15)
    // others are said meanwhile
    desk.speak(2, "b", "ab.")
    await desk.ended(1)
    for (let i = 0; i < ahead; i++) desk.scheduler.taken(1)
    for (let i = 0; i < 200; i++) await immediate()
    expect(desk.of(1).length).toBeGreaterThan(ahead + CREDIT / 2)
    desk.scheduler.cancel(1)
  })

  it("reports a failure to its text alone", async () => {
    const desk = new Desk((ids, speed) => ids.includes(120) ? Promise.reject(new Error("broken")) : tones(ids, speed))
    desk.speak(1, "a", "abx.")
    desk.speak(2, "a", "ab.")
    desk.speak(3, "b", "ab.")
    await desk.ended(3)
    expect(desk.of(1)).toEqual([{ _tag: "Error", id: 1, message: "broken" }])
    expect(desk.of(2).at(-1)?._tag).toBe("Done")
    expect(desk.of(3).at(-1)?._tag).toBe("Done")
  })
})
