/**
 * The functional requirements.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as Agent from "../../agent/Agent.ts"
import { BackendRegistry } from "../../backend/provider/BackendRegistry.ts"
import * as MemoryStore from "../../store/MemoryStore.ts"
import * as TelemetryNames from "../../telemetry/TelemetryNames.ts"
import * as ScriptedEngines from "../scripted/ScriptedEngines.ts"
import { refused, same, that, until } from "./Assertions.ts"
import * as ConversationChecks from "./ConversationChecks.ts"
import * as ErrorCodes from "./ErrorCodes.ts"
import { authenticates, authorizesConnect, authorizesCreate, limits, providerLimits } from "./HookRows.ts"
import * as RetentionRows from "./RetentionRows.ts"
import { type Act, later, type Row, test } from "./Row.ts"
import { converse, speechToSpeech } from "./SpokenTurn.ts"
import * as TelemetryRows from "./TelemetryRows.ts"

const both = (...acts: ReadonlyArray<Act>): Act => (stage) =>
  Effect.forEach(acts, (act) => Effect.scoped(act(stage)), { discard: true })

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Row> = [
  test(
    "FR-001",
    "a registry of providers, by name: register, list, look up, duplicate refused",
    ({ harness: { provider } }) =>
      Effect.gen(function*() {
        const registry = yield* BackendRegistry
        yield* registry.register(provider.name, provider)
        yield* same(yield* registry.listProviders, [provider.name], "the names")
        yield* that((yield* registry.getProvider(provider.name)) === provider, "it is found")
        yield* refused("invalid_config", registry.register(provider.name, provider))
      }).pipe(Effect.provide(BackendRegistry.layer()))
  ),
  test(
    "FR-002",
    "backends are created from a registered provider and a config; it tells its capabilities",
    (stage) =>
      Effect.gen(function*() {
        const backend = yield* stage.named()
        yield* that(backend.provider.capabilities === stage.harness.provider.capabilities, "they are the provider's")
        const error = yield* refused("provider_not_found", stage.named({ provider: "nobody" }))
        yield* same(error.details?.["known"], [stage.harness.provider.name], "details.known")
      })
  ),
  test("FR-003", "real-time audio both ways, over the provider's transport", converse),
  test(
    "FR-004",
    "audio runs through a configurable pipeline: the same conversation by STT/TTS and by S2S",
    both(
      converse,
      speechToSpeech
    ),
    ["s2s"]
  ),
  test(
    "FR-005",
    "the pipeline is composed: recogniser, voice, detectors, suppressor, each by its name in the config",
    (stage) =>
      Effect.gen(function*() {
        const backend = yield* stage.named({
          stt_provider: "ends_turns",
          tts_provider: "hoarse",
          turn_detection_provider: "patient",
          noise_cancellation_provider: "silencer"
        })
        yield* same(
          backend.engines,
          { stt: "ends_turns", tts: "hoarse", vad: "level", turn: "patient", noise: "silencer" },
          "the engines at work"
        )
      })
  ),
  test("FR-006", "S2S bypasses text: no STT or TTS engine is built", speechToSpeech, ["s2s"]),
  test(
    "FR-007",
    "turns are detected, and the agent is asked at their boundaries, not at a pause",
    (stage) =>
      Effect.gen(function*() {
        const asked: Array<string> = []
        const { call } = yield* stage.open({
          // well above the pause, however late a busy machine is
          policy: { endpointing: { silence: "1 second" } },
          agent: Agent.fromCallback((text) => Effect.sync(() => `Answer ${asked.push(text)}.`))
        })
        const user = yield* call()
        yield* user.say("a flight")
        yield* user.speak(ScriptedEngines.silence(160))
        yield* user.say("to Paris")
        yield* user.answered()
        yield* user.say("and back")
        yield* user.answered(2)
        yield* same(asked, ["a flight to Paris", "and back"], "what the agent was asked")
      }),
    ["words"]
  ),
  test("FR-008", "an interruption stops playback and takes the new input", ConversationChecks.interrupted),
  test(
    "FR-009",
    "transcripts go to the agent, its answers come back: a callback, a stream",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open()
        const user = yield* call()
        yield* user.type("one")
        yield* same((yield* user.answered()).text, "You said one.", "the callback's answer")
        yield* user.session.setAgent(Agent.fromStream((text) => Stream.make("It was", ` ${text}.`)))
        yield* user.type("two")
        yield* same((yield* user.answered(2)).text, "It was two.", "the stream's answer")
      })
  ),
  test("FR-010", "many users at once, isolated", ConversationChecks.isolated, ["multiUser", "words"]),
  test(
    "FR-011",
    "latency target, timeouts and retries are configurable: each has its effect",
    both(
      ConversationChecks.latencyExceeded,
      ConversationChecks.agentTimesOut
    )
  ),
  test("FR-012", "metrics: sessions, turns and their latency are counted", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open()
      const user = yield* call()
      yield* user.say("hello")
      yield* user.answered()
      const found = new Set((yield* Metric.snapshot).map(({ id }) => id))
      for (const name of Object.values(TelemetryNames.metrics)) yield* that(found.has(name), `${name} is there`)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))),
  test("FR-013", "traces end to end: one from the user's voice to the agent's, without a word", TelemetryRows.oneTrace),
  test(
    "FR-014",
    "connection failures, timeouts and provider errors have their codes: each of the thirteen provoked",
    (stage) =>
      Effect.forEach(
        ErrorCodes.entries,
        (entry) => entry._tag === "Test" ? Effect.scoped(entry.act(stage)) : Effect.void,
        { concurrency: 4, discard: true }
      ),
    ["s2s"]
  ),
  test(
    "FR-015",
    "hooks for custom audio processors: an ordered chain changes what is heard",
    ConversationChecks.processorsInOrder
  ),
  test(
    "FR-016",
    "a config is validated before anything is created: all faults at once, with paths, without values",
    (stage) =>
      Effect.gen(function*() {
        const error = yield* refused(
          "invalid_config",
          stage.named({ timeout: "s3cret", max_retries: 99, session: { token_ttl: 1 } })
        )
        const faults = error.details?.["faults"]
        const paths = Array.isArray(faults) ? faults.map(({ path }: { readonly path: string }) => path).sort() : []
        yield* same(paths, ["max_retries", "session.token_ttl", "timeout"], "the paths")
        yield* that(!JSON.stringify(error).includes("s3cret"), "no value is told")
      })
  ),
  later(
    "FR-017",
    "cloud-hosted and self-hosted backends",
    "LiveKit's cloud or an own server, by its url and key alone: test/providers/livekit"
  ),
  test(
    "FR-018",
    "health: healthy, degraded when full, unhealthy when stopped, each with its causes",
    (stage) =>
      Effect.gen(function*() {
        const { backend, create } = yield* stage.open({ config: { maxConcurrentSessions: 1 } })
        yield* create()
        const full = yield* backend.healthCheck
        yield* that(full.status !== "healthy", "a full backend is not healthy")
        yield* backend.stop
        const stopped = yield* backend.healthCheck
        yield* same(stopped.status, "unhealthy", "the status of a stopped backend")
        for (const { cause, status } of [...full.parts, ...stopped.parts]) {
          yield* that(status === "healthy" || (cause ?? "") !== "", "what is not well has a cause")
        }
      })
  ),
  test(
    "FR-019",
    "audio formats are converted: a voice at 16 kHz is heard for as long as it spoke",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open({
          tts: ScriptedEngines.layerTts({ sampleRate: 16_000, msPerCharacter: 40 })
        })
        const user = yield* call()
        yield* user.type("one two three four")
        const { text } = yield* user.answered()
        const spokenMs = text.length * 40
        yield* until(`about ${spokenMs} ms are heard`, () => Effect.map(user.heardMs, (ms) => ms > spokenMs * 0.8))
        yield* that((yield* user.heardMs) < spokenMs * 1.2, "and no more")
      })
  ),
  test("FR-020", "a graceful stop completes conversations in flight", ConversationChecks.drained),
  test("FR-021", "authentication hooks, for any provider", authenticates),
  test("FR-022", "authorization hooks: refused per operation", authorizesCreate),
  test("FR-022 connect", "authorization hooks: refused at connect", authorizesConnect, ["admission"]),
  test("FR-023", "the provider's own rate limits come first", providerLimits),
  test("FR-024", "the framework's rate limits are the fallback", limits),
  test("FR-025", "active sessions persist, and another process goes on with them", ConversationChecks.recovered, [
    "recovery"
  ]),
  test("FR-026", "completed sessions leave nothing", (stage) =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const { call } = yield* stage.open({ services: ConversationChecks.sharedStore(table).layer })
      const user = yield* call()
      yield* user.type("forget this")
      yield* user.answered()
      yield* that(
        JSON.stringify([...table.rows.values()].map(({ kept }) => kept)).includes("forget this"),
        "it was kept"
      )
      yield* user.send(JSON.stringify({ type: "session.end" }))
      yield* until("nothing is left", () => table.rows.size === 0)
    })),
  ...RetentionRows.functional
]
