import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import { WebSocketServer } from "ws"
import * as Wav from "../../src/audio/Wav.ts"
import * as Builtin from "../../src/builtin/index.ts"
import { talk } from "../../src/cli/Talk.ts"
import { patience, TalkState } from "../../src/cli/TalkState.ts"
import type { SessionEvent, SessionEventBody } from "../../src/session/SessionEvent.ts"

let seq = 0
const event = (body: SessionEventBody): SessionEvent => ({ ...body, seq: seq++, atMs: 0 })
const waits = (state: TalkState, ms: number) => {
  let verdict = state.wait(20)
  for (let at = 20; at < ms && verdict === undefined; at += 20) verdict = state.wait(20)
  return verdict
}

describe("TalkState", () => {
  it("gives up on silence", () => {
    const state = new TalkState()
    assert.isUndefined(waits(state, patience.speech - 20))
    assert.strictEqual(state.wait(20), "no_speech")
  })

  it("waits longer for words, and longer still for a reply", () => {
    const state = new TalkState()
    state.event(event({ type: "user.speech_started" }))
    state.event(event({ type: "user.speech_stopped" }))
    assert.isUndefined(waits(state, patience.words - 20))
    assert.strictEqual(state.wait(20), "no_words")
    state.event(event({ type: "user.transcript", turn: 1, text: "hello", final: true }))
    assert.isUndefined(waits(state, patience.reply - 20))
    assert.strictEqual(state.wait(20), "no_reply")
  })

  it("succeeds when a reply with audio has ended and nothing follows", () => {
    const state = new TalkState()
    state.event(event({ type: "user.transcript", turn: 1, text: "hello", final: true }))
    state.event(event({ type: "agent.speech_started", turn: 1 }))
    state.audio(20)
    assert.isUndefined(waits(state, 10 * patience.reply))
    state.event(event({ type: "agent.speech_stopped", turn: 1, reason: "completed", text: "hi" }))
    assert.isUndefined(waits(state, patience.more - 20))
    assert.strictEqual(state.wait(20), "replied")
  })

  it("does not count a greeting, or a reply without audio, as a reply", () => {
    const state = new TalkState()
    state.event(event({ type: "agent.speech_started", turn: 0 }))
    state.audio(20)
    state.event(event({ type: "agent.speech_stopped", turn: 0, reason: "completed", text: "welcome" }))
    assert.strictEqual(waits(state, 60_000), "no_speech")
    state.event(event({ type: "user.transcript", turn: 1, text: "hello", final: true }))
    state.event(event({ type: "agent.speech_stopped", turn: 1, reason: "failed", text: "" }))
    state.event(event({ type: "error", code: "agent_error", message: "no model" }))
    assert.strictEqual(waits(state, 60_000), "failed")
    state.close("gone")
    assert.strictEqual(state.wait(20), "failed")
  })

  it("ends with the connection", () => {
    const state = new TalkState()
    state.close("session_ended")
    assert.strictEqual(state.wait(20), "closed")
  })
})

/** A server that speaks the protocol: answers the first tenth of a second of speech. */
const server = (behaviour: "replies" | "hangs up" | "is full") =>
  Effect.acquireRelease(
    Effect.callback<
      {
        readonly url: string
        readonly received: () => number
        readonly token: () => string
        readonly close: () => void
      }
    >((resume) => {
      let received = 0
      let token = ""
      const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "effect-voice.v1" })
      const http = Http.createServer((request, response) => {
        request.resume()
        const host = request.headers.host
        response.writeHead(behaviour === "is full" ? 503 : 201, { "content-type": "application/json" })
        response.end(JSON.stringify(
          behaviour === "is full"
            ? { detail: "all slots are taken" }
            : { id: "s", connection_url: `ws://${host}/v1/sessions/s/audio`, token: "t0ken", state: "idle" }
        ))
      })
      http.on("upgrade", (request, socket, head) => {
        token = String(request.headers["sec-websocket-protocol"])
        sockets.handleUpgrade(request, socket, head, (ws) => {
          const say = (body: object) => ws.send(JSON.stringify({ seq: seq++, at_ms: 0, ...body }))
          say({
            type: "session.started",
            input: { sample_rate: 16_000 },
            output: { sample_rate: 24_000 },
            resumed: false
          })
          if (behaviour === "hangs up") return ws.close(1001, "drained")
          let answered = false
          ws.on("message", (data: Buffer, binary) => {
            if (!binary) return ws.close(1000)
            received += data.length / 2
            if (answered || received < 3_200 + 4_800) return
            answered = true
            say({ type: "user.transcript", turn: 1, text: "Hello.", final: true })
            say({ type: "agent.speech_started", turn: 1 })
            say({ type: "something.new" })
            ws.send(new Uint8Array(960))
            say({ type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Hi." })
          })
        })
      })
      http.listen(0, "127.0.0.1", () => {
        const address = http.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({
          url: `http://127.0.0.1:${port}`,
          received: () => received,
          token: () => token,
          close: () => {
            for (const ws of sockets.clients) ws.terminate()
            http.closeAllConnections()
            http.close()
          }
        }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const recording = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-talk-"))),
    (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
  ),
  (dir) => {
    const input = Path.join(dir, "in.wav")
    // A fifth of a second in stereo at another rate.
    Fs.writeFileSync(input, Wav.encode(new Int16Array(2 * 8_820).fill(1_000), { sampleRate: 44_100, channels: 2 }))
    return { input, output: Path.join(dir, "out.wav"), json: true, config: undefined }
  }
)

const services = Layer.mergeAll(NodeServices.layer, Builtin.layer)

describe("talk", () => {
  it.live("plays a recording to a server and writes the reply", () =>
    Effect.gen(function*() {
      const { received, token, url } = yield* server("replies")
      const files = yield* recording
      yield* talk({ ...files, url: url.replace("http", "ws") })
      assert.match(token(), /effect-voice\.v1, ?token\.t0ken/)
      assert.isAbove(received(), 8_000)
      const reply = Wav.parse(Fs.readFileSync(files.output))
      if (reply._tag !== "Success") throw reply.failure
      assert.deepEqual([reply.success.sampleRate, reply.success.samples.length], [24_000, 480])
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("fails when the session ends, or there is none", () =>
    Effect.gen(function*() {
      const files = yield* recording
      const gone = yield* Effect.flip(talk({ ...files, url: (yield* server("hangs up")).url }))
      assert.strictEqual(gone._tag, "ConnectionFailed")
      assert.match(gone.message, /ended before a reply: drained/)
      const full = yield* Effect.flip(talk({ ...files, url: (yield* server("is full")).url }))
      assert.match(full.message, /all slots are taken/)
    }).pipe(Effect.scoped, Effect.provide(services)))
})
