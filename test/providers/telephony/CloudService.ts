/**
 * An effect-voice server with the telephony provider and engines that hear speech as the texts of a list and speak each word as a tone:
 * in this process, or as one of its own that may be killed.
 *
 * `CloudService.ts <options as JSON>` prints `ready`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Context, Duration, Effect, Layer, type Scope, Stream } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { stores } from "../../../src/builtin/Stores.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import * as Telephony from "../../../src/providers/telephony/index.ts"
import * as Server from "../../../src/server/Server.ts"
import type { SessionEvent } from "../../../src/session/SessionEvent.ts"
import { TextToSpeech } from "../../../src/speech/TextToSpeech.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import { neverOverloaded } from "../../server/support.ts"
import { tone } from "../../support/FakeCarrier.ts"
import { follow, ofType, type Told } from "./FollowSessions.ts"

/** How long each word of the agent is, in ms. */
export const WORD_MS = 200

export const GREETING = "Hello from the agent."
/** The answer to `count`. */
export const NUMBERS =
  "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"

const layerTts = Layer.succeed(TextToSpeech, {
  name: "tones",
  sampleRate: 24_000,
  capabilities: { voices: ["tone"], languages: [] },
  open: () =>
    Effect.succeed({
      speak: Stream.map((text: string) => {
        const words = text.trim().split(/\s+/u)
        return {
          pcm: tone(words.length * WORD_MS, 24_000),
          text,
          words: words.map((word, i) => ({ text: word, startMs: i * WORD_MS, endMs: (i + 1) * WORD_MS }))
        }
      })
    })
})

export interface CloudServiceOptions {
  readonly port: number
  readonly carriers: ReadonlyArray<Record<string, unknown>>
  readonly provider?: Record<string, unknown>
  /** What the callers say, one after another. Default: `something`, for ever. */
  readonly texts?: ReadonlyArray<string>
  readonly maxSessions?: number
  /** Where sessions are stored. Default: nowhere. */
  readonly store?: string | undefined
  /** Whether sessions are left to the next process when it is stopped. Default: they end with their turn. */
  readonly handOver?: boolean
}

const agent = Agent.fromCallback((text) =>
  Effect.succeed(text.includes("count") ? NUMBERS : text.includes("bye") ? "Good bye to you." : "All right then.")
)

export const layer = (options: CloudServiceOptions) => {
  const backend = VoiceBackend.layerSttTts({
    agent,
    config: {
      maxConcurrentSessions: options.maxSessions ?? 200,
      overload: neverOverloaded,
      ...(options.handOver === true ? { drain: { mode: "hand_over", deadline: Duration.seconds(20) } } : {}),
      conversation: { ...defaultPolicy, firstSpeaker: "agent", greeting: GREETING },
      providerConfig: {
        ...BackendConfig.defaults.providerConfig,
        public_url: `http://127.0.0.1:${options.port}`,
        carriers: options.carriers,
        allowed_destinations: ["+"],
        ...options.provider
      }
    }
  }).pipe(Layer.provide([
    Telephony.layer,
    ScriptedEngines.layerStt(options.texts ?? Array.from({ length: 1_000 }, () => "something"), { interims: true }),
    layerTts,
    ScriptedEngines.layerVad(),
    options.store === undefined
      ? Layer.empty
      : Layer.unwrap(stores.sqlite({ kind: "sqlite", path: options.store, lease: Duration.seconds(2) }))
  ]))
  return Server.layer({ port: options.port }).pipe(Layer.provideMerge(backend))
}

export interface CloudService {
  readonly backend: VoiceBackend["Service"]
  readonly url: string
  /** The events of all sessions, as they come. */
  readonly events: ReadonlyArray<Told>
  readonly of: <Type extends SessionEvent["type"]>(
    type: Type
  ) => ReadonlyArray<Extract<SessionEvent, { readonly type: Type }> & { readonly session: string }>
  /** Ends when there is an event for which it holds. */
  readonly until: (what: string, holds: (event: Told) => boolean) => Effect.Effect<Told>
}

export const make = Effect.fnUntraced(function*(
  options: CloudServiceOptions
): Effect.fn.Return<CloudService, unknown, Scope.Scope> {
  const context = yield* Layer.build(layer(options))
  const backend = Context.get(context, VoiceBackend)
  const events: Array<Told> = []
  const watchers = new Set<() => void>()
  yield* follow(backend, (event) => {
    events.push(event)
    for (const watcher of Array.from(watchers)) watcher()
  })
  return {
    backend,
    url: `http://127.0.0.1:${options.port}`,
    events,
    of: (type) => ofType(events, type),
    until: (what, holds) =>
      Effect.callback<Told>((resume) => {
        const look = () => {
          const found = events.find(holds)
          if (found === undefined) return
          watchers.delete(look)
          resume(Effect.succeed(found))
        }
        watchers.add(look)
        look()
        return Effect.sync(() => void watchers.delete(look))
      }).pipe(Effect.timeoutOrElse({
        duration: "1 minute",
        orElse: () =>
          Effect.die(new Error(`waited for: ${what}; there was ${events.map(({ type }) => type).join(" ")}`))
      }))
  }
})

if (import.meta.main) {
  const options: CloudServiceOptions = JSON.parse(process.argv[2] ?? "{}")
  Layer.effectDiscard(Effect.sync(() => process.stdout.write("ready\n"))).pipe(
    Layer.provide(layer(options)),
    Layer.launch,
    NodeRuntime.runMain
  )
}
