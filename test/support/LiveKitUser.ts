/** A user in a LiveKit room, with LiveKit's client for Node: a microphone that never pauses, the agent's audio and events. */
import type * as Rtc from "@livekit/rtc-node"
import { Effect, type Scope } from "effect"
import { readFileSync } from "node:fs"
import { join as path } from "node:path"
import * as Wav from "../../src/audio/Wav.ts"
import * as LiveKitPackages from "../../src/providers/livekit/LiveKitPackages.ts"
import { TOPIC } from "../../src/providers/livekit/text/TextOutbox.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"

/** A text stream of `lk.transcription`, when it has ended. */
export interface Transcription {
  readonly identity: string
  readonly segment: string
  readonly final: boolean
  readonly track: string | undefined
  readonly text: string
}

type EventOf<Type extends SessionEvent.SessionEvent["type"]> = Extract<
  SessionEvent.SessionEvent,
  { readonly type: Type }
>

export interface LiveKitUser {
  readonly room: Rtc.Room
  readonly events: ReadonlyArray<SessionEvent.SessionEvent>
  readonly of: <const Type extends SessionEvent.SessionEvent["type"]>(type: Type) => ReadonlyArray<EventOf<Type>>
  readonly transcriptions: ReadonlyArray<Transcription>
  /** The states of the agent, as LiveKit's components read them. */
  readonly states: ReadonlyArray<string>
  /** Unix times in ms of audible frames. */
  readonly loudAt: ReadonlyArray<number>
  /** Why the room was left, as LiveKit numbers it. */
  readonly disconnected: () => number | undefined
  /** Speaks; ends when it has been said. */
  readonly speak: (pcm: Int16Array) => Promise<void>
  readonly type: (text: string) => Promise<unknown>
  /** Sends a message of our protocol as a data packet. */
  readonly send: (message: unknown) => Promise<void>
  /** Waits for something that events, audio or the room's end bring. */
  readonly until: <A>(what: string, look: () => A | undefined | false, ms?: number) => Promise<A>
  readonly leave: () => Promise<void>
}

const RATE = 16_000
const FRAME = RATE / 50
/** Quieter than this is a codec's idea of silence. */
const LOUD = 500

/** A recording of the fixtures, at 16 kHz. */
export const recording = (name: string): Int16Array => {
  const wav = Wav.parse(readFileSync(path("test", "fixtures", `${name}.wav`)))
  if (wav._tag === "Failure") throw wav.failure
  return wav.success.samples
}

/** Comes in, and publishes the microphone; leaves with the scope. */
export const join = Effect.fnUntraced(function*(
  url: string,
  token: string,
  options: { readonly onFrame?: (pcm: Int16Array) => void } = {}
): Effect.fn.Return<LiveKitUser, never, Scope.Scope> {
  const { rtc } = yield* Effect.orDie(LiveKitPackages.acquire)
  const room = new rtc.Room()
  const events: Array<SessionEvent.SessionEvent> = []
  const transcriptions: Array<Transcription> = []
  const states: Array<string> = []
  const loudAt: Array<number> = []
  const waiting = new Set<() => void>()
  const queue: Array<{ readonly pcm: Int16Array; readonly said?: () => void }> = []
  let disconnected: number | undefined
  let stopped = false

  const changed = () => {
    for (const look of waiting) look()
  }
  const hear = async (track: Rtc.RemoteTrack) => {
    for await (
      const { data } of new rtc.AudioStream(track, { sampleRate: 24_000, numChannels: 1, frameSizeMs: 20 })
    ) {
      options.onFrame?.(data)
      if (data.some((sample) => Math.abs(sample) > LOUD)) {
        loudAt.push(Date.now())
        changed()
      }
    }
  }
  room.on("trackSubscribed", (track, publication) => {
    hear(track).catch(() => {
      // under load, LiveKit may hand out a track that it has let go of already
      publication.setSubscribed(false)
      setTimeout(() => publication.setSubscribed(true), 100)
    })
  })
  room.on("disconnected", (reason) => {
    disconnected = reason
    changed()
  })
  room.on("participantAttributesChanged", (_changed, { attributes }) => {
    const state = attributes["lk.agent.state"]
    if (state === undefined || state === states.at(-1)) return
    states.push(state)
    changed()
  })
  room.on("dataReceived", (payload, _participant, _kind, topic) => {
    if (topic !== TOPIC) return
    const event = SessionEvent.fromJson(Buffer.from(payload).toString())
    if (event._tag === "Failure") throw event.failure
    events.push(event.success)
    changed()
  })
  room.registerTextStreamHandler("lk.transcription", (reader, { identity }) => {
    const { attributes = {} } = reader.info
    reader.readAll().then((text) => {
      transcriptions.push({
        identity,
        text,
        segment: attributes["lk.segment_id"] ?? "",
        final: attributes["lk.transcription_final"] === "true",
        track: attributes["lk.transcribed_track_id"]
      })
      changed()
    }, () => {
      // the room is gone, and what was under way in it
    })
  })
  const source = new rtc.AudioSource(RATE, 1, 200)
  const leave = async () => {
    stopped = true
    await room.disconnect().catch(() => {})
    await source.close().catch(() => {})
  }
  yield* Effect.acquireRelease(
    Effect.promise(async () => {
      await room.connect(url, token, { autoSubscribe: true, dynacast: false })
      await room.localParticipant?.publishTrack(
        rtc.LocalAudioTrack.createAudioTrack("microphone", source),
        new rtc.TrackPublishOptions({ source: rtc.TrackSource.SOURCE_MICROPHONE })
      )
    }),
    () => Effect.promise(leave)
  )
  const microphone = async () => {
    while (!stopped) {
      const next = queue.shift()
      const pcm = new Int16Array(FRAME)
      if (next !== undefined) pcm.set(next.pcm)
      await source.captureFrame(new rtc.AudioFrame(pcm, RATE, 1, FRAME))
      next?.said?.()
    }
  }
  void microphone().catch(() => {})

  return {
    room,
    events,
    of: (type) => events.filter((event): event is EventOf<typeof type> => event.type === type),
    transcriptions,
    states,
    loudAt,
    disconnected: () => disconnected,
    speak: (pcm) =>
      new Promise((said) => {
        for (let at = 0; at < pcm.length; at += FRAME) {
          const frame = pcm.subarray(at, at + FRAME)
          queue.push(at + FRAME < pcm.length ? { pcm: frame } : { pcm: frame, said })
        }
      }),
    type: (text) => room.localParticipant?.sendText(text, { topic: "lk.chat" }) ?? Promise.resolve(),
    send: (message) =>
      room.localParticipant?.publishData(Buffer.from(JSON.stringify(message)), { topic: TOPIC, reliable: true }) ??
        Promise.resolve(),
    until: (what, look, ms = 20_000) =>
      new Promise((resolve, reject) => {
        const see = () => {
          const found = look()
          if (found === undefined || found === false) return
          clearTimeout(timer)
          waiting.delete(see)
          resolve(found)
        }
        const timer = setTimeout(() => {
          waiting.delete(see)
          reject(new Error(`waited ${ms} ms in vain: ${what}; events: ${events.map(({ type }) => type).join(" ")}`))
        }, ms)
        waiting.add(see)
        see()
      }),
    leave
  }
})
