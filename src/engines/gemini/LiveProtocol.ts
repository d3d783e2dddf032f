/**
 * The Gemini Live API as the codec of a conversation: the user's turns and transcripts, the model's turns, and what resumes
 * or replays a session on the next connection. Plain and synchronous.
 *
 * @since 0.1.0
 */
import type { SpeechToSpeechClient } from "../../speech/SpeechToSpeech.ts"
import { ModelConversation } from "../hosted/s2s/ModelConversation.ts"
import type { ModelReply } from "../hosted/s2s/ModelReply.ts"
import { S2sContext } from "../hosted/s2s/S2sContext.ts"
import { DEADLINE_MS, type S2sProtocol, type S2sProtocolOptions } from "../hosted/s2s/S2sProtocol.ts"
import { UserAudio } from "../hosted/s2s/UserAudio.ts"
import * as VerbatimPrompt from "../hosted/s2s/VerbatimPrompt.ts"
import { EnergyDetector, WINDOW } from "../local/EnergyDetector.ts"
import { client, decode, INPUT_RATE, OUTPUT_RATE, type ServerEvent } from "./LiveMessages.ts"

/** Sound that did not become a turn is discarded after 30 s of silence. */
const MAX_SILENCE = 30 * INPUT_RATE
/** Characters of one turn's transcript. */
const MAX_TRANSCRIPT = 16_384
/** What is sent when the model's turn after the user's speech was empty. */
const ANSWER_ALOUD = "Please answer aloud what the user has just said."

