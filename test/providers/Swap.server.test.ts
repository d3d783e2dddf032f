/** One application, another provider by its config alone (SC-003): the same file is run for each, and talked to. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { WebSocket } from "ws"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"
import { freePort } from "../support/FreePort.ts"
import { isFull } from "../support/Full.ts"
import * as LiveKitServer from "../support/LiveKitServer.ts"
import * as LiveKitUser from "../support/LiveKitUser.ts"
import { PipecatUser } from "../support/pipecat/PipecatUser.ts"
import * as Python from "../support/pipecat/Python.ts"

type Json = { readonly [key: string]: unknown }

interface Created {
  readonly connection_url: string
  readonly token: string
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs the application on a config; gives its address. */
const application = Effect.fnUntraced(function*(config: Json): Effect.fn.Return<string, never, Scope.Scope> {
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-swap-"))
  const file = join(directory, "voice.json")
  const port = yield* freePort
  writeFileSync(
    file,
    JSON.stringify({
      pipeline_type: "stt_tts",
      stt_provider: "moonshine",
      tts_provider: "flite",
      vad_provider: "silero",
      agent: "concierge",
      server: { port },
      ...config
    })
  )
  const url = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    "--conditions=@effect-voice/source",
    join("test", "examples", "Swap.ts"),
    file
  ], { stdio: ["ignore", "ignore", "inherit"] })
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  yield* Effect.addFinalizer(() =>
    Effect.promise(async () => {
      child.kill("SIGTERM")
      await ended
      rmSync(directory, { recursive: true, force: true })
    })
  )
  yield* Effect.promise(async () => {
    const ready = () => fetch(`${url}/health/ready`).then(({ ok }) => ok, () => false)
    while (!await ready()) {
      if (child.exitCode !== null) throw new Error(`the application ended with ${child.exitCode}`)
      await pause(100)
    }
  })
  return url
})

const create = async (url: string): Promise<Created> => {
  const response = await fetch(`${url}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user_id: "ann", transport: "webrtc" })
  })
  assert.strictEqual(response.status, 201)
  return await response.json() as Created
}

/** Says the recording, and gives what the agent then said. */
type Talk = (created: Created, recording: Int16Array) => Effect.Effect<string, never, Scope.Scope>

const overWebSocket: Talk = ({ connection_url, token }, recording) =>
  Effect.promise(async () => {
    // the token opens either transport
    const url = connection_url.replace(/^http/u, "ws").replace(/offer$/u, "audio")
    const socket = new WebSocket(url, ["effect-voice.v1", `token.${token}`])
    const said = new Promise<string>((resolve) => {
      socket.on("message", (data: Buffer, isBinary) => {
        if (isBinary) return
        const event = SessionEvent.fromJson(data.toString())
        if (event._tag === "Success" && event.success.type === "agent.speech_stopped") resolve(event.success.text)
      })
    })
    await new Promise((resolve) => socket.once("open", resolve))
    const started = performance.now()
    for (let at = 0; socket.readyState === WebSocket.OPEN && at < recording.length + 16_000 * 2; at += 320) {
      const frame = new Int16Array(320)
      frame.set(recording.subarray(at, at + 320))
      socket.send(Pcm.fromInt16(frame))
      await pause(Math.max(1, started + at / 16 - performance.now()))
    }
    const text = await said
    socket.close()
    return text
  })

const inRoom: Talk = ({ connection_url, token }, recording) =>
  Effect.gen(function*() {
    const user = yield* LiveKitUser.join(connection_url, token)
    return yield* Effect.promise(async () => {
      await user.until("the session", () => user.of("session.started")[0])
      await user.speak(recording)
      const { text } = await user.until("the answer", () => user.of("agent.speech_stopped")[0])
      return text
    })
  })

const script = fileURLToPath(new URL("../support/pipecat/bridge_to.py", import.meta.url))

/** Through the real Pipecat, which holds the user's line. */
const throughBridge: Talk = (created, recording) =>
  Effect.gen(function*() {
    const port = yield* freePort
    yield* Python.run(script, ["-t", "websocket", "--host", "127.0.0.1", "--port", String(port)], {
      ready: /Uvicorn running on/u
    })
    const session = encodeURIComponent(JSON.stringify(created))
    return yield* Effect.promise(async () => {
      const user = await PipecatUser.connect(`ws://127.0.0.1:${port}/ws-client?session=${session}`)
      user.play(recording)
      while (true) {
        const over = user.events.find((event) => event.type === "agent.speech_stopped")
        if (over !== undefined) {
          user.hangUp()
          return over.text
        }
        await pause(50)
      }
    })
  })

const talk = (config: Json, by: Talk) =>
  Effect.gen(function*() {
    const url = yield* application(config)
    const created = yield* Effect.promise(() => create(url))
    const text = yield* by(created, LiveKitUser.recording("cold-hearted"))
    assert.match(text, /^At your service\. You said: .*selfish/u)
  }).pipe(Effect.scoped, Effect.runPromise)

describe("one application", () => {
  it("runs on provider local", () => talk({ provider: "local" }, overWebSocket), 60_000)

  it.skipIf(LiveKitServer.missing !== undefined)(
    `runs on provider livekit${LiveKitServer.missing === undefined ? "" : `: ${LiveKitServer.missing}`}`,
    () =>
      Effect.gen(function*() {
        const { apiKey, apiSecret, url } = yield* LiveKitServer.make()
        yield* Effect.promise(() =>
          talk({ provider: "livekit", provider_config: { url, api_key: apiKey, api_secret: apiSecret } }, inRoom)
        )
      }).pipe(Effect.scoped, Effect.runPromise),
    60_000
  )

  // one swap shows the kind; the full verification has this one as well
  it.skipIf(Python.missing !== undefined || !isFull)(
    `runs on provider pipecat${Python.missing === undefined ? "" : `: ${Python.missing}`}`,
    () => talk({ provider: "pipecat" }, throughBridge),
    60_000
  )
})
