/**
 * `effect-voice check`: finds what a start would fail on, without a start.
 *
 * @since 0.1.0
 */
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as LanguageModelErrors from "../agent/LanguageModelErrors.ts"
import { DEFAULT_TURNS, DEFAULT_VAD } from "../backend/config/NamedParts.ts"
import { SILENCE_TURNS } from "../backend/engines/SpeechEngines.ts"
import * as PartNames from "../backend/PartNames.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import { type BackendError, ConnectionFailed, fromCause } from "../BackendError.ts"
import * as Builtin from "../builtin/index.ts"
import * as Preflight from "../builtin/Preflight.ts"
import { deadline } from "../Deadline.ts"
import { ModelStore } from "../models/ModelStore.ts"
import * as Faults from "../schema/Faults.ts"
import { isRecord } from "../schema/Json.ts"
import { requireHook } from "../server/ServerConfig.ts"
import * as EngineRegistry from "../speech/EngineRegistry.ts"
import { SpeechToSpeech } from "../speech/SpeechToSpeech.ts"
import { SpeechToText } from "../speech/SpeechToText.ts"
import { TextToSpeech } from "../speech/TextToSpeech.ts"
import type { App } from "./app/App.ts"
import * as Output from "./Output.ts"
import * as Setup from "./Setup.ts"

/** Of one endpoint, with its credentials. */
const REACH_WITHIN = "15 seconds"
/** Of the whole backend, whose engines load their models. */
const START_WITHIN = "60 seconds"

const sessionId = "check"

/** The error of a model without the words of its HTTP client, and where the URL that was not reached comes from. */
const modelError = ({ name, options }: EngineRegistry.AnyEngine, cause: Cause.Cause<unknown>): BackendError => {
  const error = LanguageModelErrors.fromCause(cause)
  return error.code === "connection_failed" && isRecord(options) && "url" in options
    ? new ConnectionFailed({ op: error.op, message: `${error.message}: check engines.${name}.url` })
    : error
}

/** Does with an engine what the first session would: opens a stream, or asks the model for a word. */
const reach = (engine: EngineRegistry.AnyEngine): Effect.Effect<void, BackendError> => {
  const used = Effect.gen(function*() {
    switch (engine.kind) {
      case "stt":
        return yield* Context.get(yield* Layer.build(engine.layer), SpeechToText).open({ sessionId })
      case "tts": {
        const { open, probe } = Context.get(yield* Layer.build(engine.layer), TextToSpeech)
        return yield* probe ?? open({ sessionId })
      }
      case "s2s": {
        const { capabilities, open } = Context.get(yield* Layer.build(engine.layer), SpeechToSpeech)
        return yield* open({ sessionId, answers: capabilities.answers, tools: [], history: [] })
      }
      case "llm": {
        const model = Context.get(yield* Layer.build(engine.layer), LanguageModel.LanguageModel)
        return yield* model.generateText({ prompt: "Reply with the word OK." })
      }
    }
  })
  return Effect.scoped(used).pipe(
    Effect.asVoid,
    Effect.catchCause((cause) =>
      Effect.fail(engine.kind === "llm" ? modelError(engine, cause) : fromCause("check", cause))
    ),
    deadline("check", `the answer of ${engine.name}`, REACH_WITHIN)
  )
}

/** Starts the backend of a config, without a server, and asks each part how it is. */
const healthFaults = (loaded: Setup.Loaded, app: App): Effect.Effect<ReadonlyArray<Faults.Fault>> =>
  Effect.gen(function*() {
    yield* Setup.fetchModels(loaded.config, app)
    const backend = Context.get(yield* Layer.build(Setup.backend(loaded, app)), VoiceBackend)
    // whether the application's layer provides one is known only now
    yield* requireHook(loaded.section, backend.authorize !== undefined)
    const { parts } = yield* backend.healthCheck
    return parts.flatMap(({ cause, name, status }) =>
      status === "healthy" ? [] : [{ path: name, message: cause ?? `it is ${status}` }]
    )
  }).pipe(
    Effect.scoped,
    deadline("check", "the start of the backend", START_WITHIN),
    Effect.catch((error) => Effect.succeed(Faults.fromError(error, "")))
  )

/** Reaches the endpoints of a config, all at once. */
const connect = (loaded: Setup.Loaded, app: App): Effect.Effect<ReadonlyArray<Faults.Fault>> =>
  Effect.all([
    healthFaults(loaded, app),
    // what has a `check` of its own is in this process: the backend's health has it
    ...loaded.used.filter(({ check }) => check === undefined).map((engine) =>
      Preflight.faultsBy(`engines.${engine.name}`, reach(engine))
    )
  ], { concurrency: "unbounded" }).pipe(Effect.map((all) => Faults.distinct(all.flat())))

