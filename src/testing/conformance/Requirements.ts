/**
 * What the contract refers to: functional requirements, success criteria, user stories, edge cases.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as Agent from "../../agent/Agent.ts"
import { BackendRegistry } from "../../backend/BackendRegistry.ts"
import { ConnectionFailed } from "../../BackendError.ts"
import * as MemoryStore from "../../store/MemoryStore.ts"
import * as Names from "../../telemetry/Names.ts"
import * as ScriptedEngines from "../ScriptedEngines.ts"
import * as ScriptedHearing from "../ScriptedHearing.ts"
import * as ScriptedSpeechToSpeech from "../ScriptedSpeechToSpeech.ts"
import * as Behaviour from "./Behaviour.ts"
import { refused, same, that, until } from "./Checks.ts"
import { connecting, malformedSpeech } from "./Codes.ts"
import { type Act, type Entry, later, test } from "./Entry.ts"
import { authenticates, authorizesConnect, authorizesCreate, limits, providerLimits } from "./HookRows.ts"
import * as Tone from "./Tone.ts"

const both = (...acts: ReadonlyArray<Act>): Act => (stage) =>
  Effect.forEach(acts, (act) => Effect.scoped(act(stage)), { discard: true })

/** A spoken turn is heard, recognised, answered and spoken. */
const converse: Act = (stage) =>
  Effect.gen(function*() {
    const { call } = yield* stage.open()
    const user = yield* call()
    yield* user.say("good morning")
    const expected = stage.harness.lacks?.words === undefined ? "good morning" : "utterance 1"
    const { text } = yield* user.told("user.transcript").pipe(
      Effect.andThen(until("the final words", () => user.of("user.transcript").find(({ final }) => final)))
    )
    yield* same(text, expected, "what was recognised")
    const reply = yield* user.answered()
    yield* same([reply.text, reply.reason], [`You said ${expected}.`, "completed"], "the answer")
    yield* until("it was heard", () => Effect.map(user.heardMs, (ms) => ms > 500))
    if (stage.harness.lacks?.words === undefined) {
      yield* until("every word of it was heard", () => Effect.map(user.heard, (heard) => heard === reply.text))
    }
  })

const speechToSpeech: Act = (stage) =>
  Effect.gen(function*() {
    const { backend, call } = yield* stage.open({
      s2s: ScriptedSpeechToSpeech.layerS2s(["Good morning to you."], {
        transcripts: ["good morning"],
        msPerCharacter: 40
      })
    })
    yield* that(backend.engines["stt"] === undefined && backend.engines["tts"] === undefined, "no STT or TTS is built")
    const user = yield* call()
    yield* user.say("good morning")
    yield* same((yield* user.answered()).text, "Good morning to you.", "the answer")
    yield* until("it was heard", () => Effect.map(user.heardMs, (ms) => ms > 500))
  })

const functional: ReadonlyArray<Entry> = [
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
  test("FR-008", "an interruption stops playback and takes the new input", Behaviour.interrupted),
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
  test("FR-010", "many users at once, isolated", Behaviour.isolated, ["multiUser", "words"]),
  test(
    "FR-011",
    "latency target, timeouts and retries are configurable: each has its effect",
    both(
      Behaviour.latencyExceeded,
      Behaviour.agentTimesOut
    )
  ),
  test("FR-012", "metrics: sessions, turns and their latency are counted", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open()
      const user = yield* call()
      yield* user.say("hello")
      yield* user.answered()
      const found = new Set((yield* Metric.snapshot).map(({ id }) => id))
      for (const name of Object.values(Names.metrics)) yield* that(found.has(name), `${name} is there`)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))),
  later("FR-013", "traces end to end", "spans and their export come with the telemetry"),
  later(
    "FR-014",
    "connection failures, timeouts and provider errors have their codes",
    "the entries `code …`: all thirteen"
  ),
  test(
    "FR-015",
    "hooks for custom audio processors: an ordered chain changes what is heard",
    Behaviour.processorsInOrder
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
  later("FR-017", "cloud-hosted and self-hosted backends", "needs a provider with an endpoint and a key"),
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
  test("FR-020", "a graceful stop completes conversations in flight", Behaviour.drained),
  test("FR-021", "authentication hooks, for any provider", authenticates),
  test("FR-022", "authorization hooks: refused per operation", authorizesCreate),
  test("FR-022 connect", "authorization hooks: refused at connect", authorizesConnect, ["admission"]),
  test("FR-023", "the provider's own rate limits come first", providerLimits),
  test("FR-024", "the framework's rate limits are the fallback", limits),
  test("FR-025", "active sessions persist, and another process goes on with them", Behaviour.recovered, ["recovery"]),
  test("FR-026", "completed sessions leave nothing", (stage) =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const { call } = yield* stage.open({ services: Behaviour.sharedStore(table).layer })
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
  later("FR-027", "the provider's data retention", "what is kept after a session, and its expiry, are being wired"),
  later("FR-028", "hooks for one's own data retention", "what is kept after a session, and its expiry, are being wired")
]

const success: ReadonlyArray<Entry> = [
  later(
    "SC-001",
    "speech end → the agent's audio < 500 ms for 95 %",
    "a figure: `npm run bench -- turns` and `-- peers`"
  ),
  later("SC-002", "≥ 100 conversations in an instance, undegraded", "a figure: `npm run bench`, B8"),
  later(
    "SC-003",
    "switching providers changes no application code",
    "needs two more providers; this suite is the first half"
  ),
  later(
    "SC-004",
    "99 % of turns without intervention or retry",
    "a count of the soak: test/testing/Scenarios.full.test.ts"
  ),
  later("SC-005", "S2S < 300 ms for 95 %, agent off", "a figure: it needs a model that answers in 200 ms"),
  test(
    "SC-006",
    "90 % of transient network failures recover by themselves: ten of ten",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open()
        const user = yield* call()
        for (let i = 1; i <= 10; i++) {
          yield* user.told("session.started", i)
          yield* user.loseNetwork
          yield* user.comeBack
        }
        yield* user.told("session.started", 11)
        yield* user.type("still here")
        yield* same((yield* user.answered()).text, "You said still here.", "the answer")
      })
  ),
  test("SC-007", "a backend is created and configured in < 2 s", (stage) =>
    Effect.gen(function*() {
      const before = yield* Clock.currentTimeMillis
      yield* (yield* stage.named()).start
      const ms = (yield* Clock.currentTimeMillis) - before
      yield* that(ms < 2_000, `it took ${ms} ms`)
    })),
  test("SC-008", "no leakage between conversations", Behaviour.isolated, ["multiUser", "words"]),
  later("SC-009", "metrics for every operation", "the list against the export comes with the telemetry"),
  test("SC-010", "a custom processor needs no change to the core", Behaviour.processorsInOrder)
]

