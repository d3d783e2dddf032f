/** Replies said by a voice as a session has them said, and heard by the recogniser. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"
import * as SentenceStream from "../../../src/session/pipeline/SentenceStream.ts"
import * as ResilientTextToSpeech from "../../../src/speech/resilience/ResilientTextToSpeech.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import * as AgentText from "../../../src/text/AgentText.ts"
import { SentenceSplitter } from "../../../src/text/sentences/SentenceSplitter.ts"
import { heardWords } from "../../support/HeardWords.ts"
import { finals, inRoom, transcribe } from "../Recordings.ts"

/** What a voice gets of a reply, piece by piece. */
const piecesOf = (reply: string, language: string | undefined): ReadonlyArray<string> => {
  const text = AgentText.make(SentenceStream.settingsOf({ textSettings: () => ({}) }, { language }))
  const splitter = new SentenceSplitter(text.transform, text.language)
  return [...splitter.push(reply, 0), ...splitter.flush()]
}

const at16k = (pcm: Int16Array, rate: number) =>
  Effect.gen(function*() {
    if (rate === 16_000) return pcm
    const resampler = yield* Resampler.scoped(rate, 16_000)
    const parts: Array<Int16Array> = []
    for (let at = 0; at < pcm.length; at += 480) parts.push(resampler.process(pcm.subarray(at, at + 480)).slice())
    return Pcm.concat(parts)
  }).pipe(Effect.scoped)

/** Says a reply with the text rules of a session; gives the PCM at 16 kHz. */
export const say = (reply: string, voice?: string) =>
  Effect.gen(function*() {
    const engine = yield* TextToSpeech
    const resilient = yield* ResilientTextToSpeech.make([engine])
    const speech = yield* resilient.open({ sessionId: "s", ...(voice === undefined ? {} : { voice }) })
    const chunks = yield* speech.speak(Stream.fromIterable(piecesOf(reply, engine.capabilities.language))).pipe(
      Stream.runCollect
    )
    return yield* at16k(Pcm.concat(chunks.map(({ pcm }) => pcm)), engine.sampleRate)
  }).pipe(Effect.scoped)

/** The words of one text that the other does not have in their place, as `said > heard`. */
export const differences = (said: ReadonlyArray<string>, heard: ReadonlyArray<string>): ReadonlyArray<string> => {
  const rows = said.length + 1
  const columns = heard.length + 1
  const cost = Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => i === 0 ? j : i))
  for (let i = 1; i < rows; i++) {
    for (let j = 1; j < columns; j++) {
      const substitution = cost[i - 1]![j - 1]! + (said[i - 1] === heard[j - 1] ? 0 : 1)
      cost[i]![j] = Math.min(substitution, cost[i - 1]![j]! + 1, cost[i]![j - 1]! + 1)
    }
  }
  const found: Array<string> = []
  let [i, j] = [said.length, heard.length]
  while (i > 0 || j > 0) {
    const here = cost[i]![j]!
    if (i > 0 && j > 0 && here === cost[i - 1]![j - 1]! + (said[i - 1] === heard[j - 1] ? 0 : 1)) {
      i--
      j--
      if (said[i] !== heard[j]) found.unshift(`${said[i]} > ${heard[j]}`)
    } else if (i > 0 && here === cost[i - 1]![j]! + 1) found.unshift(`${said[--i]} > -`)
    else found.unshift(`- > ${heard[--j]}`)
  }
  return found
}

/** Says replies and has them heard; the number of words said, and those that were misheard. */
export const reread = (replies: ReadonlyArray<string>, voice?: string) =>
  Effect.gen(function*() {
    let words = 0
    const misheard: Array<{ readonly reply: string; readonly heard: string; readonly wrong: ReadonlyArray<string> }> =
      []
    for (const reply of replies) {
      const heard = finals(yield* transcribe(inRoom(yield* say(reply, voice))))
      const said = heardWords(reply)
      words += said.length
      const wrong = differences(said, heardWords(heard))
      if (wrong.length > 0) misheard.push({ reply, heard, wrong })
    }
    return { words, wrong: misheard.reduce((sum, { wrong }) => sum + wrong.length, 0), misheard }
  })
