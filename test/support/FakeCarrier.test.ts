import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"
import * as Twilio from "../../src/protocols/media-streams/Twilio.ts"
import type { MediaCodec } from "../../src/protocols/MediaProtocol.ts"
import { FakeStream, parseXml, tone } from "./FakeCarrier.ts"
import { twilioProtocol } from "./FakeTwilio.ts"

/** A server that speaks our codec: what a stream told, and the codec of each stream. */
const server = Effect.gen(function*() {
  const told: Array<string> = []
  const streams: Array<{ readonly socket: WebSocket; readonly codec: MediaCodec }> = []
  let heard = 0
  const http = createServer()
  const wss = new WebSocketServer({ server: http })
  wss.on("connection", (socket) => {
    let codec: MediaCodec | undefined
    socket.on("message", (data: Buffer, isBinary) => {
      if (codec === undefined) {
        const opened = Twilio.protocol.open(data, isBinary)
        if (opened._tag !== "Started") return
        codec = Twilio.protocol.make(opened.start)
        streams.push({ socket, codec })
        return
      }
      codec.receive(data, isBinary, new Int16Array(49_152), {
        audio: (pcm) => void (heard += pcm.some((sample) => Math.abs(sample) > 400) ? pcm.length : 0),
        gap: (samples) => void told.push(`gap ${samples}`),
        digit: (digit) => void told.push(`digit ${digit}`),
        mark: (name) => void told.push(`mark ${name}`),
        stopped: () => void told.push("stopped"),
        malformed: (reason) => void told.push(reason)
      })
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void http.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        for (const client of wss.clients) client.terminate()
        wss.close()
        http.close(() => resume(Effect.void))
      })
  )
  const { port } = http.address() as AddressInfo // it listens on TCP
  return { url: `ws://127.0.0.1:${port}/media`, told, streams, heard: () => heard }
})

const wire = () => twilioProtocol({ accountSid: "AC1", callSid: "CA1", streamSid: "MZ1", parameters: { a: "1" } })

describe("FakeCarrier", () => {
  it.live("hears in real time what is sent, answers marks behind what it has played, and drops the rest on clear", () =>
    Effect.gen(function*() {
      const { streams, told, url } = yield* server
      const stream = new FakeStream({ url, wire: wire(), manual: true })
      yield* Effect.addFinalizer(() => Effect.sync(() => stream.cut()))
      yield* stream.opened
      stream.say(tone(40, 8_000))
      stream.tick()
      stream.press("7")
      while (streams.length === 0) yield* Effect.yieldNow
      const [{ codec, socket }] = [streams[0]!]
      socket.send(codec.audio(tone(60, 8_000)))
      socket.send(codec.mark?.("one") ?? "")
      socket.send(codec.audio(tone(100, 8_000)))
      socket.send(codec.mark?.("two") ?? "")
      yield* stream.until("both marks", () => stream.asked.length === 2)
      for (let i = 0; i < 4; i++) stream.tick()
      assert.deepStrictEqual(stream.marks, ["one"])
      assert.strictEqual(stream.playedMs, 80)
      assert.strictEqual(stream.aheadMs, 80)
      socket.send(codec.clear?.() ?? "")
      yield* stream.until("the clear", () => stream.clears.length === 1)
      assert.deepStrictEqual(stream.marks, ["one", "two"])
      stream.tick()
      assert.strictEqual(stream.loudMs(), 80)
      assert.strictEqual(stream.quietSinceMs, 100)
      assert.deepStrictEqual(stream.faults, [])
      socket.send("{\"event\":\"later\"}")
      yield* stream.until("the fault", () => stream.faults.length === 1)
      stream.stop()
      yield* stream.ended
      while (!told.includes("stopped")) yield* Effect.yieldNow
      assert.deepStrictEqual(told, ["digit 7", "mark one", "mark two", "stopped"])
    }).pipe(Effect.scoped))

  it("reads documents, and refuses what is none", () => {
    assert.deepStrictEqual(parseXml("<?xml version=\"1.0\"?><A b=\"1&amp;2\"><C/>x&lt;<D>y</D></A>"), {
      name: "A",
      attributes: { b: "1&2" },
      children: [
        { name: "C", attributes: {}, children: [], text: "" },
        { name: "D", attributes: {}, children: [], text: "y" }
      ],
      text: "x<"
    })
    for (const broken of ["", "<A>", "<A></B>", "<A b=1/>", "<A/><B/>", "<A>&</A>", "<A b=\"<\"/>"]) {
      assert.throws(() => parseXml(broken), undefined, undefined, broken)
    }
  })
})
