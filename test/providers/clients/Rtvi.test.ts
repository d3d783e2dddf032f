import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted, Schedule } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import * as Local from "../../../src/providers/local/index.ts"
import * as Server from "../../../src/server/Server.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as Rtvi from "../../../src/wire/Rtvi.ts"
import { call, neverOverloaded } from "../../server/support.ts"
import { PipecatUser } from "../../support/pipecat/PipecatUser.ts"

const KEY = "a-key-of-the-server"

/** A server that speaks to what it hears and reads, on a free port. */
const served = (options: {
  readonly texts?: ReadonlyArray<string>
  readonly agent?: Agent.Agent
  readonly config?: NonNullable<Parameters<typeof VoiceBackend.layerSttTts>[0]>["config"]
  readonly server?: Server.ServerOptions
} = {}) =>
  Server.layer({ port: 0, console: false, grace: "100 millis", ...options.server }).pipe(
    Layer.provideMerge(VoiceBackend.layerSttTts({
      agent: options.agent ?? Agent.fromCallback((text) => Effect.succeed(`You said ${text}.`)),
      config: { overload: neverOverloaded, ...options.config }
    })),
    Layer.provide([
      Local.layer,
      ScriptedEngines.layerVad(),
      ScriptedEngines.layerStt(options.texts ?? []),
      ScriptedEngines.layerTts()
    ])
  )

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  Effect.flatMap(Server.VoiceServer, ({ url }) =>
    call(`${url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body)
    }))

const waitFor = (condition: () => boolean) =>
  Effect.suspend(() => condition() ? Effect.void : Effect.fail("not yet")).pipe(
    Effect.retry(Schedule.spaced("10 millis")),
    Effect.timeout("1 minute"),
    Effect.orDie
  )

/** A client that has started a session over HTTP and is connected to it. */
const connected = Effect.fnUntraced(function*(body: object = {}) {
  const { json } = yield* post("/connect", body)
  assert.deepStrictEqual(Object.keys(json).toSorted(), ["token", "wsUrl"])
  return yield* open(json["wsUrl"], json["token"])
})

const open = Effect.fnUntraced(function*(wsUrl: string, token: string) {
  const user = yield* Effect.acquireRelease(
    Effect.promise(() => PipecatUser.connect(`${wsUrl}?token=${encodeURIComponent(token)}`)),
    (user) => Effect.sync(() => user.hangUp())
  )
  user.tell({ type: "client-ready", id: "ready", data: { version: "2.1.0" } })
  yield* waitFor(() => user.types.includes("bot-ready"))
  return { user, wsUrl, token, id: /sessions\/([^/]+)\/rtvi/.exec(wsUrl)?.[1] ?? "" }
})

const historyOf = (id: string) =>
  Effect.flatMap(VoiceBackend, ({ getSession }) => getSession(id)).pipe(
    Effect.flatMap(({ history }) => history),
    Effect.map((items) => items.map(({ interrupted, role, text }) => ({ role, text, interrupted })))
  )

const textsOf = (user: PipecatUser, wanted: string) =>
  user.messages.flatMap(({ data, type }) => type === wanted ? [Rtvi.textField(data, "text") ?? ""] : [])

describe("RTVI routes", () => {
  it.live("hold a conversation: greeting, question, typed text, interruption, goodbye", () =>
    Effect.gen(function*() {
      const { id, user } = yield* connected({ body: { topic: "rain" }, user_id: "ada" })
      const session = yield* Effect.flatMap(VoiceBackend, ({ getSession }) => getSession(id))
      assert.strictEqual(session.config.userId, "ada")
      assert.deepStrictEqual(yield* session.metadata, { topic: "rain" })

      yield* waitFor(() => user.types.includes("bot-stopped-speaking"))
      assert.strictEqual(user.types[0], "bot-ready")
      yield* waitFor(() => user.heard.join(" ") === "Hello there.")

      user.say("one two")
      yield* waitFor(() => textsOf(user, "bot-transcription").includes("You said one two."))
      yield* waitFor(() => user.types.filter((type) => type === "bot-stopped-speaking").length === 2)
      assert.deepStrictEqual(textsOf(user, "user-llm-text"), ["one two"])

      user.tell({ type: "send-text", id: "1", data: { content: "a long story that goes on and on, without an end" } })
      yield* waitFor(() => textsOf(user, "bot-transcription").some((text) => text.includes("story")))
      yield* waitFor(() => user.heard.includes("story"))
      user.send({ _tag: "Interruption" })
      yield* waitFor(() => user.types.includes("bot-interrupted"))
      assert.isTrue(user.arrived.some(({ frame }) => frame._tag === "Interruption"))

      user.tell({ type: "send-text", id: "2", data: { content: "bye" } })
      yield* waitFor(() => user.types.filter((type) => type === "bot-started-speaking").length === 4)
      const history = yield* historyOf(id)
      user.tell({ type: "disconnect-bot", id: "3" })
      yield* waitFor(() => user.closed !== undefined)
      // what was being said was said to its end
      yield* waitFor(() => user.heard.slice(-3).join(" ") === "You said bye.")
      assert.strictEqual(user.closed?.code, 1000)

      const [greeting, question, answer, typed, interrupted, bye] = history
      assert.deepStrictEqual([greeting, question, answer, typed, bye], [
        { role: "agent", text: "Hello there.", interrupted: false },
        { role: "user", text: "one two", interrupted: false },
        { role: "agent", text: "You said one two.", interrupted: false },
        { role: "user", text: "a long story that goes on and on, without an end", interrupted: false },
        { role: "user", text: "bye", interrupted: false }
      ])
      assert.isTrue(interrupted?.interrupted)
      assert.isTrue("You said a long story that goes on and on, without an end.".startsWith(interrupted?.text ?? "-"))
      // the page shows what the history holds
      const shown = user.messages.findLast(({ data, type }) =>
        type === "bot-output" && Rtvi.field(data, "spoken_status") === "in-progress"
      )
      assert.strictEqual(
        Rtvi.textField(Rtvi.field(shown?.data, "spoken_progress"), "accumulated_text"),
        interrupted?.text
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(
        served({ texts: ["one two"], config: { conversation: { ...defaultPolicy, greeting: "Hello there." } } })
      )
    ), 60_000)

  it.live("take a client back to its session, and refuse another token", () =>
    Effect.gen(function*() {
      const { id, token, user, wsUrl } = yield* connected()
      user.tell({ type: "send-text", id: "1", data: { content: "hello" } })
      yield* waitFor(() => user.types.includes("bot-stopped-speaking"))
      user.hangUp(3000)
      yield* waitFor(() => user.closed !== undefined)
      const again = yield* open(wsUrl, token)
      again.user.tell({ type: "send-text", id: "2", data: { content: "again" } })
      yield* waitFor(() => again.user.types.includes("bot-stopped-speaking"))
      assert.deepStrictEqual((yield* historyOf(id)).map(({ text }) => text), [
        "hello",
        "You said hello.",
        "again",
        "You said again."
      ])
      const refused = yield* Effect.promise(() =>
        PipecatUser.connect(`${wsUrl}?token=x`).then(() => "connected", ({ message }: Error) => message)
      )
      assert.match(refused, /401/)
    }).pipe(Effect.scoped, Effect.provide(served())), 60_000)

  it.live("close the connection of a client that sends too much at once, and go on", () =>
    Effect.gen(function*() {
      const { token, user, wsUrl } = yield* connected()
      user.tell({ type: "client-message", id: "1", data: { t: "big", d: "x".repeat(70_000) } })
      yield* waitFor(() => user.closed !== undefined)
      assert.strictEqual(user.closed?.code, 1009)
      yield* open(wsUrl, token)
    }).pipe(Effect.scoped, Effect.provide(served())), 60_000)

  it.live("say in JSON why nothing is started, as the client reads it", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [body: unknown, status: number]> = [
        [{ transport: "daily" }, 400],
        [{ createDailyRoom: true }, 400],
        [{ transport: 7 }, 400],
        [{ body: [1] }, 400],
        [{ body: { big: "x".repeat(20_000) } }, 400],
        [{ user_id: "" }, 400],
        ["{", 400],
        ["x".repeat(70_000), 400]
      ]
      for (const [body, status] of cases) {
        const refused = yield* post("/start", body)
        assert.strictEqual(refused.status, status)
        assert.isString(refused.json["detail"])
      }
      const { activeSessionCount } = yield* VoiceBackend
      assert.strictEqual(yield* activeSessionCount, 0)
      const { url } = yield* Server.VoiceServer
      const { json } = yield* call(`${url}/status`)
      assert.deepStrictEqual(json, { status: "ready", transports: ["websocket"] })
      assert.strictEqual((yield* post("/start", "")).status, 400)
    }).pipe(Effect.scoped, Effect.provide(served())), 60_000)

  it.live("need a key where the server does, and leave no place taken when nobody comes", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/start", {})).status, 401)
      assert.strictEqual((yield* post("/start", {}, { authorization: "Bearer nothing" })).status, 401)
      const { json, status } = yield* post("/connect", {}, { authorization: `Bearer ${KEY}` })
      assert.strictEqual(status, 200)
      assert.isString(json["token"])
      assert.strictEqual((yield* post("/connect", {}, { authorization: `Bearer ${KEY}` })).status, 503)
      const { activeSessionCount } = yield* VoiceBackend
      yield* Effect.repeat(activeSessionCount, {
        until: (count) => count === 0,
        schedule: Schedule.spaced("20 millis")
      })
    }).pipe(
      Effect.scoped,
      Effect.provide(served({
        server: { apiKeys: [Redacted.make(KEY)] },
        config: {
          maxConcurrentSessions: 1,
          session: {
            connectWindow: Duration.seconds(1),
            resumeWindow: Duration.minutes(1),
            longest: Duration.hours(1),
            tokenTtl: Duration.minutes(5)
          }
        }
      }))
    ), 60_000)

  it.live("are not there where the protocol is not served", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/start", {})).status, 404)
    }).pipe(Effect.scoped, Effect.provide(served({ server: { protocols: ["native"] } }))))
})
