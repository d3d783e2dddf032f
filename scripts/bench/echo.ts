/**
 * How often the agent's own voice interrupts it, and how fast a user who speaks over it does, with a loudspeaker in a simulated
 * room: real voices, real Silero, the session's input without a conversation, in virtual time.
 *
 * For each level of the echo and each delay: sounds that Silero takes for the user's in 20 s of the agent's speech, with the
 * echo guard and without; then the time from the user's first sound, 10 dB and 0 dB over the echo, to Silero's decision. The
 * last lines: the same user with headphones, with and without the guard, and the CPU of the guard.
 *
 * Usage: `npm run bench -- echo`.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Resampler from "../../src/audio/resampling/Resampler.ts"
import * as Flite from "../../src/engines/flite/index.ts"
import * as Silero from "../../src/engines/silero/index.ts"
import { ModelStore } from "../../src/models/ModelStore.ts"
import { AudioInput } from "../../src/session/input/AudioInput.ts"
import { EchoGate } from "../../src/session/input/EchoGate.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as SimulatedRoom from "../../test/audio/echo/SimulatedRoom.ts"
import * as Recordings from "../../test/engines/Recordings.ts"
import { quantile } from "./Statistics.ts"

const GAINS = [-40, -30, -20, -16, -12, -6]
const DELAYS = [0, 150, 300, 500]
const SECONDS = 20
/** Blocks of 20 ms that are sent ahead. */
const LEAD = 10
/** The user speaks so long after the agent has begun, in ms. */
const USER_AT = 5_000

const text =
  "The library opens at nine in the morning and closes at six in the evening. On Saturdays it is open until " +
  "noon. You can borrow up to ten books at a time, and you may keep each of them for four weeks. If you need one for longer, " +
  "call us, or write to us. Please bring a card with your name and your address, and we will make a ticket for you."

const spoken = Effect.fnUntraced(function*(voice: string) {
  const tts = yield* TextToSpeech
  const stream = yield* tts.open({ sessionId: "bench", voice })
  const pieces = yield* Stream.runCollect(stream.speak(Stream.make(text)))
  const once = Pcm.concat(pieces.map(({ pcm }) => pcm))
  return Pcm.concat([once, once]).subarray(0, SECONDS * 16_000)
})

/** When Silero finds a user, in ms from the agent's first sound. */
const starts = Effect.fnUntraced(function*(agent: Int16Array, mic: Int16Array, guard: boolean) {
  const vad = yield* VoiceActivityDetector
  const resamplers = yield* Resampler.load
  let now = 0
  const gate = guard ? new EchoGate(() => now) : undefined
  const input = new AudioInput<string>(resamplers, () => {}, undefined, undefined, gate)
  const found: Array<number> = []
  const detector = yield* vad.open({
    onActivity: ({ _tag, decidedAtSample }) => {
      if (_tag === "SpeechStarted") found.push(decidedAtSample / 16)
    }
  })
  Result.getOrThrow(input.add({ sampleRate: vad.sampleRate, branch: "vad", push: (pcm) => detector.push(pcm) }))
  let sent = 0
  for (let block = 0; block * 320 < mic.length; block++) {
    for (; sent < Math.min(block + LEAD, agent.length / 320); sent++) {
      gate?.frame(agent.subarray(sent * 320, sent * 320 + 320), 16_000, sent * 20)
    }
    now += 20
    input.push(mic.subarray(block * 320, block * 320 + 320))
  }
  input.free()
  return found
}, Effect.scoped)

const users = (["eight-of-spades", "queen-of-clubs", "ill-disposed"] as const).map(Recordings.load)
const show = (values: ReadonlyArray<number>) =>
  `${quantile(values, 0.5).toFixed(0)} / ${quantile(values, 0.95).toFixed(0)}`

