/**
 * The protocol state of one session with OpenAI's Realtime API, apart from the socket: turns, replies, tools, truncation,
 * and what is replayed to the next connection. Plain and synchronous.
 *
 * @since 0.1.0
 */
import {
  type BackendError,
  ConnectionFailed,
  InvalidConfig,
  PipelineError,
  RateLimitExceeded
} from "../../BackendError.ts"
import * as Json from "../../schema/Json.ts"
import type { VoiceActivity } from "../../speech/VoiceActivityDetector.ts"
import { type ContextMessage, S2sContext } from "../hosted/s2s/S2sContext.ts"
import type { S2sListener, S2sProtocol } from "../hosted/s2s/S2sProtocol.ts"
import { type ReplyRequest, S2sReply } from "../hosted/s2s/S2sReply.ts"
import { UtteranceBuffer } from "../hosted/s2s/UtteranceBuffer.ts"
import { client, decode, type ServerEvent } from "./RealtimeEvents.ts"

/**
 * The sample rate of input and output, in Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const SAMPLE_RATE = 24_000

/** Audio buffered while the user is silent, 1 s: the start of the next utterance. */
const PRE_ROLL = SAMPLE_RATE
/** Audio buffered while the user speaks, at most 1 min. */
const MAX_UTTERANCE = 60 * SAMPLE_RATE
/** Sound that did not become a turn is discarded after 30 s of silence. */
const MAX_SILENCE = 30 * SAMPLE_RATE
/** The latest replies, which may still be truncated. */
const MAX_REPLIES = 32
/** Transcripts, tool calls and messages that may be unfinished. */
const MAX_OPEN = 64
const MAX_TRANSCRIPT = 16_384
/** Requests for replies that may be queued; more fail. */
const MAX_QUEUED = 64
/** Silence that carries the last words of a reply when no audio is left, 20 ms. */
const TAIL = SAMPLE_RATE / 50

