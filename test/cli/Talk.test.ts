import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Random } from "effect"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import { WebSocketServer } from "ws"
import { fromInt16 } from "../../src/audio/Pcm.ts"
import { RATE as PHONE_RATE } from "../../src/audio/phone/PhoneLine.ts"
import * as Wav from "../../src/audio/Wav.ts"
import * as Builtin from "../../src/builtin/index.ts"
import { none } from "../../src/cli/app/DefineApp.ts"
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
    state.event(event({ type: "session.state", state: "listening" }))
    assert.isUndefined(waits(state, patience.speech - 20))
    assert.strictEqual(state.wait(20), "no_speech")
  })

  it("tells a server that sends nothing from a recording without speech", () => {
    const state = new TalkState()
    assert.isUndefined(waits(state, patience.speech - 20))
    assert.strictEqual(state.wait(20), "silent")
  })

  it("waits for no reply without end, whatever the server says", () => {
    const mute = new TalkState()
    mute.event(event({ type: "user.transcript", turn: 1, text: "hello", final: true }))
    mute.event(event({ type: "agent.speech_started", turn: 1 }))
    assert.isUndefined(waits(mute, patience.reply - 20))
    mute.audio(20)
    assert.isUndefined(waits(mute, patience.reply - 20))
    assert.strictEqual(mute.wait(20), "no_reply")

    const busy = new TalkState()
    let verdict
    let waited = 0
    for (; verdict === undefined && waited < 2 * patience.total; waited += 20) {
      busy.event(event({ type: "user.speech_started" }))
      verdict = busy.wait(20)
    }
    assert.deepStrictEqual([verdict, waited], ["endless", patience.total])
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
    for (let i = 0; i < 9; i++) {
      assert.isUndefined(waits(state, patience.reply - 20))
      state.audio(20)
    }
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

  it("knows that a greeting is on its way, before it is heard", () => {
    const state = new TalkState()
    const busy = (["idle", "processing", "speaking", "listening"] as const).map((each) => {
      state.event(event({ type: "session.state", state: each }))
      return state.agentPreparing
    })
    assert.deepStrictEqual(busy, [false, true, false, false])
  })

  it("ends with the connection", () => {
    const state = new TalkState()
    state.close("session_ended")
    assert.strictEqual(state.wait(20), "closed")
  })
})

/** A server that speaks the protocol: answers the first tenth of a second of speech. */
type Behaviour =
  | "replies"
  | "is interrupted"
  | "hangs up"
  | "is full"
  | "answers without end"
  | "names no socket"
  | "names a socket of this machine"
  | "is slow to upgrade"
  | "floods with audio"
  | "floods with events"
  | "floods with pings"
  | "sends too much at once"
  | "writes to the terminal"

/** A tone of 500 Hz at 8 kHz, as bytes. */
const squares = (samples: number) =>
  fromInt16(Int16Array.from({ length: samples }, (_, i) => Math.floor(i / 8) % 2 === 0 ? 8_000 : -8_000))

/** What a terminal would do: set its title and clipboard, clear it, begin a line, turn text around. */
const escapes = "\u001b]0;title\u0007\u001b[2J\r\nagent  forged\u001b]52;c;cm0=\u0007\u009b31m\u202e"