/** From the user's first sound to the decision; `Infinity` when the user was not found within two seconds. */
const delay = (found: ReadonlyArray<number>, pcm: Int16Array) => {
  const onset = USER_AT + SimulatedRoom.onsetMs(pcm)
  const first = found.find((at) => at > onset - 100) ?? Number.POSITIVE_INFINITY
  return first > onset + 2_000 ? Number.POSITIVE_INFINITY : first - onset
}

const program = Effect.gen(function*() {
  const agents = yield* Effect.forEach(["slt", "awb"], spoken)
  yield* Console.log(
    "echo, dB | delay, ms | false starts in 20 s, without | with | user +10 dB, p50 / p95 ms | user 0 dB"
  )
  for (const gainDb of GAINS) {
    for (const delayMs of DELAYS) {
      const without: Array<number> = []
      const guarded: Array<number> = []
      const loud: Array<number> = []
      const equal: Array<number> = []
      for (const [seed, agent] of agents.entries()) {
        const room = { gainDb, delayMs, tailMs: 120, clips: seed === 1, seed: seed + 1 }
        const mic = SimulatedRoom.microphone(agent, room).subarray(0, agent.length)
        without.push((yield* starts(agent, mic, false)).length)
        guarded.push((yield* starts(agent, mic, true)).length)
        for (const pcm of users) {
          for (const [overEchoDb, into] of [[10, loud], [0, equal]] as const) {
            const some = agent.subarray(0, 10 * 16_000)
            const both = SimulatedRoom.microphone(some, room, { pcm, atMs: USER_AT, overEchoDb })
            into.push(delay(yield* starts(some, both, true), pcm))
          }
        }
      }
      yield* Console.log(
        `${gainDb} | ${delayMs} | ${without.join(", ")} | ${guarded.join(", ")} | ${show(loud)} | ${show(equal)}`
      )
    }
  }
  const added: Array<number> = []
  for (const agent of agents) {
    for (const pcm of users) {
      for (const overEchoDb of [90, 80]) {
        const room = { gainDb: -100, delayMs: 0, noiseDb: -72, seed: 1 }
        const some = agent.subarray(0, 10 * 16_000)
        const mic = SimulatedRoom.microphone(some, room, { pcm, atMs: USER_AT, overEchoDb })
        added.push(delay(yield* starts(some, mic, true), pcm) - delay(yield* starts(some, mic, false), pcm))
      }
    }
  }
  yield* Console.log(`headphones: the guard adds ${show(added)} ms, at most ${Math.max(...added)}`)
  const [agent] = agents
  if (agent === undefined) return
  const mic = SimulatedRoom.microphone(agent, { gainDb: -20, delayMs: 150, seed: 1 })
  const gate = new EchoGate(() => 0)
  const cpu = (each: (frame: Int16Array, block: number) => void) => {
    let used = Number.POSITIVE_INFINITY
    for (let round = 0; round < 10; round++) {
      const from = process.cpuUsage()
      for (let block = 0; block < 1_000; block++) each(mic.subarray(block * 320, block * 320 + 320), block)
      used = Math.min(used, process.cpuUsage(from).user / 1_000)
    }
    return used.toFixed(1)
  }
  const idle = new EchoGate(() => 0)
  const silent = cpu((frame) => idle.hear(frame, false))
  const played = cpu((_, block) => gate.frame(agent.subarray(block * 320, block * 320 + 320), 16_000, block * 20))
  let now = 0
  const listening = new EchoGate(() => now)
  const both = cpu((frame, block) => {
    if (block === 0) now = 0
    now += 20
    listening.frame(agent.subarray(block * 320, block * 320 + 320), 16_000, now - 20)
    listening.hear(frame, false)
    listening.last("vad", frame)
  })
  yield* Console.log(
    `CPU per 20 ms: ${silent} µs while the agent is silent, ${both} µs while it speaks (${played} for what is played)`
  )
}).pipe(
  Effect.scoped,
  Effect.provide(Layer.mergeAll(Flite.layer(), Silero.layer({ mode: "inline" }).pipe(Layer.provide(ModelStore.layer))))
)

await Effect.runPromise(program)
process.exit(0)
