/**
 * A whole server on loopback whose users call by the carriers under test: scripted engines, and what happened to the sessions.
 */
import { Context, Effect, Fiber, Layer, Schedule, type Scope, Stream } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as Telephony from "../../../src/providers/telephony/index.ts"
import * as Server from "../../../src/server/Server.ts"
import type { SessionEvent } from "../../../src/session/SessionEvent.ts"
import type { VoiceSession } from "../../../src/session/VoiceSession.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import { neverOverloaded } from "../../server/support.ts"
import { Watched } from "../../support/FakeCarrier.ts"
import { freePort } from "../../support/FreePort.ts"

export interface CarrierServerOptions {
  readonly carriers: ReadonlyArray<object>
  readonly words?: ReadonlyArray<string>
  readonly answer?: (text: string) => string
  readonly greeting?: string
  readonly providerConfig?: object
  readonly maxConcurrentSessions?: number
}

/** A session of the server, and its events since it was seen. */
export class Followed extends Watched {
  readonly session: VoiceSession
  readonly events: Array<SessionEvent> = []

  constructor(session: VoiceSession) {
    super()
    this.session = session
  }

  of<Type extends SessionEvent["type"]>(type: Type): ReadonlyArray<Extract<SessionEvent, { readonly type: Type }>> {
    return this.events.filter((event): event is Extract<SessionEvent, { readonly type: Type }> => event.type === type)
  }

  readonly event = (type: SessionEvent["type"]): Effect.Effect<void> =>
    this.until(type, () => this.events.some((event) => event.type === type))

  /** The agent has said something with this in it. */
  readonly answered = (text: string): Effect.Effect<void> =>
    this.until(
      `an answer with ${text}`,
      () => this.of("agent.speech_stopped").some((event) => event.text.includes(text))
    )
}

/** A session whose user the carrier calls. */
export const outbound = (carrier: string, to: string) => ({
  userId: "u",
  transport: "websocket",
  call: { carrier, direction: "outbound", to, parameters: {} }
} as const)

export interface CarrierServer {
  readonly url: string
  readonly backend: VoiceBackend["Service"]
  /** Follows a session of this id. */
  readonly follow: (id: string) => Effect.Effect<Followed, never, Scope.Scope>
  /** Follows the only session that there is, once there is one. */
  readonly session: Effect.Effect<Followed, never, Scope.Scope>
}

export const start = Effect.fnUntraced(function*(
  options: CarrierServerOptions
): Effect.fn.Return<CarrierServer, unknown, Scope.Scope> {
  const port = yield* freePort
  const url = `http://127.0.0.1:${port}`
  const context = yield* Layer.build(
    Server.layer({ port, host: "127.0.0.1" }).pipe(
      Layer.provideMerge(VoiceBackend.layerSttTts({
        agent: Agent.fromCallback((text) => Effect.succeed(options.answer?.(text) ?? `You said ${text}.`)),
        config: {
          maxConcurrentSessions: options.maxConcurrentSessions ?? 50,
          overload: neverOverloaded,
          ...(options.greeting === undefined ? {} : { conversation: { greeting: options.greeting } }),
          providerConfig: {
            public_url: url,
            carriers: options.carriers,
            allowed_destinations: ["+"],
            ...options.providerConfig
          }
        } as never
      })),
      Layer.provide([
        Telephony.layer,
        ScriptedEngines.layerVad(),
        ScriptedEngines.layerStt(options.words ?? []),
        ScriptedEngines.layerTts({ msPerCharacter: 20 })
      ])
    )
  )
  const backend = Context.get(context, VoiceBackend)

  const follow = Effect.fnUntraced(function*(id: string) {
    const session = yield* Effect.orDie(backend.getSession(id))
    const followed = new Followed(session)
    const fiber = yield* session.events.pipe(
      Stream.runForEach((event) =>
        Effect.sync(() => {
          followed.events.push(event)
          followed.changed()
        })
      ),
      Effect.forkScoped
    )
    yield* Effect.addFinalizer(() => Fiber.interrupt(fiber))
    return followed
  })

  const first = backend.listSessions.pipe(
    Effect.flatMap(([session]) => session === undefined ? Effect.fail("no session yet") : Effect.succeed(session.id)),
    // creating a session is told to nobody outside of it
    Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 6_000 }),
    Effect.orDie
  )

  return { url, backend, follow, session: Effect.flatMap(first, follow) }
})
