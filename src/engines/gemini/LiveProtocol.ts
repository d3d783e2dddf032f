/**
 * The protocol state of one session with the Gemini Live API, apart from the socket: turns, replies, tools, and what is
 * replayed to the next connection. Plain and synchronous.
 *
 * @since 0.1.0
 */
import { type BackendError, PipelineError } from "../../BackendError.ts"
import { type ContextMessage, S2sContext } from "../hosted/s2s/S2sContext.ts"
import type { S2sListener, S2sProtocol } from "../hosted/s2s/S2sProtocol.ts"
import { type ReplyRequest, S2sReply } from "../hosted/s2s/S2sReply.ts"
import { UtteranceBuffer } from "../hosted/s2s/UtteranceBuffer.ts"
import { EnergyDetector, WINDOW } from "../local/EnergyDetector.ts"
import { client, decode, INPUT_RATE, OUTPUT_RATE, type ServerEvent } from "./LiveMessages.ts"

/** Audio buffered while the user is silent, 1 s: the start of the next utterance. */
const PRE_ROLL = INPUT_RATE
/** Audio buffered while the user speaks, at most 1 min. */
const MAX_UTTERANCE = 60 * INPUT_RATE
/** Sound that did not become a turn is discarded after 30 s of silence. */
const MAX_SILENCE = 30 * INPUT_RATE
/** Requests for replies that may be queued; more fail. */
const MAX_QUEUED = 64
/** Characters of one turn's transcript. */
const MAX_TRANSCRIPT = 16_384
/** Tool calls that may be pending; more are answered with an error. */
const MAX_CALLS = 64
/** Silence that carries the last words of a reply when no audio is left, 20 ms. */
const TAIL = OUTPUT_RATE / 50