/**
 * Options of a session's protocol.
 *
 * - `session`: the fields of `session.update`.
 * - `remote`: whether the model is the turn authority.
 * - `answers`: whether the model answers by itself.
 * - `history`: the conversation so far, of a session that is resumed.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeProtocolOptions extends S2sListener {
  readonly session: { readonly [key: string]: unknown }
  readonly remote: boolean
  readonly answers: boolean
  readonly history: ReadonlyArray<ContextMessage>
}

const verbatimPrompt = (text: string) =>
  `Say exactly the following text, word for word, in its language, and nothing else:\n\n${text}`

type Of<Type extends ServerEvent["type"]> = Extract<ServerEvent, { readonly type: Type }>

/**
 * Creates the protocol of one session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: RealtimeProtocolOptions): S2sProtocol => {
  const { answers, emit, remote } = options
  /** The user's audio that has not been answered. */
  const utterance = new UtteranceBuffer()
  /** With the model as turn authority: the user's audio while there was no connection. */
  const lostAudio = new UtteranceBuffer()
  /** Audio of a silent user, which was not sent. */
  const preRoll = new UtteranceBuffer()
  const context = new S2sContext(options.history)
  /** `undefined` until the server has accepted the session. */
  let send: ((message: string) => void) | undefined
  let opening: ((message: string) => void) | undefined
  /** `awaiting`: the user's turn has ended and the reply has not begun. */
  let user: "quiet" | "speaking" | "paused" | "awaiting" = "quiet"
  let quietSamples = 0
  /** With `answers: false`: turns whose transcript has not arrived. */
  let pendingTranscripts = 0
  const queued: Array<ReplyRequest> = []
  let count = 0
  /** The reply that is requested or in progress; one at a time. */
  let current: S2sReply | undefined
  /** A reply that the model began by itself, and that was lost before any audio. */
  let unrequested: S2sReply | undefined
  /** Whether the server is busy with a response whose `response.created` has not arrived. */
  let blocked = false
  const replies = new Map<string, S2sReply>()
  /** Tool calls of this connection without a result. */
  const calls = new Map<string, S2sReply>()
  /** The items of the user's audio that has not been answered. */
  let unanswered: Array<string> = []
  const interims = new Map<string, string>()

  const newReply = (ask: ReplyRequest | undefined): S2sReply => {
    const reply = ask?.reply ?? new S2sReply(`reply-${++count}`, ask)
    replies.set(reply.name, reply)
    for (const [name, old] of replies) {
      if (replies.size <= MAX_REPLIES) break
      if (old !== current) replies.delete(name)
    }
    return reply
  }
  const start = (reply: S2sReply) => {
    if (reply.started) return
    reply.started = true
    context.add("agent", reply.name, "")
    emit({ _tag: "ReplyStarted", reply: reply.name })
  }
  const fail = (reply: S2sReply, error: BackendError) => {
    start(reply)
    if (!reply.cancelled) emit({ _tag: "ReplyFailed", reply: reply.name, error })
    reply.cancelled = true
    if (current === reply) current = undefined
  }
  const request = (
    kind: ReplyRequest["kind"],
    first: ReplyRequest["messages"],
    response: ReplyRequest["response"] = {},
    text?: string
  ) => {
    const next: ReplyRequest = { id: `ask-${++count}`, kind, messages: first, text, response }
    if (queued.length >= MAX_QUEUED) {
      const message = `openai: request queue is full (${MAX_QUEUED} replies)`
      return fail(newReply(next), new PipelineError({ op: "SpeechToSpeech.reply", message, retryable: false }))
    }
    queued.push(next)
    pump()
  }
  const pump = () => {
    if (send === undefined || current !== undefined || blocked) return
    let next = queued.shift()
    // of a lost connection, and truncated since
    while (next?.reply?.cancelled === true) next = queued.shift()
    if (next === undefined) return
    current = newReply(next)
    for (const message of next.messages) send(message)
    if (next.text !== undefined) {
      send(client.message({ role: "user", text: next.text }))
      context.add("user", next.id, next.text)
    }
    send(client.respond(next.id, next.response))
  }
  /** Requests the rest of a reply after its tools. */
  const requestRest = (reply: S2sReply) => {
    reply.hasCalledTools = false
    reply.requestId = `ask-${++count}`
    send?.(client.respond(reply.requestId))
  }

  // ---- messages of the server -----------------------------------------------------------------------------------------

  const onReady = () => {
    if (opening === undefined || send !== undefined) return
    send = opening
    if (answers) { for (const said of context.messages) send(client.message(said)) }
    // audio that was not answered is sent again
    const again = user !== "quiet" || pendingTranscripts > 0 ? utterance : lostAudio
    for (const chunk of again.chunks) send(client.append(chunk))
    lostAudio.clear()
    if (!remote && pendingTranscripts > 0) send(client.commit)
    options.ready()
    pump()
  }
  const onCreated = ({ response }: Of<"response.created">) => {
    const asked = response.metadata?.["ask"]
    if (current === undefined || asked !== current.requestId) {
      // the model began a reply by itself; the requested one is queued again
      if (current?.request !== undefined && current.response === undefined && !current.started) {
        queued.unshift({ ...sent(current.request), reply: current })
      }
      current = unrequested ?? newReply(undefined)
      unrequested = undefined
    }
    blocked = false
    current.response = response.id
    if (user === "awaiting") user = "quiet"
    start(current)
    if (current.cancelled) send?.(client.cancel(response.id))
  }
  const onAudio = (event: Of<"response.output_audio.delta">) => {
    const reply = current
    if (reply === undefined || reply.response !== event.response_id || reply.cancelled) return
    const pcm = reply.tooLong ? "a reply of more than 10 minutes" : event.pcm
    if (typeof pcm === "string") {
      send?.(client.cancel(event.response_id))
      emit({ _tag: "ReplyFailed", reply: reply.name, error: malformed(pcm) })
      reply.cancelled = true
      return
    }
    unanswered = []
    const text = reply.addAudio(event.item_id, event.content_index, pcm.length, SAMPLE_RATE)
    emit({ _tag: "ReplyAudio", reply: reply.name, pcm, text })
  }
  const onDone = ({ response }: Of<"response.done">) => {
    const reply = current
    blocked = false
    if (reply === undefined || reply.response !== response.id) return pump()
    reply.response = undefined
    if (response.status === "failed") {
      fail(reply, failed(response))
    } else if (reply.hasCalledTools && !reply.cancelled) {
      // the rest of the reply follows after the tool results
      if (reply.calls.size === 0) requestRest(reply)
      return
    } else {
      current = undefined
      const text = reply.takeText()
      if (!reply.cancelled && text !== "" && reply.ms > 0) {
        emit({ _tag: "ReplyAudio", reply: reply.name, pcm: new Int16Array(TAIL), text })
      }
      if (!reply.cancelled) emit({ _tag: "ReplyEnded", reply: reply.name })
    }
    pump()
  }
  const onError = ({ error }: Of<"error">) => {
    if (error.code === "session_expired") return options.renew(true)
    if (send === undefined) return options.fail(refused(error))
    const reply = current
    if (reply === undefined || reply.response !== undefined || error.event_id !== reply.requestId) return
    if (error.code === "conversation_already_has_active_response" && reply.request !== undefined && !reply.started) {
      blocked = true
      current = undefined
      queued.unshift({ ...sent(reply.request), reply })
      return
    }
    fail(reply, refused(error))
    pump()
  }
  const onTranscript = (item: string, text: string) => {
    interims.delete(item)
    context.add("user", item, text)
    if (text.trim() !== "") emit({ _tag: "UserTranscript", text, final: true })
    if (answers || pendingTranscripts === 0) return
    pendingTranscripts--
    if (pendingTranscripts === 0 && user === "awaiting") user = "quiet"
    emit({ _tag: "UserTurnTranscribed" })
    // the history belongs to the session's agent, not to the model
    send?.(client.deleteItem(item))
  }
  const onSpeech = (started: boolean) => {
    if (started) {
      // audio that is sent again after a lost connection
      if (user === "speaking" || user === "awaiting" && utterance.chunks.length > 0 && replayed) return
      user = "speaking"
      utterance.trim(PRE_ROLL)
    } else {
      if (user !== "speaking") {
        replayed = false
        return
      }
      user = "awaiting"
      replayed = false
      if (!answers) pendingTranscripts++
    }
    emit({ _tag: started ? "UserSpeechStarted" : "UserSpeechStopped" })
  }
  /** Whether audio of the previous connection is being sent again; its start was reported before. */
  let replayed = false

  const onEvent = (event: ServerEvent): void => {
    switch (event.type) {
      case "session.created":
        return opening?.(client.sessionUpdate(options.session))
      case "session.updated":
        return onReady()
      case "error":
        return onError(event)
      case "input_audio_buffer.speech_started":
        return remote ? onSpeech(true) : undefined
      case "input_audio_buffer.speech_stopped":
        return remote ? onSpeech(false) : undefined
      case "input_audio_buffer.committed":
        // fixes its position: its transcript may arrive after that of the reply
        if (unanswered.length < MAX_OPEN) unanswered.push(event.item_id)
        return context.add("user", event.item_id, "")
      case "conversation.item.input_audio_transcription.delta": {
        const text = (interims.get(event.item_id) ?? "") + (event.delta ?? "")
        if (text.length > MAX_TRANSCRIPT || (interims.size >= MAX_OPEN && !interims.has(event.item_id))) return
        interims.set(event.item_id, text)
        return emit({ _tag: "UserTranscript", text, final: false })
      }
      case "conversation.item.input_audio_transcription.completed":
        return onTranscript(event.item_id, event.transcript)
      case "conversation.item.input_audio_transcription.failed":
        return onTranscript(event.item_id, "")
      case "response.created":
        return onCreated(event)
      case "response.output_item.added":
        return
      case "response.output_audio.delta":
        return onAudio(event)
      case "response.output_audio_transcript.delta": {
        if (current?.response !== event.response_id || current.cancelled) return
        current.addText(event.delta)
        return context.add("agent", current.name, event.delta, current.ms)
      }
      case "response.function_call_arguments.done": {
        if (current?.response !== event.response_id) return
        // the call is not run; without an output the model's context would be invalid
        if (current.cancelled || calls.size >= MAX_OPEN) {
          return send?.(client.toolOutput(event.call_id, `{"error":"the user interrupted"}`))
        }
        current.hasCalledTools = true
        current.calls.add(event.call_id)
        calls.set(event.call_id, current)
        return emit({
          _tag: "ToolCall",
          reply: current.name,
          id: event.call_id,
          name: event.name,
          input: Json.parseOrText(event.arguments)
        })
      }
      case "response.done":
        return onDone(event)
      case "Ignored":
        return
    }
  }

  return {
    connected: (connection) => {
      opening = connection
      replayed = user !== "quiet"
    },
    receive: (message) => {
      const event = decode(message)
      if (event._tag === "Success") return onEvent(event.success)
      // the subject of a malformed message is unknown: only a reply in progress can fail
      const reply = current
      if (reply === undefined || !reply.started || reply.cancelled) return
      emit({ _tag: "ReplyFailed", reply: reply.name, error: malformed(event.failure) })
      reply.cancelled = true
      if (reply.response !== undefined) send?.(client.cancel(reply.response))
    },
    disconnected: (error) => {
      send = undefined
      opening = undefined
      blocked = false
      calls.clear()
      interims.clear()
      // all audio that is sent again makes one turn
      for (; pendingTranscripts > 1; pendingTranscripts--) emit({ _tag: "UserTurnTranscribed" })
      const reply = current
      current = undefined
      if (reply === undefined || reply.cancelled) return false
      if (reply.ms > 0 || reply.calls.size > 0) {
        fail(reply, error)
        return false
      }
      reply.response = undefined
      if (reply.request === undefined) {
        unrequested = reply
        user = "awaiting"
      } else {
        reply.requestId = reply.request.id
        // typed text is replayed to the next connection with the history
        queued.unshift(
          reply.request.kind === "commit" ? { ...reply.request, reply } : { ...sent(reply.request), reply }
        )
        if (reply.request.kind === "commit") user = "awaiting"
      }
      if (user === "awaiting") { for (const item of unanswered.splice(0)) context.remove(item) }
      return false
    },
    isBusy: () =>
      current !== undefined || queued.length > 0 || user === "speaking" || user === "awaiting" ||
      pendingTranscripts > 0,
    expectsMessage: () =>
      send !== undefined && (
        (current !== undefined && (current.response !== undefined || current.calls.size === 0)) || blocked ||
        pendingTranscripts > 0 || (remote && answers && user === "awaiting")
      ),
    push: (pcm) => {
      const kept = user !== "quiet" || (current !== undefined && current.ms === 0 && !current.cancelled)
      if (remote) utterance.push(pcm, kept ? MAX_UTTERANCE : PRE_ROLL)
      if (remote && send === undefined) lostAudio.push(pcm, MAX_UTTERANCE)
      if (user === "paused") {
        quietSamples += pcm.length
        if (quietSamples > MAX_SILENCE) {
          user = "quiet"
          send?.(client.clear)
          return
        }
      }
      // without the model as turn authority, silence is not sent
      if (!remote && (user === "quiet" || user === "awaiting")) return preRoll.push(pcm, PRE_ROLL)
      if (!remote) utterance.push(pcm, MAX_UTTERANCE)
      send?.(client.append(pcm))
    },
    activity: (activity: VoiceActivity) => {
      if (remote) return
      if (activity._tag === "SpeechStopped") {
        if (user === "speaking") user = "paused"
        quietSamples = 0
        return
      }
      if (user === "quiet" && (current === undefined || current.ms > 0 || current.cancelled)) utterance.clear()
      if (user === "quiet" || user === "awaiting") {
        for (const chunk of preRoll.chunks) {
          utterance.push(chunk, MAX_UTTERANCE)
          send?.(client.append(chunk))
        }
        preRoll.clear()
      }
      user = "speaking"
    },
    commit: () => {
      const spoke = user !== "quiet"
      user = spoke ? "awaiting" : user
      if (answers) return request("commit", spoke ? [client.commit] : [])
      if (!spoke) return emit({ _tag: "UserTurnTranscribed" })
      pendingTranscripts++
      send?.(client.commit)
    },
    userText: (text) => request("text", [], {}, text),
    say: (text) =>
      request("say", [], {
        instructions: verbatimPrompt(text),
        tool_choice: "none",
        // the history belongs to the session's agent
        ...(answers ? {} : { conversation: "none", input: [] })
      }),
    truncate: (name, playedMs) => {
      const reply = replies.get(name)
      if (reply === undefined) return
      replies.delete(name)
      context.truncate(name, playedMs)
      if (!reply.cancelled && reply.response !== undefined) send?.(client.cancel(reply.response))
      reply.cancelled = true
      if (reply === current && reply.response === undefined && reply.started) {
        // it was waiting for tool results
        current = undefined
        pump()
      }
      if (!answers) return
      for (const { contentIndex, fromMs, id, ms } of reply.items) {
        if (playedMs < fromMs + ms) send?.(client.truncate(id, contentIndex, Math.max(0, playedMs - fromMs)))
      }
    },
    toolResult: (id, output) => {
      const reply = calls.get(id)
      // from a previous connection
      if (reply === undefined) return
      calls.delete(id)
      reply.calls.delete(id)
      send?.(client.toolOutput(id, output))
      if (reply === current && !reply.cancelled && reply.calls.size === 0 && reply.response === undefined) {
        requestRest(reply)
      }
    }
  }
}