/**
 * Options of a session's protocol. `setup`: the fields of `setup`, without those of resumption; `inLanguage`: the same for
 * another language, `ofClient` with what the user's client tells the model. Default: they cannot be changed.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveProtocolOptions extends S2sProtocolOptions {
  readonly setup: { readonly [key: string]: unknown }
  readonly inLanguage?: ((language: string) => LiveProtocolOptions["setup"]) | undefined
  readonly ofClient?: ((client: SpeechToSpeechClient) => LiveProtocolOptions["setup"]) | undefined
}

/**
 * Creates the protocol of one session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: LiveProtocolOptions): S2sProtocol => {
  const { deadlineMs = DEADLINE_MS, emit, now = () => 0, remote, speaksText = false } = options
  const context = new S2sContext(options.history)
  /** `undefined` until the server has accepted the setup. */
  let send: ((message: string) => void) | undefined
  let opening: ((message: string) => void) | undefined
  let readyAt = 0
  /** The handle by which the next connection can resume the session. */
  let handle: string | undefined
  let resumed = false
  /** Whether the server has announced the end of the connection. */
  let leaving = false
  let { setup } = options
  /** Whether the next connection has another setup: it cannot be changed on an open one. */
  let changed = false
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
        if (!voiced && audio.state === "quiet") audio.trim()
        voiced = true
      }
      quietSamples = 0
      spokeAt = now()
    }
  })
  /** When the user was last known to speak, in ms; and whether audio has come since that was last asked. */
  let spokeAt = 0
  let pushed = false
  /** Whether the user's speech is held back until it is known to be an interruption. */
  let held = false
  /** Whether the server was told that the user speaks. */
  let activityOpen = false
  /** The transcript of the turn so far, and the number of the turn. */
  let transcript = ""
  let turn = 0
  /** The reply to that turn. */
  let answer: ModelReply | undefined
  /** Whether the transcript of a turn that is being answered has not arrived. */
  let transcriptPending = false
  /** The name of the model's latest turn; the server gives none. */
  let response = "response-0"
  let responses = 0
  /** Whether `turnComplete` of a turn that has ended here has not arrived. */
  let trailing = false
  /** Calls that came without an id. */
  let unnamed = 0
  const unnamedCalls = new Set<string>()

  const conversation: ModelConversation = new ModelConversation(options, {
    vendor: "gemini",
    sampleRate: OUTPUT_RATE,
    ordered: true,
    initiates: remote,
    ask: (reply) => {
      const { next, request, sent } = reply
      if (request?.kind === "text" && !sent) {
        context.remove(request.id)
        context.add("user", request.id, request.text)
      }
      if (request?.kind === "say") return sendText(VerbatimPrompt.of(request.text))
      if (request?.kind === "text") return sendText(request.text)
      if (next === "again") return sendText(ANSWER_ALOUD)
      if (!activityOpen) send?.(client.activityStart)
      send?.(client.activityEnd)
      activityOpen = false
    },
    starts: (reply) => {
      if (reply.started) return
      if (reply.request === undefined || reply.request.kind === "commit") {
        answer = reply
        stopSpeech()
        turn++
        transcriptPending = transcript === ""
        voiced = false
        // fixes its position: its transcript may arrive after that of the reply
        context.add("user", `turn-${turn}`, "")
        emitTranscript()
      }
      if (audio.state === "awaiting") audio.state = "quiet"
    },
    stop: () => {
      if (held) sendHeldSpeech()
    },
    // the API cannot truncate the model's context
    truncate: () => {},
    toolOutput: (id, name, output) =>
      send?.(client.toolResponse(unnamedCalls.delete(id) ? undefined : id, name, output)),
    turnDueSince: () => {
      if (!remote) return undefined
      if (audio.state !== "speaking") return audio.awaitedSince
      // the server reports no end of speech
      if (detector.speaking && pushed) spokeAt = now()
      pushed = false
      return Math.max(readyAt, spokeAt)
    },
    turnLost: () => closeTurn()
  }, { deadlineMs, now, speaksText, context })
  const { content } = conversation
  const audio: UserAudio = new UserAudio({
    sampleRate: INPUT_RATE,
    remote,
    now,
    unanswered: () => conversation.owesAnswer,
    connected: () => conversation.isConnected,
    send: (pcm) => send?.(client.audio(pcm)),
    discard: () => {}
  })

  const sendText = (text: string) => {
    if (!remote) send?.(client.activityStart)
    send?.(client.text(text))
    if (!remote) send?.(client.activityEnd)
    activityOpen = false
  }
  /** Sends an utterance that was held back. */
  const sendHeldSpeech = () => {
    if (send === undefined) return
    held = false
    if (!activityOpen) send(client.activityStart)
    activityOpen = true
    for (const chunk of audio.chunks) send(client.audio(chunk))
  }
  const emitTranscript = () => {
    if (transcript.trim() !== "") {
      context.add("user", `turn-${turn}`, transcript)
      emit({ _tag: "UserTranscript", text: transcript.trim(), final: true })
    }
    transcript = ""
  }
  const startSpeech = () => {
    if (!remote || audio.state === "speaking" || (audio.state === "awaiting" && audio.replayed)) return
    audio.state = "speaking"
    spokeAt = now()
    transcriptPending = false
    emit({ _tag: "UserSpeechStarted" })
  }
  const stopSpeech = () => {
    audio.replayed = false
    if (!remote || audio.state !== "speaking") return
    audio.state = "awaiting"
    emit({ _tag: "UserSpeechStopped" })
  }
  /** The user's turn gets no answer. */
  const closeTurn = () => {
    stopSpeech()
    audio.state = "quiet"
    voiced = false
    turn++
    emitTranscript()
    if (!conversation.dropLost()) emit({ _tag: "UserTurnUnanswered" })
  }
  /** Whether the model owes an answer. */
  const isAwaited = () => conversation.isAsked || (remote && (voiced || audio.state !== "quiet"))
  /** The response in progress; begins one if there is none. */
  const current = (): string => {
    if (conversation.inProgress(response)) return response
    response = `response-${++responses}`
    trailing = false
    conversation.begin(response)
    return response
  }
  const finish = (cancelled: boolean) => {
    emitTranscript()
    conversation.done(response, { cancelled })
  }
  /** The model's turn is over, and nothing came of it. */
  const onEmptyTurn = (cancelled: boolean) => {
    if (conversation.emptyTurn(`response-${++responses}`, { cancelled })) return
    if (remote && !cancelled && audio.state !== "quiet") closeTurn()
  }

  const onReady = () => {
    if (opening === undefined || send !== undefined) return
    send = opening
    readyAt = now()
    const { messages } = context
    if (!resumed && messages.length > 0) send(client.history(messages))
    // audio that was not answered is sent again
    if (remote) audio.replay(audio.state !== "quiet" || voiced)
    else if (audio.state !== "quiet") sendHeldSpeech()
    options.ready()
    conversation.connected()
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
        const answering = conversation.isAnswering
        spokeAt = now()
        if (remote && audio.state === "quiet" && !answering && !transcriptPending) startSpeech()
        if (transcript.length + event.text.length <= MAX_TRANSCRIPT) transcript += event.text
        if (transcript.trim() !== "") emit({ _tag: "UserTranscript", text: transcript.trim(), final: false })
        if (event.finished || (transcriptPending && !answering)) {
          transcriptPending = false
          emitTranscript()
        }
        return
      }
      case "OutputTranscription":
        // it may arrive after the turn that it belongs to, and is no sign of another
        if (!conversation.inProgress(response) && (trailing || !isAwaited())) return
        return content.transcript(current(), event.text)
      case "Audio":
        return content.audio(current(), "", 0, event.pcm)
      case "Text":
        return content.written(current(), "text", event.text, false)
      case "ToolCalls":
        for (const { id, input, name } of event.calls) {
          const call = id ?? `${name}-${++unnamed}`
          if (id === undefined) unnamedCalls.add(call)
          content.toolCall(current(), call, name, input)
        }
        return
      case "ToolCallsCancelled":
        return conversation.toolCallsCancelled(event.ids)
      case "Interrupted": {
        const former = trailing
        trailing = true
        if (conversation.inProgress(response)) finish(true)
        // where the backend decides turns, nothing interrupts a reply that has not begun
        else if (!former) onEmptyTurn(remote)
        // a typed turn interrupts as well
        return conversation.isAsked && !voiced ? undefined : startSpeech()
      }
      case "GenerationComplete":
        if (conversation.waitsForTools(response) || trailing) return
        trailing = true
        return conversation.inProgress(response) ? finish(false) : onEmptyTurn(false)
      case "TurnComplete":
        if (trailing) {
          trailing = false
          return emitTranscript()
        }
        if (conversation.waitsForTools(response)) return
        return conversation.inProgress(response) ? finish(false) : onEmptyTurn(false)
      case "GoAway":
        leaving = true
    }
  }
  const changeTo = (next: LiveProtocolOptions["setup"] | undefined) => {
    if (next === undefined) return
    setup = next
    changed = true
    renewInPause()
  }
  const renewInPause = () => {
    if ((leaving || changed) && send !== undefined && !isBusy()) options.renew(true)
  }
  const isBusy = () => conversation.isBusy || audio.state === "speaking" || audio.state === "awaiting"

  return {
    connected: (connection) => {
      opening = connection
      leaving = false
      changed = false
      audio.connecting()
      resumed = handle !== undefined
      connection(client.setup({
        ...setup,
        sessionResumption: handle === undefined ? {} : { handle },
        ...(handle === undefined && context.messages.length > 0
          ? { historyConfig: { initialHistoryInClientContent: true } }
          : {})
      }))
    },
    receive: (message) => {
      // what cannot be read is passed over; what it leaves undone has a deadline
      const read = decode(message)
      if (read._tag === "Success") { for (const event of read.success) onEvent(event) }
      renewInPause()
    },
    disconnected: (error) => {
      const refused = send === undefined && resumed
      send = undefined
      opening = undefined
      trailing = false
      transcript = ""
      held = false
      activityOpen = false
      unnamedCalls.clear()
      // a resumed session might be gone, and would not have the unfinished turn
      if (refused || audio.state !== "quiet" || voiced || conversation.isBusy) handle = undefined
      const owed = conversation.owesAnswer
      conversation.disconnected(error)
      if (!owed) return refused
      if (audio.state === "quiet") audio.state = "awaiting"
      if (answer?.over === false && !answer.produced) context.remove(`turn-${turn}`)
      return refused
    },
    tick: () => {
      conversation.tick()
      renewInPause()
    },
    isBusy,
    push: (pcm) => {
      if (remote) {
        pushed = true
        detector.push(pcm)
        if (!detector.speaking) quietSamples += pcm.length
        // sound that was not answered for so long was no turn
        if (voiced && quietSamples > MAX_SILENCE && audio.state === "quiet") voiced = false
      }
      audio.push(pcm, voiced, held)
    },
    activity: (activity) => {
      if (remote) return
      const began = audio.state === "quiet" || audio.state === "awaiting"
      audio.activity(activity, () => true)
      if (!began || activity._tag === "SpeechStopped") return
      held = conversation.isAnswering
      if (!held) sendHeldSpeech()
    },
    commit: (_, request) => {
      const spoke = audio.state === "speaking" || audio.state === "paused"
      if (spoke && (held || !activityOpen)) sendHeldSpeech()
      held = false
      if (spoke) audio.state = "awaiting"
      conversation.request({ id: request, kind: "commit", text: "" })
    },
    userText: (text, request) => conversation.request({ id: request, kind: "text", text }),
    say: (text, request) => conversation.request({ id: request, kind: "say", text }),
    cancel: (request) => conversation.cancel(request),
    truncate: (reply, playedMs) => conversation.truncate(reply, playedMs),
    toolResult: (id, output) => conversation.toolResult(id, output),
    setLanguage: options.inLanguage === undefined
      ? undefined
      : (language) => changeTo(options.inLanguage?.(language)),
    setClient: options.ofClient === undefined ? undefined : (client) => changeTo(options.ofClient?.(client))
  }
}
