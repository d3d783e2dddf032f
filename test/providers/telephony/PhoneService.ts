/**
 * An effect-voice server with the telephony provider, one Asterisk as its carrier, and engines that hear speech as the texts of a
 * list and speak tones: by themselves in this process, or as a process of its own that may be killed.
 *
 * `PhoneService.ts <options as JSON>` prints `ready`, and each event of its sessions as a line.
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
import * as Recording from "../../support/asterisk/Recording.ts"
import { follow, ofType, type Told } from "./FollowSessions.ts"

export const USERNAME = "asterisk"
export const PASSWORD = "secret-of-the-stream"

/** What is said as which tone, for how long: by the first word. */
export const sounds: { readonly [word: string]: { readonly hz: number; readonly seconds: number } } = {
  Hello: { hz: 440, seconds: 1 },
  Long: { hz: 600, seconds: 8 },
  Short: { hz: 900, seconds: 0.5 },
  Bye: { hz: 1_100, seconds: 0.5 }
}
/** Their letters in `Recording.letters`. */
export const tones = { h: 440, l: 600, s: 900, b: 1_100 }

const layerTts = Layer.succeed(TextToSpeech, {
  name: "tones",
  sampleRate: 16_000,
  capabilities: { voices: ["tone"], languages: [] },
  open: () =>
    Effect.succeed({
      speak: Stream.map((text: string) => {
        const { hz, seconds } = sounds[text.trim().split(/\W/u, 1)[0] ?? ""] ?? { hz: 900, seconds: 0.5 }
        return { pcm: Recording.tone(hz, seconds, { sampleRate: 16_000 }), text }
      })
    })
})

export interface PhoneServiceOptions {
  readonly port: number
  readonly audioSocketPort?: number | undefined
  readonly ari?: { readonly url: string; readonly username: string; readonly password: string } | undefined
  /** What the callers say, one after another. Default: `something`, for ever. */
  readonly texts?: ReadonlyArray<string>
  /** Where sessions are stored. Default: nowhere. */
  readonly store?: string | undefined
}

/** Answers `long` with a long tone, `bye` by hanging up, everything else with a short one. */
const agent = Agent.fromCallback((text) => Effect.succeed(text.includes("long") ? "Long answer." : "Short answer."))

export const layer = (options: PhoneServiceOptions) => {
  const backend = VoiceBackend.layerSttTts({
    agent,
    config: {
      maxConcurrentSessions: 200,
      // a busy machine is no reason to refuse a call of a test
      overload: { maxLag: Duration.seconds(10), maxBacklog: Duration.seconds(30) },
      conversation: { ...defaultPolicy, firstSpeaker: "agent", greeting: "Hello there." },
      providerConfig: {
        ...BackendConfig.defaults.providerConfig,
        allowed_destinations: ["+", "sip:"],
        carriers: [
          ...(options.audioSocketPort === undefined
            ? []
            : [{ name: "sockets", kind: "audiosocket", port: options.audioSocketPort }]),
          {
            name: "pbx",
            kind: "asterisk",
            username: USERNAME,
            password: PASSWORD,
            calls_per_second: 50,
            ...(options.ari === undefined ? {} : {
              ari: {
                ...options.ari,
                endpoint: "PJSIP/phone/{to}",
                context: "voice"
              }
            })
          }
        ]
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

export interface PhoneService {
  readonly backend: VoiceBackend["Service"]
  /** The events of all sessions, as they come. */
  readonly events: ReadonlyArray<Told>
  readonly of: <Type extends SessionEvent["type"]>(
    type: Type
  ) => ReadonlyArray<Extract<SessionEvent, { readonly type: Type }> & { readonly session: string }>
}

export const make = Effect.fnUntraced(function*(
  options: PhoneServiceOptions
): Effect.fn.Return<PhoneService, unknown, Scope.Scope> {
  const context = yield* Layer.build(layer(options))
  const backend = Context.get(context, VoiceBackend)
  const events: Array<Told> = []
  yield* follow(backend, (event) => void events.push(event))
  return {
    backend,
    events,
    of: (type) => ofType(events, type)
  }
})

if (import.meta.main) {
  const options: PhoneServiceOptions = JSON.parse(process.argv[2] ?? "{}")
  Layer.effectDiscard(Effect.gen(function*() {
    const tell = (line: { readonly type: string; readonly session: string }) =>
      void process.stdout.write(`${JSON.stringify(line)}\n`)
    yield* follow(yield* VoiceBackend, tell, (session) => tell({ type: "followed", session }))
    process.stdout.write("ready\n")
  })).pipe(Layer.provide(layer(options)), Layer.launch, NodeRuntime.runMain)
}
