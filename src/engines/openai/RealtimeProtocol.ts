/**
 * OpenAI's Realtime API as the codec of a conversation: the user's turns and transcripts, and the messages by which replies
 * are asked for, stopped and truncated. Plain and synchronous.
 *
 * @since 0.1.0
 */
import type { SpeechToSpeechClient } from "../../speech/SpeechToSpeech.ts"
import { ModelConversation } from "../hosted/s2s/ModelConversation.ts"
import { S2sContext } from "../hosted/s2s/S2sContext.ts"
import { DEADLINE_MS, type S2sProtocol, type S2sProtocolOptions } from "../hosted/s2s/S2sProtocol.ts"
import { UserAudio } from "../hosted/s2s/UserAudio.ts"
import * as VerbatimPrompt from "../hosted/s2s/VerbatimPrompt.ts"
import * as RealtimeErrors from "./RealtimeErrors.ts"
import { client, decode, type ServerEvent } from "./RealtimeEvents.ts"
import { RealtimeResponses } from "./RealtimeResponses.ts"
import { RealtimeTurns } from "./RealtimeTurns.ts"

/**
 * The sample rate of input and output, in Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const SAMPLE_RATE = 24_000

/** The fields of `session.update`. */
type SessionFields = { readonly [key: string]: unknown }

