/**
 * OpenAI's Realtime API as the codec of a conversation: the user's turns and transcripts, and the messages by which replies
 * are asked for, stopped and truncated. Plain and synchronous.
 *
 * @since 0.1.0
 */
import * as CallArguments from "../../schema/CallArguments.ts"
import { ModelConversation } from "../hosted/s2s/ModelConversation.ts"
import { S2sContext } from "../hosted/s2s/S2sContext.ts"
import { DEADLINE_MS, type S2sProtocol, type S2sProtocolOptions } from "../hosted/s2s/S2sProtocol.ts"
import { UserAudio } from "../hosted/s2s/UserAudio.ts"
import * as VerbatimPrompt from "../hosted/s2s/VerbatimPrompt.ts"
import * as RealtimeErrors from "./RealtimeErrors.ts"
import { client, decode, type ServerEvent } from "./RealtimeEvents.ts"

/**
 * The sample rate of input and output, in Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const SAMPLE_RATE = 24_000

/** Transcripts and items that may be unfinished. */
const MAX_OPEN = 64
const MAX_TRANSCRIPT = 16_384

/**
 * Options of a session's protocol.
 *
 * - `session`: the fields of `session.update`.
 * - `answers`: whether the model answers by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealtimeProtocolOptions extends S2sProtocolOptions {
  readonly session: { readonly [key: string]: unknown }
  readonly answers: boolean
}

type Of<Type extends ServerEvent["type"]> = Extract<ServerEvent, { readonly type: Type }>

/** With `answers: false`: a turn whose transcript has not arrived. */
interface PendingTranscript {
  readonly request: string | undefined
  /** The id of the message that ended it, where the backend decides turns. */
  readonly commit?: string | undefined
  /** The item of its audio, once it is known. */
  item: string | undefined
  since: number
}

