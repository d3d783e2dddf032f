import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { VoiceClient } from "../../src/client/VoiceClient.ts"
import { AGENT, makeLiveKit } from "./FakeLiveKit.ts"
import { FakeContext, install } from "./FakePage.ts"

describe("VoiceClient", () => {
  let uninstall: () => void
  beforeEach(() => {
    uninstall = install()
    vi.stubGlobal("AudioContext", FakeContext)
    vi.stubGlobal("location", new URL("http://127.0.0.1/"))
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    uninstall()
  })

  const format = { sample_rate: 16_000 }
  const events = [
    { type: "session.started", input: format, output: format, resumed: false },
    { type: "session.state", state: "speaking" },
    { type: "agent.transcript", turn: 1, text: "Welcome." }
  ]

  /** A room whose agent has begun to speak before the page has its call. */
  const connect = (later: ReadonlyArray<object> = []) => {
    const livekit = makeLiveKit()
    livekit.whenConnected((room) => {
      const agent = room.come("agent-ses_1", AGENT)
      const say = (event: object, i: number) => {
        const data = new TextEncoder().encode(JSON.stringify({ ...event, seq: i + 1, at_ms: i }))
        room.emit("data", data, agent, 0, "effect-voice")
      }
      ;[...events, ...later].forEach(say)
    })
    return VoiceClient.connect({
      session: { id: "ses_1", token: "t", protocol: "livekit", connectionUrl: "ws://127.0.0.1" },
      input: false,
      livekit: async () => livekit.client
    })
  }
  const turn = () => new Promise((resolve) => setTimeout(resolve, 20))

  it("tells listeners that are added at once everything, also what came before the page had the call", async () => {
    const call = await connect()
    assert.strictEqual(call.state, "speaking")
    const told: Array<string> = []
    call.on("message", ({ type }) => told.push(type))
    call.on("agent.transcript", ({ text }) => told.push(text))
    call.on("ended", ({ reason }) => told.push(reason))
    await turn()
    assert.deepStrictEqual(told, ["session.started", "session.state", "agent.transcript", "Welcome."])
    call.end()
    assert.strictEqual(told.at(-1), "ended_by_user")
  })

  it("tells the end last, of a call that is ended before what came before it was told", async () => {
    const call = await connect()
    const told: Array<string> = []
    call.on("message", ({ type }) => told.push(type))
    call.on("ended", ({ reason }) => told.push(reason))
    call.end()
    await turn()
    assert.deepStrictEqual(told, ["session.started", "session.state", "agent.transcript", "ended_by_user"])
  })

  it("asks for nothing when it was cancelled before", async () => {
    let asked = 0
    Object.assign(navigator.mediaDevices, { getUserMedia: () => Promise.reject(new Error(String(asked++))) })
    vi.stubGlobal("isSecureContext", true)
    vi.stubGlobal("AudioWorkletNode", Object)
    const error = await VoiceClient.connect({ signal: AbortSignal.abort() }).then(() => undefined, (cause) => cause)
    Reflect.deleteProperty(navigator.mediaDevices, "getUserMedia")
    assert.include(error, { name: "VoiceClientError", code: "aborted" })
    assert.strictEqual(asked, 0)
  })

  it("rejects where the session has ended before it was there", async () => {
    const error = await connect([{ type: "session.ended", reason: "longest" }]).then(() => undefined, (cause) => cause)
    assert.include(error, { name: "VoiceClientError", code: "session_not_found" })
  })
})