/**
 * Options of a session's protocol.
 *
 * - `session`: the fields of `session.update`. `inLanguage`: the same for another language, and those of them that differ;
 *   default: the language cannot be changed.
 * - `ofClient`: the same with what the user's client tells the model. Default: it cannot be changed.
 * - `answers`: whether the model answers by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeProtocolOptions extends S2sProtocolOptions {
  readonly session: SessionFields
  readonly inLanguage?:
    | ((language: string) => { readonly session: SessionFields; readonly change: SessionFields })
    | undefined
  readonly ofClient?:
    | ((client: SpeechToSpeechClient) => { readonly session: SessionFields; readonly change: SessionFields })
    | undefined
  readonly answers: boolean
}

type Of<Type extends ServerEvent["type"]> = Extract<ServerEvent, { readonly type: Type }>

/**
 * Creates the protocol of one session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: RealtimeProtocolOptions): S2sProtocol => {
  const { answers, deadlineMs = DEADLINE_MS, emit, now = () => 0, remote, speaksText = false } = options
  const initiates = remote && answers
  const context = new S2sContext(options.history)
  /** `undefined` until the server has accepted the session. */
  let send: ((message: string) => void) | undefined
  let opening: ((message: string) => void) | undefined
  /** Where the backend decides turns: whether the server has audio that was not committed. */
  let uncommitted = false
  let commits = 0
  let { session } = options
  /** What of the session has changed and is still to be said: after the user's turn, whose transcript it would change. */
  let change: SessionFields | undefined

  const conversation: ModelConversation = new ModelConversation(options, {
    vendor: "openai",
    sampleRate: SAMPLE_RATE,
    ordered: false,
    initiates,
    ask: (reply, id) => {
      const { request } = reply
      if (!reply.sent && request?.kind === "commit" && uncommitted) {
        uncommitted = false
        commit()
      }
      if (!reply.sent && request?.kind === "text") {
        context.remove(request.id)
        context.add("user", request.id, request.text)
        send?.(client.message({ role: "user", text: request.text }))
      }
      if (reply.next === "again" && answers) { for (const item of reply.made) send?.(client.deleteItem(item)) }
      send?.(client.respond(
        id,
        request?.kind !== "say" ? {} : {
          instructions: VerbatimPrompt.of(request.text),
          tool_choice: "none",
          // the history belongs to the session's agent
          ...(answers ? {} : { conversation: "none", input: [] })
        }
      ))
    },
    starts: ({ request }) => {
      if (audio.state === "awaiting" && (request === undefined || request.kind === "commit")) audio.state = "quiet"
    },
    stop: (response) => send?.(client.cancel(response)),
    truncate: ({ items, made, name, written }, playedMs) => {
      if (!answers) return
      if (written.size > 0 && items.length === 0) return replaceWritten(made, name)
      for (const { contentIndex, fromMs, id, ms } of items) {
        if (playedMs < fromMs + ms) send?.(client.truncate(id, contentIndex, Math.max(0, playedMs - fromMs)))
      }
    },
    toolOutput: (id, _, output) => send?.(client.toolOutput(id, output)),
    turnDueSince: () => turns.pendingSince ?? (initiates ? audio.awaitedSince : undefined),
    turnLost: () => {
      audio.state = "quiet"
      turns.giveUp()
      if (answers && !conversation.dropLost()) emit({ _tag: "UserTurnUnanswered" })
    }
  }, { deadlineMs, now, speaksText, context })
  const audio: UserAudio = new UserAudio({
    sampleRate: SAMPLE_RATE,
    remote,
    now,
    unanswered: () => conversation.owesAnswer || turns.isPending,
    connected: () => conversation.isConnected,
    send: (pcm) => send?.(client.append(pcm)),
    discard: () => {
      uncommitted = false
      send?.(client.clear)
    }
  })
  const turns: RealtimeTurns = new RealtimeTurns({
    emit,
    context,
    audio,
    answers,
    now,
    transcribed: () => conversation.turnAnswered(),
    deleteItem: (item) => send?.(client.deleteItem(item))
  })
  const responses = new RealtimeResponses({ conversation, audio, turns, initiates })

  const commit = (): string => {
    const id = `commit-${++commits}`
    send?.(client.commit(id))
    return id
  }
  /** What was not spoken of a text cannot be cut off it: the model gets what was spoken as an item of its own. */
  const replaceWritten = (items: Iterable<string>, reply: string) => {
    for (const item of items) send?.(client.deleteItem(item))
    const text = context.textOf(reply)
    if (text !== "") send?.(client.message({ role: "agent", text }))
  }
  const sendChange = () => {
    if (change === undefined || send === undefined || audio.state !== "quiet" || turns.isPending) return
    send(client.sessionUpdate(change))
    change = undefined
  }
  const changeTo = (next: { readonly session: SessionFields; readonly change: SessionFields } | undefined) => {
    if (next === undefined) return
    session = next.session
    change = { ...change, ...next.change }
    sendChange()
  }
  const onReady = () => {
    if (opening === undefined || send !== undefined) return
    send = opening
    if (answers) { for (const message of context.messages) send(client.message(message)) }
    // audio that was not answered is sent again
    audio.replay(audio.state !== "quiet" || turns.isPending)
    uncommitted = !remote && audio.state !== "quiet"
    turns.reconnected(!remote && turns.isPending ? commit() : undefined)
    options.ready()
    conversation.connected()
  }
  const onError = ({ error }: Of<"error">) => {
    const id = error?.event_id ?? undefined
    if (error?.code === "session_expired") return options.renew(true)
    if (send === undefined) {
      const refused = RealtimeErrors.refused(error)
      return refused.retryable ? options.renew(false, refused) : options.fail(refused)
    }
    if (error?.code === "conversation_already_has_active_response") return conversation.busy(id)
    if (error?.code === "input_audio_buffer_commit_empty") return turns.nothingHeard(id)
    if (id !== undefined) conversation.refused(id, RealtimeErrors.refused(error))
  }
  const onEvent = (event: ServerEvent): void => {
    switch (event.type) {
      case "session.created":
        change = undefined
        return opening?.(client.sessionUpdate(session))
      case "session.updated":
        return onReady()
      case "error":
        return onError(event)
      case "input_audio_buffer.speech_started":
        return remote ? turns.speech(true) : undefined
      case "input_audio_buffer.speech_stopped":
        return remote ? turns.speech(false) : undefined
      case "input_audio_buffer.committed":
        if (remote) turns.speech(false)
        return turns.committed(event.item_id)
      case "conversation.item.input_audio_transcription.delta":
        return turns.interim(event.item_id, event.delta ?? "")
      case "conversation.item.input_audio_transcription.completed":
        return turns.transcript(event.item_id, event.transcript ?? "")
      case "conversation.item.input_audio_transcription.failed":
        return turns.transcript(event.item_id, "")
      case "Ignored":
        return
      default:
        return responses.take(event)
    }
  }

  return {
    connected: (connection) => {
      opening = connection
      audio.connecting()
    },
    receive: (message) => {
      // what cannot be read is passed over; what it leaves undone has a deadline
      const event = decode(message)
      if (event._tag === "Success") onEvent(event.success)
      sendChange()
    },
    disconnected: (error) => {
      send = undefined
      opening = undefined
      turns.disconnected()
      const owed = conversation.owesAnswer
      conversation.disconnected(error)
      if (owed && audio.state === "quiet") audio.state = "awaiting"
      if (audio.state === "awaiting") turns.removeUnanswered()
      return false
    },
    tick: () => {
      conversation.tick()
      sendChange()
    },
    isBusy: () => conversation.isBusy || audio.state === "speaking" || audio.state === "awaiting" || turns.isPending,
    push: (pcm) => audio.push(pcm, false, false),
    activity: (activity) => {
      if (!remote) audio.activity(activity, () => false)
    },
    commit: (_, request) => {
      const spoke = audio.state !== "quiet"
      if (audio.state === "speaking" || audio.state === "paused") uncommitted = true
      if (spoke) audio.state = "awaiting"
      if (answers) return conversation.request({ id: request, kind: "commit", text: "" })
      if (!spoke) return emit({ _tag: "UserTurnTranscribed", request })
      uncommitted = false
      turns.add(request, commit())
    },
    userText: (text, request) => conversation.request({ id: request, kind: "text", text }),
    say: (text, request) => conversation.request({ id: request, kind: "say", text }),
    cancel: (request) => conversation.cancel(request),
    truncate: (reply, playedMs) => conversation.truncate(reply, playedMs),
    toolResult: (id, output) => conversation.toolResult(id, output),
    setLanguage: options.inLanguage === undefined ? undefined : (language) => changeTo(options.inLanguage?.(language)),
    setClient: options.ofClient === undefined ? undefined : (told) => changeTo(options.ofClient?.(told))
  }
}