const server = (behaviour: Behaviour) =>
  Effect.acquireRelease(
    Effect.callback<
      {
        readonly url: string
        readonly received: () => number
        readonly token: () => string
        readonly asked: () => string | undefined
        readonly query: () => string | undefined
        readonly loudest: () => number
        readonly close: () => void
      }
    >((resume) => {
      let received = 0
      let token = ""
      let asked: string | undefined
      let query: string | undefined
      let loudest = 0
      const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "effect-voice.v1" })
      const http = Http.createServer((request, response) => {
        request.resume()
        asked = request.url
        const host = request.headers.host
        if (behaviour === "answers without end") {
          response.writeHead(201)
          const more = (): void => void response.write("x".repeat(10_000), () => setImmediate(more))
          return more()
        }
        response.writeHead(behaviour === "is full" ? 503 : 201, { "content-type": "application/json" })
        response.end(JSON.stringify(
          behaviour === "is full"
            ? { detail: "all slots are taken" }
            : behaviour === "names a socket of this machine"
            ? { connection_url: "ws+unix:///run/docker.sock:/", token: "t0ken" }
            : behaviour === "names no socket"
            ? { connection_url: "file:///etc/passwd", token: "a b" }
            : { id: "s", connection_url: `ws://${host}/v1/sessions/s/audio`, token: "t0ken", state: "idle" }
        ))
      })
      http.on("upgrade", (request, socket, head) => {
        query = request.url?.split("?")[1]
        token = String(request.headers["sec-websocket-protocol"])
        if (behaviour === "is slow to upgrade") {
          // A header a second resets what only counts silence.
          const drip = setInterval(() => socket.write("x: y\r\n"), 1_000)
          socket.on("close", () => clearInterval(drip)).on("error", () => {})
          return void socket.write("HTTP/1.1 101 Switching Protocols\r\n")
        }
        sockets.handleUpgrade(request, socket, head, (ws) => {
          const say = (body: object) => ws.send(JSON.stringify({ seq: seq++, at_ms: 0, ...body }))
          say({
            type: "session.started",
            input: { sample_rate: 16_000 },
            output: { sample_rate: 24_000 },
            resumed: false
          })
          if (behaviour === "hangs up") return ws.close(1001, "drained")
          if (behaviour === "sends too much at once") return ws.send(new Uint8Array(1_100_000))
          if (behaviour === "writes to the terminal") {
            say({ type: "user.transcript", turn: 1, text: `hi ${escapes}`, final: true })
            say({ type: "error", code: "agent_error", message: `no ${escapes}` })
            ws.send(`{"type":"error",\n"seq":9,"at_ms":0,"code":"x","message":"\u009b"}`)
            ws.send(`no JSON ${escapes}`)
            return ws.close(1001, "bye \u009b31m")
          }
          if (behaviour === "floods with pings") {
            const more = (): void => {
              if (ws.readyState === ws.OPEN) ws.ping("x".repeat(125), undefined, () => setImmediate(more))
            }
            return more()
          }
          if (behaviour === "floods with audio" || behaviour === "floods with events") {
            const body = behaviour === "floods with audio"
              ? new Uint8Array(100_000)
              : JSON.stringify({ type: "session.state", state: "idle", seq: 1, at_ms: 0 })
            const more = (): void => {
              if (ws.readyState === ws.OPEN) ws.send(body, () => setImmediate(more))
            }
            return more()
          }
          let answered = false
          ws.on("message", (data: Buffer, binary) => {
            if (!binary) return ws.close(1000)
            received += data.length / 2
            for (let at = 0; at < data.length; at += 2) loudest = Math.max(loudest, Math.abs(data.readInt16LE(at)))
            if (answered || received < 3_200 + 4_800) return
            answered = true
            say({ type: "user.transcript", turn: 1, text: "Hello.", final: true })
            say({ type: "agent.speech_started", turn: 1 })
            say({ type: "something.new" })
            ws.send(behaviour === "is interrupted" ? squares(3 * PHONE_RATE) : new Uint8Array(960))
            if (behaviour === "is interrupted") say({ type: "playout.clear", turn: 1 })
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
          asked: () => asked,
          query: () => query,
          loudest: () => loudest,
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
    return { input, output: Path.join(dir, "out.wav"), json: true, config: undefined, app: none }
  }
)

const services = Layer.mergeAll(NodeServices.layer, Builtin.layer)

describe("talk", () => {
  it.live("plays a recording to a server and writes the reply", () =>
    Effect.gen(function*() {
      const { received, token, url } = yield* server("replies")
      const files = yield* recording
      yield* talk({ ...files, url: url.replace("http", "ws") })
      assert.match(token(), /^effect-voice\.v1,.*token\.t0ken$/)
      assert.isAbove(received(), 8_000)
      const reply = Wav.parse(Fs.readFileSync(files.output))
      if (reply._tag !== "Success") throw reply.failure
      assert.deepEqual([reply.success.sampleRate, reply.success.samples.length], [24_000, 480])
    }).pipe(Effect.scoped, Effect.provide(services)))

  for (const [scheme, path] of [["http", "/voice"], ["ws", "/voice"], ["ws", "/a/b/"], ["ws", ""]] as const) {
    it.live(`asks a server at ${scheme}://host${path} for a session below that path`, () =>
      Effect.gen(function*() {
        const { asked, url } = yield* server("replies")
        yield* talk({ ...(yield* recording), url: `${url.replace("http", scheme)}${path}` })
        assert.strictEqual(asked(), `${path.replace(/\/$/, "")}/v1/sessions`)
      }).pipe(Effect.scoped, Effect.provide(services)))
  }

  it.live("talks as a telephone does, and writes the call as the caller hears it", () =>
    Effect.gen(function*() {
      const { loudest, query, received, url } = yield* server("replies")
      const files = yield* recording
      // 2 kHz, which a telephone passes, and 50 Hz, which it does not
      const tone = Int16Array.from(
        { length: 16_000 },
        (_, i) => Math.round(3_000 * Math.sin(Math.PI * i / 4) + 20_000 * Math.sin(Math.PI * i / 160))
      )
      Fs.writeFileSync(files.input, Wav.encode(tone, { sampleRate: 16_000 }))
      yield* talk({ ...files, url, phone: { jitterMs: 30, lossPercent: 2 } })
      assert.sameMembers((query() ?? "").split("&"), ["input_rate=8000", "output_rate=8000"])
      assert.isTrue(loudest() > 2_500 && loudest() < 4_500, `${loudest()}`)
      const call = Wav.parse(Fs.readFileSync(files.output))
      if (call._tag !== "Success") throw call.failure
      assert.strictEqual(call.success.sampleRate, PHONE_RATE)
      // the caller hears as long as they speak, but for what is on its way
      assert.isTrue(Math.abs(call.success.samples.length - received()) <= 2 * PHONE_RATE)
      assert.isAbove(call.success.samples.length, 2 * PHONE_RATE)
    }).pipe(Effect.scoped, Effect.provide(services), Random.withSeed("phone")))

  it.live("lets the caller hear nothing of what was interrupted", () =>
    Effect.gen(function*() {
      const { url } = yield* server("is interrupted")
      const files = yield* recording
      yield* talk({ ...files, url, phone: { jitterMs: 0, lossPercent: 0 } })
      const call = Wav.parse(Fs.readFileSync(files.output))
      if (call._tag !== "Success") throw call.failure
      // three seconds were sent and taken back; of them at most what passes between two messages
      const heard = call.success.samples.filter((sample) => Math.abs(sample) > 4_000).length
      assert.isBelow(heard, PHONE_RATE)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("asks for no session where it is given the address of one", () =>
    Effect.gen(function*() {
      const { asked, url } = yield* server("replies")
      yield* talk({ ...(yield* recording), url: `${url.replace("http", "ws")}/voice/v1/sessions/s/audio?token=t0ken` })
      assert.isUndefined(asked())
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

  for (
    const [behaviour, message] of [
      ["answers without end", /cannot reach .* more than 65536 bytes/],
      ["names no socket", /the session's WebSocket: expected a ws/],
      ["names a socket of this machine", /the session's WebSocket: expected a ws/],
      ["is slow to upgrade", /handshake .* timed out after 10s/],
      ["floods with audio", /faster than it can be heard/],
      ["floods with events", /more events than a conversation has/],
      ["floods with pings", /more events than a conversation has/],
      ["sends too much at once", /a message of more than 1048576 bytes/]
    ] as const
  ) {
    it.live(`ends with a clear message when the server ${behaviour}`, () =>
      Effect.gen(function*() {
        const files = yield* recording
        const { url } = yield* server(behaviour)
        const error = yield* Effect.flip(talk({ ...files, json: false, url }))
        assert.match(error.message, message)
      }).pipe(Effect.scoped, Effect.provide(services)), 60_000)
  }

  for (const json of [false, true]) {
    it.live(`lets no server write to the terminal${json ? ", as JSON" : ""}`, () =>
      Effect.gen(function*() {
        const files = yield* recording
        const { url } = yield* server("writes to the terminal")
        const written: Array<string> = []
        yield* Effect.acquireUseRelease(
          Effect.sync(() => {
            const { write } = process.stdout
            process.stdout.write = (text: string | Uint8Array) => written.push(String(text)) > 0
            return write
          }),
          () => Effect.flip(talk({ ...files, json, url })),
          (write) =>
            Effect.sync(() => {
              process.stdout.write = write
            })
        )
        const lines = written.join("").split("\n").slice(0, -1)
        assert.notMatch(lines.join(""), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
        if (json) {
          const events = lines.map((line): unknown => JSON.parse(line))
          assert.deepInclude(events[1], { type: "user.transcript", text: `hi ${escapes}` })
          assert.lengthOf(events, 4)
        } else {
          assert.match(lines[0] ?? "", /^you {4}hi \\u\{1b\}\]0;title/)
          assert.isTrue(lines.every((line) => /^(?:you {4}| {7}\[)/.test(line)), lines.join("|"))
        }
      }).pipe(Effect.scoped, Effect.provide(services)))
  }
})