const stories: ReadonlyArray<Entry> = [
  test("US1", "a real-time conversation with interruption, several users at once", Behaviour.allInterrupt, [
    "multiUser",
    "words"
  ]),
  test("US2", "S2S: the model answers by itself", speechToSpeech, ["s2s"]),
  later("US2 agentInLoop", "S2S with an agent in the loop when wanted", "no engine has the capability yet"),
  test("US3", "capacity, and graceful overload: more are refused, the rest goes on", Behaviour.noMoreThanMaximum, [
    "multiUser"
  ]),
  later(
    "US3 distribution",
    "distribution over instances",
    "cluster is later; FR-025 shows that another instance goes on"
  ),
  test(
    "US4",
    "providers are listed with capabilities; a failing one is named with the reason",
    (stage) =>
      Effect.gen(function*() {
        const backend = yield* connecting(stage, () =>
          Effect.fail(
            new ConnectionFailed({ op: "Provider.connect", message: `${stage.harness.name}: no route to host` })
          ))
        const error = yield* refused("connection_failed", backend.start)
        yield* that(error.message.includes("no route to host"), "the reason is told")
        const { parts } = yield* backend.healthCheck
        yield* same(parts.find(({ name }) => name === "provider")?.status, "unhealthy", "the provider's health")
      })
  ),
  test("US5", "custom processors in order", Behaviour.processorsInOrder),
  later("US5 telephony", "hooks for telephony", "telephony is later")
]

const edges: ReadonlyArray<Entry> = [
  test(
    "EC-001",
    "the network is lost mid-conversation: the user comes back within the window and goes on",
    Behaviour.resumed
  ),
  test(
    "EC-002",
    "formats differ: the user's audio is heard by an engine of another rate",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open({
          tts: ScriptedEngines.layerTts({ sampleRate: 48_000, msPerCharacter: 40 })
        })
        const user = yield* call()
        yield* user.type("one two three")
        yield* user.answered()
        yield* until("it is heard", () => Effect.map(user.heardMs, (ms) => ms > 500))
      })
  ),
  test("EC-003", "the agent times out: timeout, apology, session lives", Behaviour.agentTimesOut),
  test("EC-004", "latency above the target: event and metric, nothing cut", Behaviour.latencyExceeded),
  test(
    "EC-005",
    "turn detection finds no boundary: what was said is answered while the noise goes on",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open({ policy: { longestNoise: "2 seconds", longestTurn: "5 seconds" } })
        const user = yield* call()
        yield* Effect.forkScoped(
          Effect.andThen(
            user.say("hello"),
            user.speak(Tone.ms(8_000, 16_000))
          )
        )
        yield* until("the turn is answered", () => user.of("agent.speech_started")[0], "20 seconds")
      })
  ),
  test("EC-006", "several users interrupt at once: each their own", Behaviour.allInterrupt, ["multiUser", "words"]),
  test(
    "EC-007",
    "an engine is down for a moment: it is retried, and the turn is answered",
    (stage) =>
      Effect.gen(function*() {
        const { call } = yield* stage.open({
          config: { retryDelay: "100 millis" },
          stt: ScriptedHearing.layer({
            failAt: { 0: new ConnectionFailed({ op: "scripted", message: "the connection was reset" }) }
          })
        })
        const user = yield* call()
        yield* user.say("can you hear me")
        yield* same((yield* user.answered()).text, "You said can you hear me.", "the answer")
      }),
    ["words"]
  ),
  test("EC-008", "audio floods: bounded, and the session lives", (stage) =>
    Effect.gen(function*() {
      const { call } = yield* stage.open()
      const user = yield* call()
      yield* user.told("session.started")
      yield* user.flood(new Int16Array(16_000 * 9))
      yield* user.type("still here")
      yield* same((yield* user.answered()).text, "You said still here.", "the answer")
    })),
  test("EC-009", "S2S returns malformed audio: pipeline_error, session lives", malformedSpeech, ["s2s"]),
  test("EC-010", "the agent fails: agent_error, apology, session lives", Behaviour.agentFails)
]

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Entry> = [...functional, ...success, ...stories, ...edges]
