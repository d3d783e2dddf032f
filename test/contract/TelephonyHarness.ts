import { Deferred, Effect, Fiber, Queue, Schema, Stream } from "effect"
import { WebSocket } from "ws"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as BackendProvider from "../../src/backend/provider/BackendProvider.ts"
import type { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { type BackendError, ConnectionFailed } from "../../src/BackendError.ts"
import * as Telnyx from "../../src/protocols/media-streams/Telnyx.ts"
import type { CarrierKind, CarrierOptions } from "../../src/providers/telephony/Call.ts"
import { carrierFields, carrierKeys } from "../../src/providers/telephony/CarrierFields.ts"
import * as MediaRoute from "../../src/providers/telephony/MediaRoute.ts"
import * as TelephonyProvider from "../../src/providers/telephony/TelephonyProvider.ts"
import { encodeKeys } from "../../src/schema/EncodedKeys.ts"
import { parseRecord } from "../../src/schema/Json.ts"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import type * as Conformance from "../../src/testing/conformance/Conformance.ts"
import { errorOf, serve } from "./LocalHarness.ts"

/** A carrier whose calls have their sessions before their streams come, as calls have that we make. */
const CarrierConfig = Schema.Struct({ kind: Schema.Literal("test"), ...carrierFields }).pipe(encodeKeys(carrierKeys))
type CarrierConfig = typeof CarrierConfig.Type & CarrierOptions

/** Linear PCM at the rates of the suite, so that samples arrive unchanged: 16 kHz from the caller, 24 kHz to them. */
const protocol = Telnyx.make({ encoding: "l16", sampleRate: 24_000, littleEndian: true })

const kind: CarrierKind<CarrierConfig> = {
  kind: "test",
  config: CarrierConfig,
  make: ({ name }, { calls, mediaPath, silence }) =>
    Effect.succeed({
      name,
      returns: true,
      hangUp: () => Effect.void,
      routes: [
        MediaRoute.make({
          path: mediaPath,
          protocol,
          returns: true,
          silence,
          admit: () => Effect.void,
          callOf: (start) =>
            Effect.catchTag(calls.resume(start.callId), "SessionElsewhere", () =>
              Effect.fail(new ConnectionFailed({ op: "test", message: "another node has the session" })))
        })
      ]
    })
}

const telephony = TelephonyProvider.make(CarrierConfig, kind.make)

/** The provider, whose sessions all have a call: of the same id, so that a phone finds its own. */
const provider = BackendProvider.make({
  name: telephony.name,
  description: telephony.description,
  capabilities: telephony.capabilities,
  config: Schema.Record(Schema.String, Schema.Json),
  check: (options) => Effect.asVoid(telephony.configure(options)),
  connect: Effect.fnUntraced(function*(options, config, host) {
    const configured = yield* telephony.configure(options)
    const connection = yield* configured.connect(config, host)
    return {
      ...connection,
      open: (session) => {
        const call = { carrier: "main", direction: "inbound", id: session.id, parameters: {} } as const
        return connection.open({ ...session, config: { ...session.config, call } })
      }
    }
  })
})

const begins: ReadonlySet<string> = new Set(["agent.speech_started", "agent.speech_resumed"])

/**
 * A phone. It has no client that could show events or be typed into: the application does it for the suite, by the session. Events
 * come in their order with the audio, as a client would have them: those that end it wait until what was sent before has come.
 */
const connectPhone = Effect.fnUntraced(function*(
  backend: VoiceBackend["Service"],
  url: string,
  { id, listener }: Parameters<Conformance.ConnectClient>[0]
) {
  const session = yield* backend.getSession(id)
  const attached = yield* Deferred.make<void, BackendError>()
  const refused = (code: number, reason: Buffer) => errorOf(code, JSON.stringify({ code: reason.toString() }))

  const waiting: Array<SessionEvent> = []
  const flush = () => waiting.splice(0).forEach((event) => listener.event(event))
  let open: WebSocket | undefined
  const events = yield* session.events.pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event.type === "session.started") Deferred.doneUnsafe(attached, Effect.void)
        if (begins.has(event.type) || open?.readyState !== WebSocket.OPEN) {
          flush()
          return listener.event(event)
        }
        waiting.push(event)
        open.ping(String(event.seq))
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  const socket = yield* Effect.acquireRelease(
    Effect.callback<WebSocket, BackendError>((resume) => {
      const socket = new WebSocket(url)
      socket.on("error", () => {})
      socket.once("open", () => resume(Effect.succeed(socket)))
      socket.once("close", (code, reason) => {
        resume(Effect.fail(refused(code, reason)))
        Deferred.doneUnsafe(attached, Effect.fail(refused(code, reason)))
      })
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )
  open = socket
  let endMs = 0
  const marks = new Set<NodeJS.Timeout>()
  const send = (message: object) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
  }
  socket.on("pong", (data: Buffer) => {
    while (waiting[0] !== undefined && waiting[0].seq <= Number(data.toString())) listener.event(waiting.shift()!)
  })
  socket.on("message", (data: Buffer) => {
    const message = JSON.parse(data.toString())
    if (message.event === "media") {
      const pcm = Pcm.copyInt16(Buffer.from(message.media.payload, "base64"))
      endMs = Math.max(performance.now(), endMs) + pcm.length / 24
      listener.audio(pcm)
    } else if (message.event === "mark") {
      const mark = setTimeout(() => {
        marks.delete(mark)
        send({ event: "mark", stream_id: id, mark: message.mark })
      }, Math.max(0, endMs - performance.now()))
      marks.add(mark)
    } else if (message.event === "clear") {
      endMs = 0
      listener.clear()
    }
  })
  socket.once("close", (code, reason) => {
    marks.forEach(clearTimeout)
    flush()
    listener.closed(`${code} ${reason.toString()}`)
  })
  send({
    event: "start",
    stream_id: id,
    start: {
      call_control_id: id,
      media_format: { encoding: "L16", sample_rate: 16_000, channels: 1 },
      custom_parameters: {}
    }
  })
  // it is answered when the session has it
  yield* Deferred.await(attached)
  const asking = yield* Queue.unbounded<Effect.Effect<void, BackendError>>()
  yield* Queue.take(asking).pipe(Effect.flatMap(Effect.ignore), Effect.forever, Effect.forkScoped)
  let chunk = 0
  const stop = Effect.sync(() => {
    send({ event: "stop", stream_id: id })
    socket.close(1_000)
  })
  return {
    audio: (pcm) => {
      const payload = Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString("base64")
      send({ event: "media", stream_id: id, media: { track: "inbound", chunk: String(++chunk), payload } })
    },
    message: (text) => {
      const message = parseRecord(text)
      const asked = message?.["type"]
      if (asked === "user.text") return void Queue.offerUnsafe(asking, session.sendText(String(message?.["text"])))
      if (asked === "agent.interrupt") return void Queue.offerUnsafe(asking, session.interrupt())
      if (asked === "session.end") return void Effect.runFork(stop)
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    },
    // the stream ends without a word of the carrier; its own word, which ends the call, is `session.end`
    hangUp: Effect.sync(() => socket.close(1_000)),
    drop: Effect.andThen(Fiber.interrupt(events), Effect.sync(() => socket.terminate()))
  } satisfies Conformance.ClientConnection
})

/** Provider `telephony` behind the real server, on loopback, with a phone as the user. */
export const telephonyHarness: Conformance.Harness = {
  name: "telephony",
  provider,
  transport: "websocket",
  providerConfig: { carriers: [{ name: "main", kind: "test" }] },
  serve: (backend) =>
    Effect.map(
      serve(backend),
      ({ url }) => (call) => connectPhone(backend, `${url.replace(/^http/u, "ws")}/telephony/main/media`, call)
    ),
  unsupported: {
    recovery: "a phone has no token of its session; Comeback.test.ts has a call come back to another process"
  }
}
