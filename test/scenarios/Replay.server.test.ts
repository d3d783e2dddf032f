/**
 * The five recordings back to back over a real WebSocket, so that each interrupts the answer to the one before: the real
 * server, the embedded engines, in real time.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { WebSocket } from "ws"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Wav from "../../src/audio/Wav.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"
import * as Server from "../browser/Browser.ts"
import { some } from "../support/Full.ts"
import * as Wer from "../support/Wer.ts"

/** Three of them interrupt, are interrupted, and are neither first nor last. */
const clips = some(
  [
    ["ill-disposed", "he was not an ill disposed young man"],
    ["queen-of-clubs", "four queen of clubs"],
    ["cold-hearted", "unless to be rather cold hearted and rather selfish is to be ill disposed"],
    ["eight-of-spades", "eight of spades four of clubs seven of hearts"],
    [
      "prudently",
      "and mister john dashwood had then leisure to consider how much there might be prudently in his power to do for them"
    ]
  ] as const,
  3
)

const samplesOf = (name: string): Int16Array => {
  const wav = Wav.parse(readFileSync(join("test", "fixtures", `${name}.wav`)))
  if (wav._tag === "Failure") throw wav.failure
  return wav.success.samples
}

type Received = SessionEvent.SessionEvent | "audio"

describe(`${clips.length} recordings back to back`, () => {
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-replay-"))
  let server: Awaited<ReturnType<typeof Server.serve>>
  beforeAll(async () => {
    // the first of them is answered, too, not spoken over a greeting
    const config = join(directory, "voice.json")
    writeFileSync(config, JSON.stringify({ conversation: { greeting: "" } }))
    server = await Server.serve(["--port", "0", "--config", config])
  }, 120_000)
  afterAll(async () => {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }, 60_000)

  it(
    "are all recognised, interrupt each other's answers, and no audio of an interrupted answer follows its clear",
    async () => {
      const created = await fetch(`${server.url}/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user_id: "replay", transport: "websocket" })
      })
      const { connection_url: url, token } = await created.json() as { connection_url: string; token: string }
      const socket = new WebSocket(url, ["effect-voice.v1", `token.${token}`])
      const received: Array<Received> = []
      let answered = 0
      socket.on("message", (data: Buffer, isBinary) => {
        if (isBinary) {
          received.push("audio")
          return
        }
        const event = SessionEvent.fromJson(data.toString())
        if (event._tag === "Failure") throw event.failure
        received.push(event.success)
        if (event.success.type === "agent.speech_started") answered++
      })
      await new Promise((resolve, reject) => {
        socket.once("open", resolve)
        socket.once("error", reject)
      })

      // the microphone never stops: silence until half a second after the agent has started to answer
      const started = performance.now()
      let sent = 0
      const frame = async (samples: Int16Array) => {
        const wait = started + 20 * sent++ - performance.now()
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
        socket.send(Pcm.fromInt16(samples))
      }
      const quiet = new Int16Array(320)
      for (const [index, [name]] of clips.entries()) {
        const samples = samplesOf(name)
        for (let at = 0; at < samples.length; at += 320) await frame(samples.slice(at, at + 320))
        for (let i = 0; i < 250 && answered <= index; i++) await frame(quiet)
        for (let i = 0; i < 25; i++) await frame(quiet)
      }
      socket.send(JSON.stringify({ type: "session.end" }))
      await new Promise((resolve) => socket.once("close", resolve))

      const events = received.filter((item) => item !== "audio")
      const finals = new Map(
        events.filter((event) => event.type === "user.transcript" && event.final).map((event) =>
          event.type === "user.transcript" ? [event.turn, event.text] : [0, ""]
        )
      )
      const heard = Array.from(finals.values()).join(" ")
      const reference = clips.map(([, words]) => words).join(" ")
      assert.isAtMost(Wer.wer([[reference, heard]]), 0.1, heard)

      // sequence numbers are in order, and each answer starts and ends once
      for (let i = 1; i < events.length; i++) assert.strictEqual(events[i]!.seq, events[i - 1]!.seq + 1)
      const speech = new Map<number, Array<string>>()
      for (const event of events) {
        if (event.type.startsWith("agent.speech_") && "turn" in event) {
          speech.set(event.turn, [...speech.get(event.turn) ?? [], event.type.slice("agent.speech_".length)])
        }
      }
      assert.isAtLeast(speech.size, clips.length - 1)
      for (const [turn, steps] of speech) {
        assert.match(steps.join(" "), /^started( paused resumed)*( paused)? stopped$/u, `turn ${turn}`)
      }
      const cut = events.filter((event) => event.type === "agent.speech_stopped" && event.reason === "interrupted")
      assert.isAtLeast(cut.length, clips.length - 2)

      // after a clear, no frame until the agent speaks again
      let cleared = false
      for (const item of received) {
        if (item === "audio") assert.isFalse(cleared, "a frame after playout.clear")
        else if (item.type === "playout.clear") cleared = true
        else if (item.type === "agent.speech_started" || item.type === "agent.speech_resumed") cleared = false
      }
      assert.deepInclude(events.at(-1), { type: "session.ended", reason: "user_ended" })
    },
    120_000
  )
})