/**
 * Creates the protocol of one session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: RealtimeProtocolOptions): S2sProtocol => {
  const { answers, deadlineMs = DEADLINE_MS, emit, now = () => 0, remote, speaksText = false } = options
  const context = new S2sContext(options.history)
  /** `undefined` until the server has accepted the session. */
  let send: ((message: string) => void) | undefined
  let opening: ((message: string) => void) | undefined
  /** Where the backend decides turns: whether the server has audio that was not committed. */
  let uncommitted = false
  const pending: Array<PendingTranscript> = []
  /** The items of the user's audio that has not been answered. */
  let unanswered: Array<string> = []
  const interims = new Map<string, string>()
  /** The latest response: what an event is about that names none. */
  let latest = ""
  let unnamed = 0
  /** The latest item of the user's audio: what a transcript is about that names none. */
  let heard = ""
  let unnamedItems = 0
  let commits = 0

  const conversation: ModelConversation = new ModelConversation(options, {
    vendor: "openai",
    sampleRate: SAMPLE_RATE,
    ordered: false,
    initiates: remote && answers,
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
    turnDueSince: () => pending[0]?.since ?? (remote && answers ? audio.awaitedSince : undefined),
    turnLost: () => {
      audio.state = "quiet"
      for (const { request } of pending.splice(0)) emit({ _tag: "UserTurnTranscribed", request })
      if (answers && !conversation.dropLost()) emit({ _tag: "UserTurnUnanswered" })
    }
  }, { deadlineMs, now, speaksText, context })
  const { content } = conversation
  const audio: UserAudio = new UserAudio({
    sampleRate: SAMPLE_RATE,
    remote,
    now,
    unanswered: () => conversation.owesAnswer || pending.length > 0,
    connected: () => conversation.isConnected,
    send: (pcm) => send?.(client.append(pcm)),
    discard: () => {
      uncommitted = false
      send?.(client.clear)
    }
  })

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
  const onReady = () => {
    if (opening === undefined || send !== undefined) return
    send = opening
    if (answers) { for (const message of context.messages) send(client.message(message)) }
    // audio that was not answered is sent again
    audio.replay(audio.state !== "quiet" || pending.length > 0)
    uncommitted = !remote && audio.state !== "quiet"
    const again = !remote && pending.length > 0 ? commit() : undefined
    for (const [at, turn] of pending.entries()) pending[at] = { ...turn, since: now(), commit: again }
    options.ready()
    conversation.connected()
  }
  const nameOf = (response: string | null | undefined): string => {
    if (response != null) return response
    // an event that follows the end of a response is about that, unless another is expected
    const expected = conversation.isAsked || (remote && answers && audio.state === "awaiting")
    if (!conversation.inProgress(latest) && expected) latest = `response-${++unnamed}`
    return latest
  }
  const onCreated = ({ response }: Of<"response.created">) => {
    const asked = response.metadata?.["ask"]
    latest = response.id ?? `response-${++unnamed}`
    // a response that names nothing is the model's own where the user waits for one
    const own = remote && answers && (audio.state === "awaiting" || audio.state === "speaking")
    if (own && typeof asked !== "string") onSpeech(false)
    conversation.begin(latest, typeof asked === "string" ? asked : own ? null : undefined)
  }
  const onItem = (response: string, item: Of<"response.output_item.done">["item"]) => {
    const call = item.call_id ?? item.id
    if (item.type === "function_call" && call != null && item.name != null) {
      content.toolCall(response, call, item.name, CallArguments.read(item.arguments))
    }
    for (const part of item.content ?? []) if (part !== null) onPart(response, item.id ?? "", part)
  }
  const onPart = (
    response: string,
    item: string,
    { text, transcript, type }: Of<"response.content_part.done">["part"]
  ) => {
    if ((type === "text" || type === "output_text") && text != null) content.written(response, item, text, true)
    if ((type === "audio" || type === "output_audio") && transcript != null) {
      content.transcript(response, transcript, true)
    }
  }
  const onDone = ({ response }: Of<"response.done">) => {
    const id = response.id ?? latest
    const asked = response.metadata?.["ask"]
    if (typeof asked === "string") conversation.begin(id, asked)
    if (conversation.inProgress(id)) { for (const item of response.output ?? []) if (item !== null) onItem(id, item) }
    const { status } = response
    const reason = response.status_details?.reason
    conversation.done(id, {
      cancelled: status === "cancelled",
      error: status === "failed" || (status === "incomplete" && reason === "content_filter")
        ? RealtimeErrors.failed(response)
        : undefined
    })
  }
  const onError = ({ error }: Of<"error">) => {
    const id = error?.event_id ?? undefined
    if (error?.code === "session_expired") return options.renew(true)
    if (send === undefined) {
      const refused = RealtimeErrors.refused(error)
      return refused.retryable ? options.renew(false, refused) : options.fail(refused)
    }
    if (error?.code === "conversation_already_has_active_response") return conversation.busy(id)
    if (error?.code === "input_audio_buffer_commit_empty") return onNothingHeard(id)
    if (id !== undefined) conversation.refused(id, RealtimeErrors.refused(error))
  }
  /** A turn in whose audio the server hears nothing: it gets no transcript. */
  const onNothingHeard = (commit: string | undefined) => {
    const at = pending.findIndex((turn) => commit === undefined ? turn.item === undefined : turn.commit === commit)
    if (at >= 0) endPending(at)
  }
  const endPending = (at: number) => {
    const [turn] = pending.splice(at, 1)
    if (pending.length === 0 && audio.state === "awaiting") audio.state = "quiet"
    conversation.turnAnswered()
    emit({ _tag: "UserTurnTranscribed", request: turn?.request })
  }
  const onTranscript = (item: string, text: string) => {
    interims.delete(item)
    context.add("user", item, text)
    if (text.trim() !== "") emit({ _tag: "UserTranscript", text, final: true })
    if (answers || pending.length === 0) return
    endPending(Math.max(0, pending.findIndex((turn) => turn.item === item)))
    // the history belongs to the session's agent, not to the model
    send?.(client.deleteItem(item))
  }
  const onSpeech = (started: boolean) => {
    if (started) {
      // audio that is sent again after a lost connection
      const again = audio.state === "awaiting" && audio.chunks.length > 0 && audio.replayed
      if (audio.state === "speaking" || again) return
      audio.state = "speaking"
      audio.trim()
    } else {
      audio.replayed = false
      if (audio.state !== "speaking") return
      audio.state = "awaiting"
      if (!answers) addPending(undefined)
    }
    emit({ _tag: started ? "UserSpeechStarted" : "UserSpeechStopped" })
  }
  const addPending = (request: string | undefined, commit?: string) => {
    pending.push({ request, commit, item: undefined, since: now() })
    if (pending.length > MAX_OPEN) emit({ _tag: "UserTurnTranscribed", request: pending.shift()?.request })
  }

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
      case "input_audio_buffer.committed": {
        if (remote) onSpeech(false)
        // fixes its position: its transcript may arrive after that of the reply
        heard = event.item_id ?? `item-${++unnamedItems}`
        if (unanswered.length < MAX_OPEN) unanswered.push(heard)
        const turn = pending.find(({ item }) => item === undefined)
        if (turn !== undefined) turn.item = heard
        return context.add("user", heard, "")
      }
      case "conversation.item.input_audio_transcription.delta": {
        const item = event.item_id ?? heard
        const text = (interims.get(item) ?? "") + (event.delta ?? "")
        if (text.length > MAX_TRANSCRIPT || (interims.size >= MAX_OPEN && !interims.has(item))) return
        interims.set(item, text)
        return emit({ _tag: "UserTranscript", text, final: false })
      }
      case "conversation.item.input_audio_transcription.completed":
        return onTranscript(event.item_id ?? heard, event.transcript ?? "")
      case "conversation.item.input_audio_transcription.failed":
        return onTranscript(event.item_id ?? heard, "")
      case "response.created":
        return onCreated(event)
      case "response.output_item.added":
        return event.item.id == null ? undefined : content.item(nameOf(event.response_id), event.item.id)
      case "response.output_item.done":
        return onItem(nameOf(event.response_id), event.item)
      case "response.content_part.done":
        return onPart(nameOf(event.response_id), event.item_id ?? "", event.part)
      case "response.output_text.delta":
        return content.written(nameOf(event.response_id), event.item_id ?? "", event.delta, false)
      case "response.output_text.done":
        return content.written(nameOf(event.response_id), event.item_id ?? "", event.text, true)
      case "response.output_audio.delta":
        if (unanswered.length > 0) unanswered = []
        return content.audio(
          nameOf(event.response_id),
          event.item_id ?? "",
          typeof event.content_index === "number" ? event.content_index : 0,
          event.pcm
        )
      case "response.output_audio.done":
        return content.audioDone(nameOf(event.response_id))
      case "response.output_audio_transcript.delta":
        return content.transcript(nameOf(event.response_id), event.delta)
      case "response.output_audio_transcript.done":
        return content.transcript(nameOf(event.response_id), event.transcript, true)
      case "response.function_call_arguments.done":
        // the name of the function follows with the item
        return event.name == null ? undefined : content.toolCall(
          nameOf(event.response_id),
          event.call_id,
          event.name,
          CallArguments.read(event.arguments)
        )
      case "response.done":
        return onDone(event)
      case "Ignored":
        return
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
    },
    disconnected: (error) => {
      send = undefined
      opening = undefined
      interims.clear()
      // all audio that is sent again makes one turn
      for (const { request } of pending.splice(0, pending.length - 1)) emit({ _tag: "UserTurnTranscribed", request })
      for (const turn of pending) turn.item = undefined
      const owed = conversation.owesAnswer
      conversation.disconnected(error)
      if (owed && audio.state === "quiet") audio.state = "awaiting"
      if (audio.state === "awaiting") { for (const item of unanswered.splice(0)) context.remove(item) }
      return false
    },
    tick: () => conversation.tick(),
    isBusy: () => conversation.isBusy || audio.state === "speaking" || audio.state === "awaiting" || pending.length > 0,
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
      addPending(request, commit())
    },
    userText: (text, request) => conversation.request({ id: request, kind: "text", text }),
    say: (text, request) => conversation.request({ id: request, kind: "say", text }),
    cancel: (request) => conversation.cancel(request),
    truncate: (reply, playedMs) => conversation.truncate(reply, playedMs),
    toolResult: (id, output) => conversation.toolResult(id, output)
  }
}
