import { assert, describe, it, vi } from "@effect/vitest"
import { CallStore, type CallStoreOptions, type ConnectOptions, VoiceClientError } from "../../../src/client/index.ts"
import { settled, useInstalled } from "../FakePage.ts"
import { ScriptedClient } from "./ScriptedCall.ts"

const setUp = (options: CallStoreOptions = {}) => {
  const client = new ScriptedClient()
  return { client, store: new CallStore({ client, ...options }) }
}

/** A store in a call. */
const inCall = async (options: CallStoreOptions = {}) => {
  const { client, store } = setUp(options)
  assert.isTrue(await store.start())
  return { client, store, call: client.call }
}

describe("CallStore", () => {
  useInstalled({ fakeTimers: true })

  it("goes from idle through connecting to connected, and ends with the server's reason", async () => {
    const { client, store } = setUp()
    const phases: Array<string> = []
    store.subscribe(() => {
      const { phase } = store.getState()
      if (phases.at(-1) !== phase) phases.push(phase)
    })
    assert.strictEqual(store.getState().phase, "idle")
    assert.strictEqual(store.getState().agent, "absent")
    const starting = store.start()
    assert.strictEqual(store.start(), starting, "a second press starts no second call")
    assert.isTrue(await starting)
    assert.isTrue(await store.start())
    assert.lengthOf(client.calls, 1)
    assert.deepInclude(store.getState(), { sessionId: "ses_1", agent: "listening", hasMicrophone: true })
    client.call.change("reconnecting")
    client.call.change("connected")
    assert.strictEqual(store.getState().incidents.at(-1)?.text, "Connected again. The conversation goes on.")
    client.call.finish({ reason: "user_away", error: undefined })
    assert.deepStrictEqual(phases, ["connecting", "connected", "reconnecting", "connected", "ended"])
    assert.deepInclude(store.getState(), { agent: "absent", hasMicrophone: false, sessionId: undefined })
    assert.deepStrictEqual(store.getState().ended, {
      reason: "user_away",
      error: undefined,
      text: "The call ended because nobody spoke."
    })
    assert.isTrue(await store.start())
    assert.isUndefined(store.getState().ended)
  })

  it("says why a call could not be set up, and never rejects", async () => {
    const { client, store } = setUp()
    const error = new VoiceClientError("microphone_denied", "The microphone is blocked.")
    client.onConnect = () => Promise.reject(error)
    assert.isFalse(await store.start())
    assert.deepStrictEqual(store.getState().ended, { reason: error.code, error, text: error.message })
    client.onConnect = () => Promise.reject(new Error("a cause with details"))
    assert.isFalse(await store.start())
    assert.strictEqual(store.getState().ended?.text, "The call could not be set up.")
  })

  it("hangs up while the call is set up, and ends the call that comes late", async () => {
    const { client, store } = setUp()
    let connect = () => {}
    let signal: AbortSignal | undefined
    client.onConnect = (options) => {
      signal = options.signal
      return new Promise((resolve) => connect = resolve)
    }
    const first = store.start()
    store.hangUp()
    assert.isTrue(signal?.aborted)
    assert.strictEqual(store.getState().phase, "ended")
    assert.strictEqual(store.getState().ended?.reason, "ended_by_user")
    const late = connect
    client.onConnect = () => Promise.resolve()
    assert.isTrue(await store.start())
    late()
    assert.isFalse(await first)
    await settled()
    assert.deepStrictEqual(client.calls.map(({ did }) => did), [[], ["end"]])
    assert.strictEqual(store.getState().sessionId, "ses_1")
    store.hangUp()
    store.hangUp()
    assert.deepStrictEqual(client.calls[0]?.did, ["end"])
    assert.strictEqual(store.getState().phase, "ended")
    assert.strictEqual(store.getState().ended?.text, "The call has ended.")
  })

  it("asks the page how to connect, waits no longer than 30 s for it, and tells it when nobody waits", async () => {
    const { client, store } = setUp({
      connect: async () => ({ session: { id: "ses_9", token: "t" }, transport: "webrtc" })
    })
    assert.isTrue(await store.start())
    assert.deepInclude(client.call.options, { session: { id: "ses_9", token: "t" }, transport: "webrtc" })

    const signals: Array<AbortSignal> = []
    const slow = new CallStore({
      client,
      connect: (signal) => {
        signals.push(signal)
        return new Promise<ConnectOptions>(() => {})
      }
    })
    const starting = slow.start()
    await vi.advanceTimersByTimeAsync(30_000)
    assert.isFalse(await starting)
    assert.strictEqual(slow.getState().ended?.reason, "connection_timeout")
    assert.isTrue(signals[0]?.aborted)
    const again = slow.start()
    slow.hangUp()
    assert.isFalse(await again)
    assert.isTrue(signals[1]?.aborted)
    assert.strictEqual(vi.getTimerCount(), 0)
    assert.isFalse(
      await new CallStore({
        client,
        connect: () => {
          throw new Error("the page's own")
        }
      }).start()
    )
  })

  it("opens the call within the gesture where the page says at once how", () => {
    const { client, store } = setUp({ connect: () => ({ transport: "webrtc" }) })
    let opened = false
    client.onConnect = async () => {
      opened = true
    }
    void store.start()
    assert.isTrue(opened)
  })

  it("keeps the same state and the same parts until they change, and never changes one that was given", async () => {
    const { call, store } = await inCall()
    const first = store.getState()
    assert.strictEqual(store.getState(), first)
    let told = 0
    const unsubscribe = store.subscribe(() => told++)
    call.say("pong")
    call.say("session.saved", { through: 1 })
    call.say("session.state", { state: "listening" })
    assert.strictEqual(store.getState(), first)
    assert.strictEqual(told, 0)
    const copy = structuredClone({ ...first, devices: undefined })
    call.say("session.state", { state: "speaking" })
    call.say("agent.transcript", { turn: 1, text: "Hello" })
    assert.deepStrictEqual(structuredClone({ ...first, devices: undefined }), copy)
    const second = store.getState()
    call.say("turn.latency", { turn: 1, total_ms: 400, parts: [{ name: "tts", ms: 400 }] })
    assert.strictEqual(store.getState().transcript, second.transcript)
    assert.deepStrictEqual(store.getState().latencies, [
      { call: 1, turn: 1, totalMs: 400, parts: [{ name: "tts", ms: 400 }] }
    ])
    assert.strictEqual(told, 3)
    unsubscribe()
    unsubscribe()
    call.say("agent.transcript", { turn: 1, text: "there." })
    assert.strictEqual(told, 3)
  })

  it("tells what the agent does", async () => {
    const { call, store } = await inCall()
    const seen = () => store.getState().agent
    call.say("user.speech_started")
    assert.strictEqual(seen(), "hearing")
    call.say("session.state", { state: "processing" })
    assert.strictEqual(seen(), "hearing", "the user goes on")
    call.say("user.speech_stopped")
    assert.strictEqual(seen(), "processing")
    call.say("session.state", { state: "speaking" })
    assert.strictEqual(seen(), "speaking")
    call.say("session.state", { state: "error" })
    assert.strictEqual(seen(), "failing")
    call.say("session.state", { state: "of a newer server" })
    call.say("user.speech_started")
    call.change("reconnecting")
    assert.strictEqual(seen(), "listening", "nobody hears the user meanwhile")
  })

  it("types, mutes, interrupts and turns the sound on; what fails is an incident", async () => {
    const { call, store } = await inCall()
    assert.isFalse(store.sendText("  "))
    assert.isTrue(store.sendText("Hello?"))
    store.interrupt()
    store.startPlayback()
    assert.deepStrictEqual(call.did, ["text Hello?", "interrupt", "playback"])
    call.onText = () => {
      throw new VoiceClientError("invalid_config", "The text is too long.")
    }
    assert.isFalse(store.sendText("x".repeat(20_000)))
    assert.deepInclude(store.getState().incidents.at(-1), {
      kind: "bad",
      text: "The text is too long.",
      turn: undefined
    })
    assert.lengthOf(store.getState().transcript, 1)
    assert.deepStrictEqual(store.levels(), { user: 0.5, agent: 0.25 })
    store.mute()
    assert.isTrue(store.getState().muted)
    assert.deepStrictEqual(store.levels(), { user: 0, agent: 0.25 })
    store.mute(false)
    assert.isFalse(store.getState().muted)
    const id = store.getState().incidents.at(-1)?.id ?? 0
    store.dismiss(id)
    assert.lengthOf(store.getState().incidents, 0)
    store.hangUp()
    assert.isFalse(store.sendText("Hello?"))
    assert.deepStrictEqual(store.levels(), { user: 0, agent: 0 })
  })

  it("tells what becomes of the sound and of the devices, and hears nothing of a call that was hung up", async () => {
    const { call, store } = await inCall()
    call.emit("playback.blocked", new VoiceClientError("playback_blocked", "Click."))
    assert.isTrue(store.getState().playbackBlocked)
    call.emit("playback.started", undefined)
    assert.isFalse(store.getState().playbackBlocked)
    call.emit("microphone.lost", new VoiceClientError("microphone_missing", "It is gone."))
    call.emit("microphone.restored", undefined)
    assert.deepStrictEqual(store.getState().incidents.map(({ kind, text }) => [kind, text]), [
      ["bad", "It is gone."],
      ["good", "The microphone works again."]
    ])
    store.hangUp()
    const ended = store.getState()
    call.say("agent.transcript", { turn: 7, text: "late" })
    call.emit("ended", { reason: "closed", error: undefined })
    assert.strictEqual(store.getState(), ended)
  })

  it("keeps no more words and incidents than it is told to, and those of former calls only where it is told to", async () => {
    const { call, client, store } = await inCall({ maxEntries: 3, maxIncidents: 2 })
    for (let turn = 1; turn <= 9; turn++) {
      call.say("user.transcript", { turn, text: `words ${turn}`, final: true })
      call.say("tool.started", { turn, name: "look_up", id: "1" })
    }
    const { incidents, transcript } = store.getState()
    assert.deepStrictEqual(transcript.map(({ turn }) => turn), [7, 8, 9])
    assert.deepStrictEqual(incidents.map(({ id, turn }) => [id, turn]), [[8, 8], [9, 9]])
    store.hangUp()
    assert.lengthOf(store.getState().transcript, 3, "the words stay after the call")
    await store.start()
    assert.lengthOf(store.getState().transcript, 0)
    const other = new CallStore({ client, keepTranscript: true })
    await other.start()
    client.call.say("user.transcript", { turn: 1, text: "one", final: true })
    other.hangUp()
    await other.start()
    client.call.say("user.transcript", { turn: 1, text: "two", final: true })
    assert.deepStrictEqual(other.getState().transcript.map(({ call, text }) => [call, text]), [[1, "one"], [2, "two"]])
    other.clear()
    assert.lengthOf(other.getState().transcript, 0)
  })

  it("is told of every change, also where another listener throws or hangs up", async () => {
    const { call, store } = await inCall()
    const reported: Array<unknown> = []
    vi.stubGlobal("reportError", (error: unknown) => reported.push(error))
    const mistake = new Error("the page's own")
    store.subscribe(() => {
      throw mistake
    })
    store.subscribe(() => store.hangUp())
    let told = 0
    store.subscribe(() => told++)
    call.say("session.state", { state: "speaking" })
    vi.unstubAllGlobals()
    assert.isAbove(told, 0)
    assert.strictEqual(reported[0], mistake)
    assert.strictEqual(store.getState().phase, "ended")
    assert.deepStrictEqual(call.did, ["end"])
  })
})