/** A request whose messages the server has received. */
const sent = (ask: ReplyRequest): ReplyRequest => ({ ...ask, messages: [], text: undefined })

const malformed = (what: string) =>
  new PipelineError({
    op: "SpeechToSpeech.reply",
    message: `openai sent ${what}`,
    details: { vendor: "openai" },
    retryable: false
  })

const failed = ({ id, status_details: details }: Of<"response.done">["response"]): BackendError => {
  const code = details?.error?.code ?? details?.error?.type ?? "unknown"
  const about = { vendor: "openai", code, requestId: id }
  return code === "rate_limit_exceeded" || code === "insufficient_quota"
    ? new RateLimitExceeded({ op: "SpeechToSpeech.reply", message: `openai: ${code}`, details: about })
    : new PipelineError({
      op: "SpeechToSpeech.reply",
      message: `openai failed to respond: ${code}`,
      details: about,
      retryable: code === "server_error"
    })
}

/** Without the vendor's message: it may quote the user or a part of a key. */
const refused = ({ code, event_id: requestId, param, type }: Of<"error">["error"]): BackendError => {
  const details = {
    vendor: "openai",
    code: code ?? type ?? "unknown",
    ...(param == null ? {} : { param }),
    ...(requestId == null ? {} : { requestId })
  }
  const message = `openai rejected the request: ${details.code}${param == null ? "" : ` (${param})`}`
  if (type === "server_error") return new ConnectionFailed({ op: "SpeechToSpeech.open", message, details })
  return new InvalidConfig({ op: "SpeechToSpeech.open", message, details })
}
