import { Duration, Effect, Fiber, Layer, Schema, Scope, Stream } from "effect"
import type { Tool } from "effect/ai"
import { TestClock } from "effect/testing"
import * as Agent from "../../src/agent/Agent.ts"
import type { BackendConfig } from "../../src/backend/config/BackendConfig.ts"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import { type S2sLayerOptions, VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../src/BackendError.ts"
import { type ConversationPolicy, defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import type { SessionConfig } from "../../src/session/SessionConfig.ts"
import type { VoiceSession } from "../../src/session/VoiceSession.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedS2s from "../../src/testing/scripted/ScriptedSpeechToSpeech.ts"
import { TestConnection } from "./TestConnection.ts"

export const provider = (
  overrides: Partial<BackendProvider.ProviderConnection> & {
    readonly connect?: Effect.Effect<void, BackendError>
    readonly max?: number
    readonly name?: string
    /** Is given what the backend offers its provider. */
    readonly onHost?: (host: BackendProvider.ProviderHost) => void
  } = {}
): BackendProvider.BackendProvider["Service"] => {
  const { connect, max, name, onHost, ...connection } = overrides
  return BackendProvider.make({
    name: name ?? "test",
    description: "for tests",
    capabilities: {
      s2s: true,
      multiUser: true,
      sessionPersistence: false,
      customAuth: false,
      customRateLimiting: false,
      maxConcurrentSessions: max ?? 0,
      minLatency: Duration.zero,
      codecs: []
    },
    config: Schema.Struct({ url: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^wss:/u))) }),
    connect: (_options, _config, host) =>
      Effect.as(Effect.tap(connect ?? Effect.void, () => Effect.sync(() => onHost?.(host))), {
        open: () => Effect.succeed({ access: { connectionUrl: "memory:" }, attachments: Stream.never }),
        probe: Effect.succeed({ name: "provider", status: "healthy" as const }),
        ...connection
      })
  })
}

export const echo = Agent.fromCallback((transcript) => Effect.succeed(`You said ${transcript}.`))

export interface Setup<R = never> {
  readonly texts?: ReadonlyArray<string>
  readonly agent?: Agent.Agent<R>
  readonly policy?: Partial<ConversationPolicy>
  readonly config?: Partial<Omit<BackendConfig, "provider" | "pipelineType" | "conversation">>
  readonly stt?: Parameters<typeof Scripted.layerStt>[1]
  readonly tts?: Parameters<typeof Scripted.layerTts>[0]
  readonly provider?: BackendProvider.BackendProvider["Service"]
  readonly layerStt?: ReturnType<typeof Scripted.layerStt>
  readonly layerVad?: ReturnType<typeof Scripted.layerVad>
}

const configOf = (setup: Setup<unknown>) => ({
  ...setup.config,
  conversation: { ...defaultPolicy, apology: "Sorry.", ...setup.policy }
})

const providerOf = (setup: Setup<unknown>) =>
  Layer.succeed(BackendProvider.BackendProvider, setup.provider ?? provider())

export const layer = <R = never>(setup: Setup<R> = {}) =>
  VoiceBackend.layerSttTts<R>({ agent: setup.agent ?? echo, config: configOf(setup) }).pipe(Layer.provide([
    providerOf(setup),
    setup.layerStt ?? Scripted.layerStt(setup.texts ?? ["one", "two", "three"], setup.stt),
    Scripted.layerTts(setup.tts),
    setup.layerVad ?? Scripted.layerVad()
  ]))

export const layerS2s = <R = never, Tools extends Record<string, Tool.Any> = {}, Handlers = never>(
  answers: ReadonlyArray<string | ScriptedS2s.ScriptedToolCall>,
  options: ScriptedS2s.ScriptedS2sOptions & {
    readonly setup?: Setup
    /** With a scripted text-to-speech engine beside the model. */
    readonly voice?: Parameters<typeof Scripted.layerTts>[0]
    readonly backend?: S2sLayerOptions<R, Tools, Handlers> | undefined
  } = {}
) =>
  VoiceBackend.layerS2s<R, Tools, Handlers>({
    ...(options.setup?.agent === undefined ? {} : { agent: options.setup.agent }),
    ...options.backend,
    config: configOf(options.setup ?? {})
  }).pipe(Layer.provide([
    providerOf(options.setup ?? {}),
    ScriptedS2s.layerS2s(answers, options),
    ...(options.voice === undefined ? [] : [Scripted.layerTts(options.voice)]),
    ...(options.turnAuthority === "own" ? [Scripted.layerVad()] : [])
  ]))

/** A session with a user who speaks in real time, by the test's clock. */
export class User {
  connection: TestConnection
  readonly session: VoiceSession
  constructor(session: VoiceSession, connection: TestConnection) {
    this.session = session
    this.connection = connection
  }

  /** Lets time pass in frames of 20 ms, with this level in the microphone. */
  hears(ms: number, level = 0): Effect.Effect<void> {
    const connection = this.connection
    const rate = connection.format.input.sampleRate
    const frame = new Int16Array(rate / 50).fill(level)
    return Effect.repeat(
      Effect.andThen(Effect.sync(() => connection.listener?.audio(frame)), TestClock.adjust(20)),
      { times: Math.round(ms / 20) - 1 }
    ).pipe(Effect.asVoid)
  }

  speaks(ms: number): Effect.Effect<void> {
    return this.hears(ms, 8_000)
  }

  readonly said = Effect.suspend(() =>
    Effect.map(
      this.session.history,
      (items) => items.map(({ interrupted, role, text }) => `${role}: ${text}${interrupted ? " …" : ""}`)
    )
  )

  readonly reattach = (options?: ConstructorParameters<typeof TestConnection>[0]) =>
    Effect.suspend(() => {
      this.connection = new TestConnection(options)
      return this.session.attach(this.connection)
    })
}

/** Lets time pass in steps, so that fibers that start meanwhile run at their time. */
export const pass = (duration: Duration.Input): Effect.Effect<void> => {
  const ms = Duration.toMillis(duration)
  const fine = Math.min(ms, 10_000)
  const steps = (step: number, total: number) =>
    Effect.forEach(
      Array.from({ length: Math.ceil(total / step) }, (_, i) => Math.min(step, total - i * step)),
      (part) => TestClock.adjust(part),
      { discard: true }
    )
  return Effect.andThen(steps(20, fine), steps(1_000, ms - fine))
}

export const call = Effect.fnUntraced(function*(
  options?: { readonly config?: Partial<SessionConfig>; readonly connection?: TestConnection }
) {
  const backend = yield* VoiceBackend
  const session = yield* backend.createSession({ userId: "u", transport: "websocket", ...options?.config })
  const user = new User(session, options?.connection ?? new TestConnection())
  yield* session.attach(user.connection)
  return user
})

/** Runs a test on a backend, and lets time pass while the backend drains and is released. */
export const running = <E, R>(
  backend: Layer.Layer<VoiceBackend, BackendError>,
  body: Effect.Effect<void, E, R | VoiceBackend>
) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(backend, scope)
    const exit = yield* Effect.exit(Effect.provide(body, context))
    const released = yield* Effect.forkChild(Scope.close(scope, exit))
    yield* pass("5 minutes")
    yield* Fiber.join(released)
    return yield* exit
  })