/**
 * Options of a session's protocol.
 *
 * - `setup`: the fields of `setup`, without those of resumption.
 * - `remote`: whether the model is the turn authority.
 * - `history`: the conversation so far, of a session that is resumed.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveProtocolOptions extends S2sListener {
  readonly setup: { readonly [key: string]: unknown }
  readonly remote: boolean
  readonly history: ReadonlyArray<ContextMessage>
}

const verbatimPrompt = (text: string) =>
  `Say exactly the following text, word for word, in its language, and nothing else:\n\n${text}`

/**
 * Creates the protocol of one session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: LiveProtocolOptions): S2sProtocol => {
  const { emit, remote } = options
  /** The user's audio that has not been answered. */
  const utterance = new UtteranceBuffer()
  /** With the model as turn authority: the user's audio while there was no connection. */
  const lostAudio = new UtteranceBuffer()
  /** Audio of a silent user, which was not sent. */
  const preRoll = new UtteranceBuffer()
  const context = new S2sContext(options.history)
  /** `undefined` until the server has accepted the setup. */
  let send: ((message: string) => void) | undefined
  let opening: ((message: string) => void) | undefined
  /** The handle by which the next connection can resume the session. */
  let handle: string | undefined
  let resumed = false
  let user: "quiet" | "speaking" | "paused" | "awaiting" = "quiet"
  /** Whether audio of the previous connection is being sent again. */
  let replayed = false
  /** Whether there was sound that has not been answered; decided by energy, because the server reports no start of speech. */
  let voiced = false
  let quietSamples = 0
  const detector = new EnergyDetector({
    margin: 12,
    minLevel: -45,
    minSpeech: 3 * WINDOW,
    minSilence: 12 * WINDOW,
    onsetLag: WINDOW,
    offsetLag: 0,
    onActivity: ({ _tag }) => {
      if (_tag === "SpeechStarted") {
        if (!voiced && user === "quiet") utterance.trim(PRE_ROLL)
        voiced = true
      }
      quietSamples = 0
    }
  })
  /** Whether the user's speech is held back until it is known to be an interruption. */
  let held = false
  /** The transcript of the turn so far, and the number of the turn. */
  let transcript = ""
  let turn = 0
  /** Whether the transcript of a turn that is being answered has not arrived. */
  let transcriptPending = false
  const queued: Array<ReplyRequest> = []
  let count = 0
  let current: S2sReply | undefined
  /** A reply that the model began by itself, and that was lost before any audio. */
  let unrequested: S2sReply | undefined
  /** Whether `turnComplete` of a turn that has ended here has not arrived. */
  let trailing = false
  /** Whether the server has announced the end of the connection. */
  let leaving = false
  const calls = new Map<string, { readonly reply: S2sReply; readonly name: string }>()

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
  }
  const request = (kind: ReplyRequest["kind"], first: ReplyRequest["messages"], text?: string) => {
    const next: ReplyRequest = { id: `ask-${++count}`, kind, messages: first, text, response: {} }
    if (queued.length >= MAX_QUEUED) {
      const message = `gemini: request queue is full (${MAX_QUEUED} replies)`
      return fail(
        new S2sReply(`reply-${++count}`, next),
        new PipelineError({ op: "SpeechToSpeech.reply", message, retryable: false })
      )
    }
    queued.push(next)
    pump()
  }
  const pump = () => {
    if (send === undefined || current !== undefined) return
    let next = queued.shift()
    // of a lost connection, and truncated since
    while (next?.reply?.cancelled === true) next = queued.shift()
    if (next === undefined) return leaving && !busy() ? options.renew(true) : undefined
    current = next.reply ?? new S2sReply(`reply-${++count}`, next)
    for (const message of next.messages) send(message)
    if (next.text === undefined) return
    if (next.kind === "text") context.add("user", next.id, next.text)
    if (!remote) send(client.activityStart)
    send(client.text(next.kind === "say" ? verbatimPrompt(next.text) : next.text))
    if (!remote) send(client.activityEnd)
  }
  const busy = () => current !== undefined || queued.length > 0 || user === "speaking" || user === "awaiting"

  const emitTranscript = () => {
    if (transcript.trim() !== "") {
      context.add("user", `turn-${turn}`, transcript)
      emit({ _tag: "UserTranscript", text: transcript.trim(), final: true })
    }
    transcript = ""
  }
  const startSpeech = () => {
    if (!remote || user === "speaking" || (user === "awaiting" && replayed)) return
    user = "speaking"
    transcriptPending = false
    emit({ _tag: "UserSpeechStarted" })
  }
  const stopSpeech = () => {
    replayed = false
    if (!remote || user !== "speaking") return
    user = "awaiting"
    emit({ _tag: "UserSpeechStopped" })
  }
  /** The reply in progress; begins one if there is none. */
  const currentReply = (): S2sReply => {
    if (current === undefined) {
      current = unrequested ?? new S2sReply(`reply-${++count}`, undefined)
      unrequested = undefined
    }
    if (!current.started || current.request === undefined) trailing = false
    if (current.started) return current
    const spoken = current.request === undefined || current.request.kind === "commit"
    if (spoken) {
      stopSpeech()
      turn++
      transcriptPending = transcript === ""
      voiced = false
      // fixes its position: its transcript may arrive after that of the reply
      context.add("user", `turn-${turn}`, "")
      emitTranscript()
    }
    if (user === "awaiting") user = "quiet"
    start(current)
    return current
  }
  const finish = () => {
    const reply = current
    if (reply === undefined) return
    current = undefined
    emitTranscript()
    const text = reply.takeText()
    if (!reply.cancelled && text !== "" && reply.ms > 0) {
      emit({ _tag: "ReplyAudio", reply: reply.name, pcm: new Int16Array(TAIL), text })
    }
    if (!reply.cancelled) emit({ _tag: "ReplyEnded", reply: reply.name })
    pump()
  }
  /** Sends an utterance that was held back. */
  const sendHeldSpeech = () => {
    held = false
    send?.(client.activityStart)
    for (const chunk of utterance.chunks) send?.(client.audio(chunk))
  }

  const onReady = () => {
    if (opening === undefined || send !== undefined) return
    send = opening
    const { messages: said } = context
    if (!resumed && said.length > 0) send(client.history(said))
    // audio that was not answered is sent again
    if (remote) {
      for (const chunk of (user !== "quiet" || voiced ? utterance : lostAudio).chunks) send(client.audio(chunk))
    }
    lostAudio.clear()
    if (user !== "quiet" && !remote) sendHeldSpeech()
    options.ready()
    pump()
  }
  const onAudio = (pcm: Int16Array | string) => {
    const reply = currentReply()
    if (reply.cancelled) return
    if (typeof pcm === "string") return fail(reply, malformed(pcm))
    if (reply.tooLong) return fail(reply, malformed("a reply of more than 10 minutes"))
    emit({ _tag: "ReplyAudio", reply: reply.name, pcm, text: reply.addAudio("", 0, pcm.length, OUTPUT_RATE) })
  }
  const onEvent = (event: ServerEvent): void => {
    switch (event._tag) {
      case "Ready":
        return onReady()
      case "ResumptionHandle":
        handle = event.handle ?? handle
        return
      case "SpeechStarted":
        return startSpeech()
      case "SpeechStopped":
        return stopSpeech()
      case "InputTranscription": {
        if (remote && user === "quiet" && current === undefined && !transcriptPending) startSpeech()
        if (transcript.length + event.text.length <= MAX_TRANSCRIPT) transcript += event.text
        if (transcript.trim() !== "") emit({ _tag: "UserTranscript", text: transcript.trim(), final: false })
        if (event.finished || (transcriptPending && current === undefined)) {
          transcriptPending = false
          emitTranscript()
        }
        return
      }
      case "OutputTranscription": {
        const reply = currentReply()
        if (reply.cancelled) return
        reply.addText(event.text)
        return context.add("agent", reply.name, event.text, reply.ms)
      }
      case "Audio":
        return onAudio(event.pcm)
      case "ToolCalls": {
        const reply = currentReply()
        for (const { id, input, name } of event.calls) {
          if (calls.size >= MAX_CALLS) {
            send?.(client.toolResponse(id, name, `{"error":"too many calls at once"}`))
            continue
          }
          calls.set(id, { reply, name })
          reply.calls.add(id)
          if (reply.cancelled) send?.(client.toolResponse(id, name, `{"error":"the user interrupted"}`))
          else emit({ _tag: "ToolCall", reply: reply.name, id, name, input })
        }
        return
      }
      case "ToolCallsCancelled":
        for (const id of event.ids) {
          calls.get(id)?.reply.calls.delete(id)
          calls.delete(id)
        }
        return
      case "Interrupted":
        trailing = true
        // a reply that was requested meanwhile is not the interrupted one
        if (current?.started === true) finish()
        return startSpeech()
      case "GenerationComplete":
        if (current?.started !== true || current.calls.size > 0) return
        trailing = true
        return finish()
      case "TurnComplete": {
        if (trailing) {
          trailing = false
          return emitTranscript()
        }
        if (current === undefined || current.calls.size > 0) return
        if (!current.started) currentReply()
        return finish()
      }
      case "GoAway":
        leaving = true
        return busy() ? undefined : options.renew(true)
    }
  }

  return {
    connected: (connection) => {
      opening = connection
      leaving = false
      replayed = user !== "quiet"
      resumed = handle !== undefined
      connection(client.setup({
        ...options.setup,
        sessionResumption: handle === undefined ? {} : { handle },
        ...(handle === undefined && context.messages.length > 0
          ? { historyConfig: { initialHistoryInClientContent: true } }
          : {})
      }))
    },
    receive: (message) => {
      const read = decode(message)
      if (read._tag === "Success") {
        for (const event of read.success) onEvent(event)
        return
      }
      // the subject of a malformed message is unknown: only a reply in progress can fail
      if (current !== undefined && current.started && !current.cancelled) fail(current, malformed(read.failure))
    },
    disconnected: (error) => {
      const refused = send === undefined && resumed
      send = undefined
      opening = undefined
      trailing = false
      transcript = ""
      calls.clear()
      // a resumed session might be gone, and would not have the unfinished turn
      if (refused || user !== "quiet" || voiced || current !== undefined) handle = undefined
      const reply = current
      current = undefined
      if (reply === undefined || reply.cancelled) return refused
      if (reply.ms > 0 || reply.calls.size > 0) {
        fail(reply, error)
        return refused
      }
      const kind = reply.request?.kind ?? "commit"
      if (reply.request === undefined) unrequested = reply
      // typed text is sent again with the request, not replayed as history, or the model would not answer it
      else {
        if (kind === "text") context.remove(reply.request.id)
        queued.unshift({ ...reply.request, reply })
      }
      if (kind !== "commit") return refused
      user = "awaiting"
      if (reply.started) context.remove(`turn-${turn}`)
      return refused
    },
    isBusy: busy,
    expectsMessage: () =>
      send !== undefined &&
      ((current !== undefined && current.calls.size === 0) || (remote && user === "awaiting")),
    push: (pcm) => {
      const kept = user !== "quiet" || voiced || (current !== undefined && current.ms === 0 && !current.cancelled)
      if (remote) {
        detector.push(pcm)
        // sound that was not answered for so long was no turn
        if (voiced && !detector.speaking && (quietSamples += pcm.length) > MAX_SILENCE && user === "quiet") {
          voiced = false
        }
        utterance.push(pcm, kept ? MAX_UTTERANCE : PRE_ROLL)
        if (send === undefined) lostAudio.push(pcm, MAX_UTTERANCE)
        send?.(client.audio(pcm))
      } else if (user === "quiet" || user === "awaiting") {
        // without the model as turn authority, silence is not sent
        preRoll.push(pcm, PRE_ROLL)
      } else {
        utterance.push(pcm, MAX_UTTERANCE)
        if (!held) send?.(client.audio(pcm))
      }
    },
    activity: (activity) => {
      if (remote) return
      if (activity._tag === "SpeechStopped") {
        if (user === "speaking") user = "paused"
        return
      }
      if (user === "quiet" && (current === undefined || current.ms > 0 || current.cancelled)) utterance.clear()
      if (user === "quiet" || user === "awaiting") {
        // an answered utterance is not sent again
        if (user === "awaiting" && current?.started === true) utterance.clear()
        for (const chunk of preRoll.chunks) utterance.push(chunk, MAX_UTTERANCE)
        preRoll.clear()
        held = current !== undefined && !current.cancelled
        if (!held) sendHeldSpeech()
      }
      user = "speaking"
    },
    commit: () => {
      const spoke = user === "speaking" || user === "paused"
      if (held && spoke) sendHeldSpeech()
      if (spoke) user = "awaiting"
      request("commit", spoke ? [client.activityEnd] : [client.activityStart, client.activityEnd])
    },
    userText: (text) => request("text", [], text),
    say: (text) => request("say", [], text),
    truncate: (name, playedMs) => {
      context.truncate(name, playedMs)
      for (const reply of [unrequested, ...queued.map((waiting) => waiting.reply)]) {
        if (reply?.name === name) reply.cancelled = true
      }
      if (current?.name !== name || current.cancelled) return
      current.cancelled = true
      const waits = current.calls.size > 0
      if (held) sendHeldSpeech()
      if (!waits) return
      // it was waiting for tool results; no more of it will arrive
      current = undefined
      trailing = true
      pump()
    },
    toolResult: (id, output) => {
      const called = calls.get(id)
      // cancelled, or from a previous connection
      if (called === undefined) return
      calls.delete(id)
      called.reply.calls.delete(id)
      send?.(client.toolResponse(id, called.name, output))
    }
  }
}

const malformed = (what: string) =>
  new PipelineError({
    op: "SpeechToSpeech.reply",
    message: `gemini sent ${what}`,
    details: { vendor: "gemini" },
    retryable: false
  })