/** What decides the end of a turn: as the config says, else the first default that can run here, else silence. */
const turnsOf = Effect.fnUntraced(function*({ config }: Setup.Loaded) {
  if (config.turnDetectionProvider !== undefined || config.pipelineType === "s2s") return config.turnDetectionProvider
  const { turn } = yield* EngineRegistry.EngineRegistry
  for (const name of DEFAULT_TURNS.filter((each) => turn.has(each))) {
    const usable = yield* Effect.flatten(turn.get(name)).pipe(
      Effect.flatMap((definition) => definition.decode(undefined)),
      Effect.flatMap(EngineRegistry.inspect),
      deadline("EngineRegistry.inspect", `the check of the engine ${name}`, REACH_WITHIN),
      Effect.option
    )
    if (usable._tag === "Some") return `${name} (the default)`
  }
  return `${SILENCE_TURNS} (the default)`
})

const enginesOf = (
  { config, used }: Setup.Loaded,
  turns: string | undefined
): ReadonlyArray<readonly [what: string, name: string]> =>
  [
    ["speech-to-text", config.sttProvider],
    [
      "text-to-speech",
      config.ttsProvider === undefined
        ? undefined
        : PartNames.withFallbacks([config.ttsProvider, ...config.ttsFallback])
    ],
    ["turn detection", turns],
    ["speech-to-speech", config.s2sProvider],
    [
      "voice activity detection",
      config.vadProvider ?? (used.some(({ kind }) => kind === "vad") ? `${DEFAULT_VAD} (the default)` : undefined)
    ]
  ].flatMap(([what, name]) => what === undefined || name === undefined ? [] : [[what, name] as const])

const inWords = { none: ", no authentication", keys: "", hook: ", users by the AuthHook" } as const

/** What is worth knowing of a config without faults. */
const summary = Effect.fnUntraced(function*(file: string | undefined, loaded: Setup.Loaded, app: App) {
  const { config, section } = loaded
  yield* Output.line(`OK: ${file ?? "the environment and the defaults"}`)
  yield* Output.line(
    `  provider: ${config.provider}, pipeline: ${config.pipelineType}, agent: ${config.agent ?? "none"}`
  )
  for (const [what, name] of enginesOf(loaded, yield* turnsOf(loaded))) yield* Output.line(`  ${what}: ${name}`)
  const models = yield* ModelStore
  for (const name of Builtin.modelsOf(config, app.parts.engines)) {
    const { state } = yield* models.status(name)
    if (state !== "ready") yield* Output.line(`  the model ${name} is downloaded at the first start`)
  }
  yield* Output.line(
    `  at most ${config.maxConcurrentSessions} sessions, latency target ${Duration.format(config.latencyTarget)}`
  )
  yield* Output.line(
    `  server: ${section.host}:${section.port}, ${
      section.apiKeys.length === 0 ? "no API keys" : `API keys: ${section.apiKeys.length}`
    }${inWords[section.authentication]}${section.tls === undefined ? "" : ", TLS"}`
  )
  if (section.adminPort !== undefined) yield* Output.line(`  metrics and documentation: port ${section.adminPort}`)
})

/**
 * Checks a config as `serve` does at its start, and prints a summary; fails with all its faults. `connect` reaches the
 * endpoints too, with their credentials: it starts the backend without a server, opens a stream of each hosted engine and
 * asks the language model for a word. With `json` the faults are printed as JSON.
 *
 * @category commands
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(function*(options: {
  readonly app: App
  readonly config: string | undefined
  readonly connect: boolean
  readonly json: boolean
}) {
  const { app, config: file, json } = options
  const checked = yield* Setup.loadConfig(file, {
    app,
    defaults: Setup.serverDefaults,
    listen: (section) => section
  }).pipe(
    Effect.flatMap((loaded) =>
      options.connect
        ? Effect.flatMap(connect(loaded, app), (faults) =>
          faults.length === 0
            ? Effect.succeed(loaded)
            : Effect.fail(Faults.toError("check", "what the config names cannot be used", faults)))
        : Effect.succeed(loaded)
    ),
    Effect.result
  )
  if (json) {
    const faults = Result.isFailure(checked) ? Faults.fromError(checked.failure, "") : []
    yield* Output.json(JSON.stringify({ ok: faults.length === 0, faults }, undefined, 2))
  }
  if (Result.isFailure(checked)) return yield* checked.failure
  if (!json) yield* summary(file, checked.success, app)
})
