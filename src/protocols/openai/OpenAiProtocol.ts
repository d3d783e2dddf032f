/**
 * The OpenAI Realtime protocol (GA) as a server: the codec of one connection.
 *
 * All of it is JSON in text messages; audio is base64 in them, or on a WebRTC track of its own. The connection has 24 kHz both ways,
 * whatever format the client chooses: it may do so at any time, and the rates of a connection are fixed.
 *
 * A message costs what its audio lasts, or 1 ms for 256 bytes of it and of what it is answered with; others at least 20 ms, one
 * that has the agent answer 1 s.
 *
 * https://platform.openai.com/docs/guides/realtime
 *
 * @since 0.1.0
 */
import { msOf } from "../../audio/AudioFormat.ts"
import { parseRecord } from "../../schema/Json.ts"
import { costOf, costOfAudio } from "../../session/FloodLimit.ts"
import type { SessionControl } from "../../session/SessionControl.ts"
import type { FrameListener, MakeProtocol, SampleRates } from "../../transport/websocket/WebSocketProtocol.ts"
import { invalid, type OpenAiFault } from "./Errors.ts"
import { Items } from "./Items.ts"
import { RealtimeAudio } from "./RealtimeAudio.ts"
import { RealtimeRequests } from "./RealtimeRequests.ts"
import type { AudioFormat, RealtimeSession } from "./RealtimeSession.ts"
import { RealtimeTurns } from "./RealtimeTurns.ts"
import { Responses } from "./Responses.ts"
import { type Emit, emitter, type Resumption } from "./ServerEvents.ts"

/**
 * The rates of every connection of this protocol, in Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const rates: SampleRates = { inputSampleRate: 24_000, outputSampleRate: 24_000 }

/**
 * - `session`: what the session is at first (`RealtimeSession.initial`).
 * - `isGiven`: whether a client has said more of it than the model's name: then our session is told. Otherwise turns are decided as the
 *   agent's own config has it, until the client says something else.
 * - `transport`: on WebRTC audio is on a track, and not in messages.
 * - `resumption`: what the client can come back with; told as the session's `client_secret`, as the protocol's beta had one. Default: it
 *   cannot.
 * - `newId`: makes an id that nothing else has, with this prefix.
 * - `now`: Unix time in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenAiProtocolOptions {
  readonly session: RealtimeSession
  readonly isGiven: boolean
  readonly transport: "websocket" | "webrtc"
  readonly resumption?: Resumption | undefined
  readonly newId: (prefix: string) => string
  readonly now: () => number
}

/**
 * The largest message that a client should be let send: 1 MiB, some 16 s of audio. It is decoded piece by piece.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_MESSAGE_BYTES = 1_048_576

const FRAME_COST = costOf({ _tag: "Unknown", type: "" })
const RESPONSE_COST = costOf({ _tag: "Message", message: { type: "user.text", text: "" } })
const BYTES_PER_MS = 256

const decoder = new TextDecoder()
const nothing: ReadonlyArray<string> = []

/**
 * The protocol of connections with these options.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: OpenAiProtocolOptions): MakeProtocol => (_, reply) => {
  const { isGiven, newId, now, transport } = options
  const isWebRtc = transport === "webrtc"
  let { session } = options
  let listener: FrameListener | undefined
  let isStarted = false
  let isTold = false
  let startedAt = 0
  let repliedBytes = 0

  const emit: Emit = emitter(newId, (frame) => {
    repliedBytes += frame.length
    reply(frame)
  })
  const audio = new RealtimeAudio()
  const items = new Items()
  const currentSession = () => session
  const responses = new Responses({ emit, newId, items, session: currentSession, conversationId: newId("conv") })
  const inputMs = () => isWebRtc ? now() - startedAt : audio.inputMs
  const turns = new RealtimeTurns({ emit, newId, items, responses, session: currentSession, inputMs, now, isWebRtc })
  const requests = new RealtimeRequests({
    emit,
    newId,
    items,
    responses,
    turns,
    session: currentSession,
    setSession: (next) => session = next,
    append: (text, target) => isWebRtc ? onTrack : audio.receive(text, session.audio.input.format, target),
    bufferedMs: () => isWebRtc ? undefined : audio.bufferedMs,
    clearBuffer: () => audio.clearBuffer()
  })

  let isResumed = false
  const control = (asked: SessionControl) => listener?.control?.(asked)
  /** The calls of one step of the agent are one response. */
  let hasCalls = false
  const endCalls = (): void => {
    if (!hasCalls) return
    hasCalls = false
    turns.endCalls()
  }
  /** Asks the session for something because of one of its events, when that is over. */
  const afterwards = (ask: () => void): void => queueMicrotask(ask)
  const listening = (target: FrameListener): void => {
    listener = target
    if (isTold) return
    isTold = true
    const fault = requests.start(control, isGiven, isResumed)
    if (fault !== undefined) emit("error", { error: { ...fault, event_id: null } })
  }
  const restore = (): void => requests.restore(control)
  const goOn = (): void => requests.goOn(control)
  const onAway = (): void => requests.away(control)

  return {
    afterListening: true,
    listening,
    receive: (data, isBinary, target) => {
      listening(target)
      endCalls()
      repliedBytes = 0
      const before = audio.inputMs
      const event = isBinary ? undefined : parseRecord(decoder.decode(data))
      if (event === undefined) {
        const message = isBinary ? "Messages are JSON in text frames." : "Could not parse the event as a JSON object."
        emit("error", { error: { ...invalid("invalid_json", message), event_id: null } })
      } else requests.take(event, target)
      restore()
      const bytes = (data.length + repliedBytes) / BYTES_PER_MS
      return event?.["type"] === "input_audio_buffer.append"
        ? Math.max(costOfAudio(audio.inputMs - before), bytes)
        : Math.max(event?.["type"] === "response.create" ? RESPONSE_COST : FRAME_COST, bytes)
    },
    audio: (pcm) => {
      endCalls()
      const head = turns.audio(msOf(pcm.length, rates.outputSampleRate))
      if (head === undefined) return undefined
      if (requests.isStuck) afterwards(goOn)
      const payload = audio.encode(pcm, responses.format ?? pcmFormat)
      return `{"type":"response.output_audio.delta","event_id":${JSON.stringify(newId("event"))},${head}${payload}"}`
    },
    mark: (_epoch, untilMs) => {
      turns.sentUntil(untilMs)
      return undefined
    },
    event: (event) => {
      if (event.type === "session.started") {
        if (isStarted) return nothing
        isStarted = true
        isResumed = event.resumed
        startedAt = now()
        const { resumption } = options
        emit("session.created", {
          session: resumption === undefined ? session : { ...session, client_secret: resumption }
        })
        return nothing
      }
      endCalls()
      turns.event(event)
      if (requests.isStuck) afterwards(goOn)
      if (event.type === "agent.speech_stopped" || event.type === "turn.unanswered") {
        requests.replyEnded()
        afterwards(restore)
      } else if (event.type === "user.away") afterwards(onAway)
      else if (event.type === "user.speech_started") requests.userSpoke()
      return nothing
    },
    clear: () => undefined,
    callTool: (call) => {
      requests.called(call.id)
      turns.callTool(call)
      if (!hasCalls) {
        hasCalls = true
        queueMicrotask(endCalls)
      }
      return nothing
    }
  }
}

const pcmFormat: AudioFormat = { type: "audio/pcm", rate: 24_000 }

const onTrack: OpenAiFault = invalid(
  "invalid_value",
  "The audio of a WebRTC call is on its track: input_audio_buffer.append is not taken."
)
