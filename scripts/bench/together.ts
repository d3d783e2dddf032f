/**
 * Sessions that all speak and are spoken to at once, in one process with the default engines: what each waits, how fair that
 * is, what the sessions' thread is held up by, and what it costs.
 *
 * Each session is a user who says one recording after the other in real time, each at a place of its own in the list, and
 * listens to the agent's two sentences between. `fair` is Jain's index of the sessions' mean delays (1: all wait the same).
 *
 * Usage: `npm run bench -- together`, with `--runtime web` as if `onnxruntime-node` were not installed;
 * `EFFECT_VOICE_SESSIONS` sets how many there are (20), `EFFECT_VOICE_ROUNDS` how many recordings each says (5).
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { loadavg } from "node:os"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Agent from "../../src/agent/Agent.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Builtin from "../../src/builtin/index.ts"
import * as Recordings from "../../test/engines/Recordings.ts"
import { paced } from "./RealTime.ts"
import { quantile } from "./Statistics.ts"

const sessions = Number(process.env["EFFECT_VOICE_SESSIONS"] ?? 20)
const rounds = Number(process.env["EFFECT_VOICE_ROUNDS"] ?? 5)
/** An answer that has not come after this many frames, 20 s, is missing. */
const PATIENCE = 1_000
const RESOLUTION_MS = 5

interface User {
  replies: number
  unanswered: number
  readonly delays: Array<number>
}

const frame = (pcm: Int16Array): Uint8Array => Pcm.fromInt16(pcm.slice())
const noise = Recordings.frames(Recordings.room(2)).map(frame)

const microphone = (user: User, index: number): Stream.Stream<Uint8Array> => {
  const frames = function*() {
    for (let i = 0; i < 7 * index; i++) yield noise[i % 100]!
    for (let round = 0; round < rounds; round++) {
      const name = Recordings.recordings[(index + round) % Recordings.recordings.length]!
      for (const spoken of Recordings.frames(Recordings.load(name))) yield frame(spoken)
      const before = user.replies
      for (let i = 0; i < PATIENCE && user.replies === before; i++) yield noise[i % 100]!
      if (user.replies === before) user.unanswered++
    }
  }
  return paced(frames())
}

const program = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  const agent = Agent.fromCallback(() =>
    Effect.succeed("Okay, I got that. Is there anything else that I can do for you?")
  )
  const talk = Effect.fnUntraced(function*(user: User, index: number) {
    const session = yield* backend.createSession({ userId: `user-${index}`, transport: "websocket", agent })
    yield* session.pipeline(microphone(user, index)).pipe(
      Stream.runForEach((output) =>
        Effect.sync(() => {
          if (output._tag === "Audio") return
          const { event } = output
          if (event.type === "agent.speech_stopped") user.replies++
          if (event.type === "turn.latency") user.delays.push(event.totalMs)
        })
      )
    )
  })
  const users = Array.from({ length: sessions }, (): User => ({ replies: 0, unanswered: 0, delays: [] }))
  const memory = process.memoryUsage.rss()
  const load = loadavg()[0]
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const cpu = process.cpuUsage()
  const from = performance.now()
  delay.enable()
  yield* Effect.forEach(users, talk, { concurrency: "unbounded" })
  delay.disable()
  const seconds = (performance.now() - from) / 1000
  const used = process.cpuUsage(cpu)
  const delays = users.flatMap((user) => user.delays)
  const means = users.flatMap(({ delays }) =>
    delays.length === 0 ? [] : [delays.reduce((sum, ms) => sum + ms, 0) / delays.length]
  )
  const sum = means.reduce((total, mean) => total + mean, 0)
  const fair = sum ** 2 / (means.length * means.reduce((total, mean) => total + mean ** 2, 0))
  const grown = process.memoryUsage.rss() - memory
  yield* Console.log(
    `${sessions} sessions, ${delays.length} turns, ${
      users.reduce((n, user) => n + user.unanswered, 0)
    } unanswered, in ` +
      `${seconds.toFixed(0)} s; load average ${load?.toFixed(1)}, then ${loadavg()[0]?.toFixed(1)}`
  )
  yield* Console.log(
    `last word to first sound: p50 ${quantile(delays, 0.5).toFixed(0)}, p95 ${quantile(delays, 0.95).toFixed(0)} ms; ` +
      `fair ${fair.toFixed(3)}, means of the sessions ${Math.min(...means).toFixed(0)} to ${
        Math.max(...means).toFixed(0)
      } ms`
  )
  yield* Console.log(
    `the sessions' thread is held up by p99 ${
      Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS).toFixed(1)
    }, at most ` +
      `${Math.max(0, delay.max / 1e6 - RESOLUTION_MS).toFixed(1)} ms`
  )
  yield* Console.log(
    `CPU ${((used.user + used.system) / 1000 / seconds / sessions).toFixed(1)} ms per session and second; memory ` +
      `${(grown / 1e6 / sessions).toFixed(1)} MB per session, ${
        (process.memoryUsage.rss() / 1e6).toFixed(0)
      } MB at the end`
  )
})

const config = BackendConfig.decode({
  provider: "local",
  pipeline_type: "stt_tts",
  stt_provider: "moonshine",
  tts_provider: "hibari",
  tts_fallback: ["flite"],
  vad_provider: "silero"
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(
      Layer.unwrap(Effect.map(config, VoiceBackend.layerConfig)).pipe(Layer.provide(Builtin.layer))
    )
  )
)
