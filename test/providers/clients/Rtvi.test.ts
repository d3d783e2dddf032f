import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted, Result, Schedule } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { AuthenticationFailed, InvalidConfig } from "../../../src/BackendError.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import { AuthHook } from "../../../src/hooks/AuthHook.ts"
import { ClientRequests } from "../../../src/hooks/ClientRequests.ts"
import * as Local from "../../../src/providers/local/index.ts"
import * as Server from "../../../src/server/Server.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as Rtvi from "../../../src/wire/Rtvi.ts"
import { call, neverOverloaded } from "../../server/support.ts"
import { PipecatUser } from "../../support/pipecat/PipecatUser.ts"
import * as RtcUser from "../../transport/RtcUser.ts"

const KEY = "a-key-of-the-server"

/** A server that speaks to what it hears and reads, on a free port. */
const served = (options: {
  readonly texts?: ReadonlyArray<string>
  readonly agent?: Agent.Agent
  readonly config?: NonNullable<Parameters<typeof VoiceBackend.layerSttTts>[0]>["config"]
  readonly server?: Server.ServerOptions
  readonly hooks?: Layer.Layer<AuthHook>
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
      ScriptedEngines.layerTts(),
      options.hooks ?? Layer.empty
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
      assert.deepStrictEqual(json, { status: "ready", transports: ["websocket", "webrtc"] })
      const { json: webrtc } = yield* post("/start", "")
      assert.deepStrictEqual(Object.keys(webrtc).toSorted(), ["iceConfig", "sessionId"])
    }).pipe(Effect.scoped, Effect.provide(served())), 60_000)

  it.live(
    "hand the caller's token to the application's hook, also where the server lets everybody in",
    () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* post("/start", {}, { authorization: "Bearer token-of-eve" })).status, 401)
        const { status } = yield* post("/connect", { user_id: "eve" }, { authorization: "Bearer token-of-ann" })
        assert.strictEqual(status, 200)
        const [session] = yield* Effect.flatMap(VoiceBackend, ({ listSessions }) => listSessions)
        assert.strictEqual(session?.config.userId, "ann")
      }).pipe(
        Effect.scoped,
        Effect.provide(served({
          hooks: Layer.succeed(AuthHook, {
            authenticate: (token) =>
              token === "token-of-ann"
                ? Effect.succeed({ userId: "ann", authorized: true })
                : Effect.fail(new AuthenticationFailed({ op: "test", message: "unknown" })),
            authorize: () => Effect.succeed(true)
          })
        }))
      ),
    60_000
  )

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

  it.live(
    "carry the same over WebRTC, to who has started the session alone, and take its peer back",
    () =>
      Effect.gen(function*() {
        const key = { authorization: `Bearer ${KEY}` }
        const { json } = yield* post("/start", { transport: "webrtc", user_id: "ada" }, key)
        const path = `/sessions/${json["sessionId"]}/api/offer`
        const user = yield* RtcUser.withChannel("chat")
        const offer = { sdp: user.offer, type: "offer", pc_id: null, restart_pc: false }
        assert.strictEqual((yield* post(path, offer)).status, 401)
        assert.strictEqual((yield* post(path, offer, { authorization: "Bearer other" })).status, 401)
        assert.strictEqual((yield* post("/sessions/ses_0000000000000000.x/api/offer", offer, key)).status, 401)
        for (const body of [{}, { ...offer, sdp: "v=0" }, { ...offer, type: "answer" }, { ...offer, pc_id: 7 }]) {
          assert.strictEqual((yield* post(path, body, key)).status, 400)
        }
        const { json: answer } = yield* post(path, offer, key)
        assert.deepStrictEqual(Object.keys(answer).toSorted(), ["pc_id", "sdp", "type"])
        yield* user.answer(answer["sdp"])
        yield* user.channelOpen

        const { url } = yield* Server.VoiceServer
        const patch = (body: object, headers = key) =>
          call(`${url}/api/offer`, { method: "PATCH", headers, body: JSON.stringify(body) })
        const candidate = { candidate: "", sdp_mid: "voice", sdp_mline_index: 0 }
        assert.strictEqual((yield* patch({ pc_id: answer["pc_id"], candidates: [candidate] })).status, 200)
        assert.strictEqual((yield* patch({ pc_id: `${json["sessionId"]}.none`, candidates: [] })).status, 404)
        assert.strictEqual((yield* patch({ pc_id: "none", candidates: [] })).status, 401)
        assert.strictEqual((yield* patch({ pc_id: answer["pc_id"], candidates: [{ candidate: "x" }] })).status, 400)

        const messages: Array<Rtvi.RtviMessage> = []
        const seen = (type: string) =>
          Effect.gen(function*() {
            while (!messages.some((each) => each.type === type)) {
              messages.push(Result.getOrThrow(Rtvi.decode(yield* user.event)))
            }
          }).pipe(Effect.timeout("1 minute"))
        user.send("ping: 1700000000000")
        user.send(
          JSON.stringify({ type: "signalling", message: { type: "trackStatus", receiver_index: 0, enabled: true } })
        )
        user.send(Rtvi.encode({ type: "client-ready", id: "c1", data: { version: "2.1.0" } }))
        yield* seen("bot-ready")
        user.send(Rtvi.encode({ type: "raw-audio", id: "a", data: { base64Audio: "AAAA", sampleRate: 16_000 } }))
        yield* seen("error-response")
        user.send(Rtvi.encode({ type: "send-text", id: "t", data: { content: "hello" } }))
        yield* seen("bot-stopped-speaking")
        assert.strictEqual(
          Rtvi.textField(messages.find(({ type }) => type === "bot-output")?.data, "text"),
          "You said hello."
        )
        assert.isAbove(user.packets.length, 10)
        // a further offer of the same peer, and one of another peer of the same client
        const again = yield* post("/api/offer", { ...offer, pc_id: answer["pc_id"] }, key)
        assert.strictEqual(again.json["pc_id"], answer["pc_id"])
        const second = yield* RtcUser.withChannel("chat")
        const restarted = yield* post(
          "/api/offer",
          { sdp: second.offer, type: "offer", pc_id: answer["pc_id"], restart_pc: true },
          key
        )
        assert.notStrictEqual(restarted.json["pc_id"], answer["pc_id"])
        yield* second.answer(restarted.json["sdp"])
        yield* second.channelOpen
        second.send(Rtvi.encode({ type: "client-ready", id: "c2", data: { version: "2.1.0" } }))
        assert.include(yield* second.event, "bot-ready")
        const { activeSessionCount } = yield* VoiceBackend
        assert.strictEqual(yield* activeSessionCount, 1)

        // an offer alone begins a session
        const third = yield* RtcUser.withChannel("chat")
        const direct = { sdp: third.offer, type: "offer", requestData: { topic: "rain" } }
        assert.strictEqual((yield* post("/api/offer", direct)).status, 401)
        assert.strictEqual((yield* post("/api/offer", direct, key)).status, 200)
        const sessions = yield* Effect.flatMap(VoiceBackend, ({ listSessions }) => listSessions)
        assert.deepStrictEqual(yield* Effect.forEach(sessions, ({ metadata }) => metadata), [{}, { topic: "rain" }])
      }).pipe(Effect.scoped, Effect.provide(served({ server: { apiKeys: [Redacted.make(KEY)] } }))),
    120_000
  )

  it.live("answer the application's own messages, in its words, and none of its secrets", () =>
    Effect.gen(function*() {
      const { id, user } = yield* connected({ user_id: "ada" })
      const ask = (t: string, d?: unknown) => user.tell({ type: "client-message", id: t, data: { t, d } })
      ask("weather", { city: "Ulm" })
      ask("unknown")
      ask("broken")
      const answerTo = (wanted: string) => user.messages.find((each) => each.id === wanted)
      yield* waitFor(() =>
        answerTo("weather") !== undefined && answerTo("unknown") !== undefined && answerTo("broken") !== undefined
      )
      assert.deepStrictEqual(answerTo("weather"), {
        type: "server-response",
        id: "weather",
        data: { t: "weather", d: { city: "Ulm", user: "ada", session: id } }
      })
      assert.deepStrictEqual(answerTo("unknown")?.data, { error: "not known" })
      assert.deepStrictEqual(answerTo("broken")?.data, { error: "the application failed to answer" })
    }).pipe(
      Effect.scoped,
      Effect.provide(
        served().pipe(Layer.provide(Layer.succeed(ClientRequests, {
          answer: ({ data, sessionId, type, userId }) => {
            if (type === "broken") throw new Error("a secret")
            return type === "weather"
              ? Effect.succeed({ city: String(Rtvi.field(data, "city")), user: userId, session: sessionId })
              : Effect.fail(new InvalidConfig({ op: "test", message: "not known" }))
          }
        })))
      )
    ), 60_000)

  it.live("are not there where the protocol is not served", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/start", {})).status, 404)
    }).pipe(Effect.scoped, Effect.provide(served({ server: { protocols: ["native"] } }))))
})
