/**
 * Rows of the functional requirements.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as Agent from "../../../agent/Agent.ts"
import { BackendRegistry } from "../../../backend/provider/BackendRegistry.ts"
import * as MemoryStore from "../../../store/MemoryStore.ts"
import * as TelemetryNames from "../../../telemetry/TelemetryNames.ts"
import * as ScriptedEngines from "../../scripted/ScriptedEngines.ts"
import { assertEqual, assertFailsWith, assertThat, waitUntil } from "../Assertions.ts"
import { type Check, elsewhere, type Row, test } from "../Row.ts"
import * as ConversationChecks from "./ConversationChecks.ts"
import * as ErrorCodes from "./ErrorCodes.ts"
import {
  authentication,
  connectAuthorization,
  createAuthorization,
  providerRateLimits,
  rateLimits
} from "./HookRows.ts"
import * as RetentionRows from "./RetentionRows.ts"
import { speechToSpeech, spokenTurn } from "./SpokenTurn.ts"
import * as TelemetryRows from "./TelemetryRows.ts"

const allOf = (...acts: ReadonlyArray<Check>): Check => (backends) =>
  Effect.forEach(acts, (act) => Effect.scoped(act(backends)), { discard: true })

/**
 * The rows of the functional requirements.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test(
    "FR-001",
    "a registry of providers, by name: register, list, look up, duplicate refused",
    ({ harness: { provider } }) =>
      Effect.gen(function*() {
        const registry = yield* BackendRegistry
        yield* registry.register(provider.name, provider)
        yield* assertEqual(yield* registry.listProviders, [provider.name], "the names")
        yield* assertThat((yield* registry.getProvider(provider.name)) === provider, "it is returned")
        yield* assertFailsWith("invalid_config", registry.register(provider.name, provider))
      }).pipe(Effect.provide(BackendRegistry.layer()))
  ),
  test(
    "FR-002",
    "backends are created from a registered provider and a config, with its capabilities",
    (backends) =>
      Effect.gen(function*() {
        const backend = yield* backends.fromConfig()
        yield* assertThat(
          backend.provider.capabilities === backends.harness.provider.capabilities,
          "they are the provider's"
        )
        const error = yield* assertFailsWith("provider_not_found", backends.fromConfig({ provider: "nobody" }))
        yield* assertEqual(error.details?.["known"], [backends.harness.provider.name], "details.known")
      })
  ),
  test("FR-003", "real-time audio both ways, over the provider's transport", spokenTurn),
  test(
    "FR-004",
    "the pipeline is configurable: the same conversation by STT/TTS and by S2S",
    allOf(
      spokenTurn,
      speechToSpeech
    ),
    ["s2s"]
  ),
  test(
    "FR-005",
    "the pipeline is composed of engines that the config names: STT, TTS, VAD, turn detection, noise suppression",
    (backends) =>
      Effect.gen(function*() {
        const backend = yield* backends.fromConfig({
          stt_provider: "endpointing_stt",
          tts_provider: "failing_tts",
          turn_detection_provider: "never_finished",
          noise_cancellation_provider: "silencing"
        })
        yield* assertEqual(
          backend.engines,
          {
            stt: "endpointing_stt",
            tts: "failing_tts",
            vad: "scripted_vad",
            turn: "never_finished",
            noise: "silencing"
          },
          "the engines of the backend"
        )
      })
  ),
  test("FR-006", "S2S bypasses text: no STT or TTS engine is built", speechToSpeech, ["s2s"]),
  test(
    "FR-007",
    "turns are detected: the agent is asked at the end of a turn, not at a pause",
    (backends) =>
      Effect.gen(function*() {
        const asked: Array<string> = []
        const { createUser } = yield* backends.start({
          // far longer than the pause, so that a delayed timer on a busy machine does not end the turn
          policy: { endpointing: { silence: "1 second" } },
          agent: Agent.fromCallback((text) => Effect.sync(() => `Answer ${asked.push(text)}.`))
        })
        const user = yield* createUser()
        yield* user.say("a flight")
        yield* user.speak(ScriptedEngines.silence(160))
        yield* user.say("to Paris")
        yield* user.waitForReply()
        yield* user.say("and back")
        yield* user.waitForReply(2)
        yield* assertEqual(asked, ["a flight to Paris", "and back"], "what the agent was asked")
      }),
    ["exactAudio"]
  ),
  test("FR-008", "an interruption stops playback, and the new input is answered", ConversationChecks.interruption),
  test(
    "FR-009",
    "transcripts go to the agent and its answers are spoken: a callback, a stream",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start()
        const user = yield* createUser()
        yield* user.type("one")
        yield* assertEqual((yield* user.waitForReply()).text, "You said one.", "the callback's answer")
        yield* user.session.setAgent(Agent.fromStream((text) => Stream.make("It was", ` ${text}.`)))
        yield* user.type("two")
        yield* assertEqual((yield* user.waitForReply(2)).text, "It was two.", "the stream's answer")
      })
  ),
  test("FR-010", "many users at once, isolated", ConversationChecks.sessionIsolation, ["multiUser", "exactAudio"]),
  test(
    "FR-011",
    "latency target, timeouts and retries are configurable: each has its effect",
    allOf(
      ConversationChecks.latencyExceeded,
      ConversationChecks.agentTimesOut
    )
  ),
  test("FR-012", "metrics: sessions, turns and their latency are counted", (backends) =>
    Effect.gen(function*() {
      const { createUser } = yield* backends.start()
      const user = yield* createUser()
      yield* user.say("good morning")
      yield* user.waitForReply()
      const found = new Set((yield* Metric.snapshot).map(({ id }) => id))
      for (const name of Object.values(TelemetryNames.metrics)) yield* assertThat(found.has(name), `${name} is there`)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))),
  test(
    "FR-013",
    "traces end to end: one from the user's speech to the agent's, without their text",
    TelemetryRows.singleTrace
  ),
  test(
    "FR-014",
    "connection failures, timeouts and provider errors have their codes: each of the thirteen provoked",
    (backends) =>
      Effect.forEach(
        ErrorCodes.rows,
        (entry) => entry._tag === "Test" ? Effect.scoped(entry.check(backends)) : Effect.void,
        { concurrency: 4, discard: true }
      ),
    ["s2s"]
  ),
  test(
    "FR-015",
    "custom audio processors: an ordered chain changes the user's audio",
    ConversationChecks.processorsInOrder
  ),
  test(
    "FR-016",
    "a config is validated before anything is created: all faults at once, with paths, without values",
    (backends) =>
      Effect.gen(function*() {
        const error = yield* assertFailsWith(
          "invalid_config",
          backends.fromConfig({ timeout: "s3cret", max_retries: 99, session: { token_ttl: 1 } })
        )
        const faults = error.details?.["faults"]
        const paths = Array.isArray(faults) ? faults.map(({ path }: { readonly path: string }) => path).sort() : []
        yield* assertEqual(paths, ["max_retries", "session.token_ttl", "timeout"], "the paths")
        yield* assertThat(!JSON.stringify(error).includes("s3cret"), "the error contains no value")
      })
  ),
  elsewhere(
    "FR-017",
    "cloud-hosted and self-hosted backends",
    "LiveKit Cloud and a LiveKit server differ only by URL and key: test/providers/livekit"
  ),
  test(
    "FR-018",
    "health: healthy, degraded when full, unhealthy when stopped, each with its causes",
    (backends) =>
      Effect.gen(function*() {
        const { backend, createSession } = yield* backends.start({ config: { maxConcurrentSessions: 1 } })
        yield* createSession()
        const full = yield* backend.healthCheck
        yield* assertThat(full.status !== "healthy", "a full backend is not healthy")
        yield* backend.stop
        const stopped = yield* backend.healthCheck
        yield* assertEqual(stopped.status, "unhealthy", "the status of a stopped backend")
        for (const { cause, status } of [...full.parts, ...stopped.parts]) {
          yield* assertThat(status === "healthy" || (cause ?? "") !== "", "a part that is not healthy has a cause")
        }
      })
  ),
  test(
    "FR-019",
    "audio formats are converted: speech at 16 kHz plays at its own speed",
    (backends) =>
      Effect.gen(function*() {
        const { createUser } = yield* backends.start({
          tts: ScriptedEngines.layerTts({ sampleRate: 16_000, msPerCharacter: 40 })
        })
        const user = yield* createUser()
        yield* user.type("one two three four")
        const { text } = yield* user.waitForReply()
        const spokenMs = text.length * 40
        yield* waitUntil(`about ${spokenMs} ms are played`, () => Effect.map(user.heardMs, (ms) => ms > spokenMs * 0.8))
        yield* assertThat((yield* user.heardMs) < spokenMs * 1.2, "not more than that is played")
      })
  ),
  test("FR-020", "a graceful stop completes conversations in flight", ConversationChecks.gracefulDrain),
  test("FR-021", "authentication hooks, for any provider", authentication),
  test("FR-022", "authorization hooks: an operation can be refused", createAuthorization),
  test("FR-022 connect", "authorization hooks: a connection can be refused", connectAuthorization, ["admission"]),
  test("FR-023", "the provider's own rate limits come first", providerRateLimits),
  test("FR-024", "the framework's rate limits are the fallback", rateLimits),
  test("FR-025", "active sessions persist, and another process continues them", ConversationChecks.recovery, [
    "recovery"
  ]),
  test("FR-026", "completed sessions leave nothing in the store", (backends) =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const { createUser } = yield* backends.start({ services: ConversationChecks.sharedStore(table).layer })
      const user = yield* createUser()
      yield* user.type("forget this")
      yield* user.waitForReply()
      yield* assertThat(
        JSON.stringify([...table.rows.values()].map(({ snapshot }) => snapshot)).includes("forget this"),
        "the conversation is in the store"
      )
      yield* user.send(JSON.stringify({ type: "session.end" }))
      yield* waitUntil("the store is empty", () => table.rows.size === 0)
    })),
  ...RetentionRows.functional
]
