/**
 * The state of a call for a page of any framework: what `getState` gives is never changed, and `subscribe` tells when there is
 * another.
 *
 * ```ts
 * import { CallStore } from "effect-voice/client"
 *
 * const store = new CallStore({ connect: { transport: "webrtc" } })
 * store.subscribe(() => {
 *   const { phase, transcript } = store.getState()
 *   document.title = `${phase}: ${transcript.at(-1)?.text ?? ""}`
 * })
 * document.body.onclick = () => void store.start()
 * ```
 *
 * @since 0.1.0
 */
import type { Levels } from "../media/CallMedia.ts"
import type { ServerMessage } from "../protocol/ClientProtocol.ts"
import { VoiceClient } from "../VoiceClient.ts"
import { VoiceClientError } from "../VoiceClientError.ts"
import type { CallEnded } from "../VoiceClientEvents.ts"
import { CallDeviceList, isSameList } from "./CallDeviceList.ts"
import { type CallIncident, type CallState, initialState } from "./CallState.ts"
import type { CallOfStore, CallStoreClient, CallStoreOptions } from "./CallStoreOptions.ts"
import { endingOf, incidentOf } from "./Incidents.ts"
import { openCall } from "./OpenCall.ts"
import { afterMessage, agentOf, keepLatest } from "./StateChanges.ts"
import * as Transcript from "./Transcript.ts"

/** A call that is being set up. */
interface Attempt {
  readonly abort: AbortController
  readonly connected: Promise<boolean>
}

/**
 * One call at a time, its state, and what can be done with it. Nothing is opened or listened to before `start` and
 * `subscribe`, so that a store can be made anywhere, also on a server. Every function may be passed on by itself.
 *
 * @category models
 * @since 0.1.0
 */
export class CallStore {
  readonly #options: CallStoreOptions
  readonly #client: CallStoreClient
  readonly #listeners = new Set<() => void>()
  readonly #devices: CallDeviceList
  #state: CallState
  #attempt: Attempt | undefined
  #call: CallOfStore | undefined
  #unlisten: ReadonlyArray<() => void> = []
  #userSpeaking = false
  #calls = 0
  #nextEntry = 1
  #nextIncident = 1
  /** The devices that are in use, to go back to from a choice that fails. */
  #used: { readonly input: string; readonly output: string }

  constructor(options: CallStoreOptions = {}) {
    this.#options = options
    this.#client = options.client ?? VoiceClient
    this.#used = { input: options.input ?? "", output: options.output ?? "" }
    this.#state = { ...initialState, devices: { ...initialState.devices, ...this.#used } }
    this.#devices = new CallDeviceList(() => this.#client.devices(), (found) => {
      const { devices } = this.#state
      const next = { ...devices, ...found }
      if (next.permission !== devices.permission || !isSameList(next, devices)) this.#set({ devices: next })
    })
  }

  /** The state; the same object until something changes. */
  readonly getState = (): CallState => this.#state

  /** Calls `listener` after every change, until the returned function is called. Devices are watched while somebody listens. */
  readonly subscribe = (listener: () => void): () => void => {
    // the same function may be given twice
    const own = () => listener()
    if (this.#listeners.size === 0) this.#devices.start()
    this.#listeners.add(own)
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#devices.stop()
    }
  }

  /** The RMS levels of both voices, 0..1; to be read once per animation frame. No state changes with them. */
  readonly levels = (): Levels => {
    const call = this.#call
    if (call === undefined) return { user: 0, agent: 0 }
    return call.muted ? { user: 0, agent: call.levels.agent } : call.levels
  }

  /**
   * Starts a call, unless there is one, and completes with whether there is. Never rejects: `ended` of the state says why there
   * is none. Call it from a click or key press. `microphone: false` is for a call in which the user only types.
   */
  readonly start = (options: { readonly microphone?: boolean | undefined } = {}): Promise<boolean> => {
    if (this.#call !== undefined) return Promise.resolve(true)
    if (this.#attempt !== undefined) return this.#attempt.connected
    const abort = new AbortController()
    // Runs to the opening of the audio at once, while the user's gesture counts; it may have failed already.
    const connected = this.#connect(abort, options.microphone !== false)
    if (abort.signal.aborted) return connected
    this.#attempt = { abort, connected }
    this.#set({ phase: "connecting", ended: undefined, ...(this.#options.keepTranscript === true ? {} : noWords) })
    return connected
  }

  /** Ends the call, or stops setting it up; releases the microphone. */
  readonly hangUp = (): void => {
    const call = this.#call
    if (call === undefined && this.#attempt === undefined) return
    this.#attempt?.abort.abort()
    this.#finish({ reason: "ended_by_user", error: undefined })
    call?.end()
  }

  /** Mutes the microphone, or with `false` sends it again. */
  readonly mute = (muted = true): void => {
    if (muted) this.#call?.mute()
    else this.#call?.unmute()
  }

  /** Sends a typed turn, and returns whether it was: there must be a call, and a text that the server takes. */
  readonly sendText = (text: string): boolean => {
    const call = this.#call
    if (call === undefined || text.trim() === "") return false
    try {
      call.sendText(text)
    } catch (error) {
      this.#report(error)
      return false
    }
    this.#apply(Transcript.typed(this.#transcript(), text))
    return true
  }

  /** Stops the agent's reply. */
  readonly interrupt = (): void => this.#call?.interrupt()

  /**
   * Chooses a microphone, and in a call changes or adds it. Completes with whether it is used; otherwise the former one stays,
   * and an incident says why.
   */
  readonly setInput = (deviceId: string): Promise<boolean> =>
    this.#choose("input", deviceId, async (call) => {
      await call.setInputDevice(deviceId)
      if (call === this.#call) this.#set({ hasMicrophone: call.hasMicrophone, muted: call.muted })
    })

  /** Chooses a speaker, and in a call changes it. Completes as `setInput` does. */
  readonly setOutput = (deviceId: string): Promise<boolean> =>
    this.#choose("output", deviceId, (call) => call.setOutputDevice(deviceId))

  /** Turns the sound on where the browser keeps it off. Call it from a click. */
  readonly startPlayback = (): void => this.#call?.startPlayback()

  /** Lists the devices anew. */
  readonly refreshDevices = (): Promise<void> => this.#devices.refresh()

  /** Removes an incident that the user has seen. */
  readonly dismiss = (id: number): void => {
    const incidents = this.#state.incidents.filter((each) => each.id !== id)
    if (incidents.length < this.#state.incidents.length) this.#set({ incidents })
  }

  /** Removes words, latencies and incidents; the session keeps its history. */
  readonly clear = (): void => this.#set(noWords)

  async #connect(abort: AbortController, microphone: boolean): Promise<boolean> {
    const { signal } = abort
    try {
      const { input, output } = this.#state.devices
      const call = await openCall(
        { ...this.#options, client: this.#client },
        { input, output, microphone },
        signal,
        () => {
          this.#used = { ...this.#used, input: "" }
          this.#set({ devices: { ...this.#state.devices, input: "" } })
        }
      )
      if (signal.aborted) {
        call.end()
        return false
      }
      this.#attempt = undefined
      this.#listen(call)
      return true
    } catch (cause) {
      if (signal.aborted) return false
      const error = toError(cause)
      this.#finish({ reason: error.code, error })
      return false
    } finally {
      // nothing listens to the page's own signal any more
      abort.abort()
    }
  }

  #listen(call: CallOfStore): void {
    this.#call = call
    this.#calls++
    this.#userSpeaking = false
    const on: CallOfStore["on"] = (type, listener) =>
      call.on(type, (event) => {
        // a listener may have hung up
        if (call === this.#call) listener(event)
      })
    const lost = (error: VoiceClientError) => {
      this.#report(error)
      void this.#devices.refresh()
    }
    this.#unlisten = [
      on("message", (message) => this.#receive(message)),
      on("muted", (muted) => this.#set({ muted })),
      on("connection", ({ resumed, state }) => {
        if (state === "ended") return
        if (state === "reconnecting") this.#userSpeaking = false
        this.#set({ phase: state, agent: agentOf(call.state, this.#userSpeaking) })
        if (resumed) this.#add({ kind: "good", text: "Connected again. The conversation goes on." })
      }),
      on("microphone.lost", lost),
      on("microphone.silenced", lost),
      on("speaker.lost", lost),
      on("microphone.restored", () => this.#add({ kind: "good", text: "The microphone works again." })),
      on("speaker.restored", () => this.#add({ kind: "good", text: "The speaker is back." })),
      on("playback.blocked", () => this.#set({ playbackBlocked: true })),
      on("playback.started", () => this.#set({ playbackBlocked: false })),
      on("ended", (ended) => this.#finish(ended))
    ]
    this.#set({
      phase: call.connection === "reconnecting" ? "reconnecting" : "connected",
      agent: agentOf(call.state, false),
      ended: undefined,
      sessionId: call.sessionId,
      muted: call.muted,
      hasMicrophone: call.hasMicrophone,
      playbackBlocked: call.playbackBlocked
    })
    // their labels are known from now on
    void this.#devices.refresh()
  }

  #finish({ error, reason }: CallEnded): void {
    this.#attempt = undefined
    this.#call = undefined
    this.#userSpeaking = false
    for (const unlisten of this.#unlisten) unlisten()
    this.#unlisten = []
    this.#set({
      phase: "ended",
      agent: "absent",
      ended: { reason, error, text: error?.message ?? endingOf(reason) },
      sessionId: undefined,
      muted: false,
      hasMicrophone: false,
      playbackBlocked: false
    })
  }

  #receive(message: ServerMessage): void {
    if (message.type === "user.speech_started") this.#userSpeaking = true
    if (message.type === "user.speech_stopped") this.#userSpeaking = false
    const agent = agentOf(this.#call?.state ?? "idle", this.#userSpeaking)
    this.#set(afterMessage(this.#state, message, { agent, call: this.#calls }))
    this.#apply(Transcript.receive(this.#transcript(), message))
    const incident = incidentOf(message)
    if (incident === undefined) return
    const { kind, ofTurn, text } = incident
    const latest = this.#state.transcript.findLast(({ call }) => call === this.#calls)?.turn
    const turn = "turn" in message ? message.turn : latest
    this.#add({ kind, text, turn: ofTurn ? turn : undefined, event: message })
  }

  #transcript(): Transcript.Transcript {
    return { entries: this.#state.transcript, nextId: this.#nextEntry, call: this.#calls }
  }

  #apply({ entries, nextId }: Transcript.Transcript): void {
    this.#nextEntry = nextId
    this.#set({ transcript: keepLatest(entries, this.#options.maxEntries ?? 400) })
  }

  #add(incident: Pick<CallIncident, "kind" | "text"> & Partial<CallIncident>): void {
    const added = { turn: undefined, event: undefined, error: undefined, ...incident }
    const incidents = [...this.#state.incidents, { ...added, id: this.#nextIncident++, call: this.#calls }]
    this.#set({ incidents: keepLatest(incidents, this.#options.maxIncidents ?? 100) })
  }

  #report(cause: unknown): void {
    const error = toError(cause)
    this.#add({ kind: "bad", text: error.message, error })
  }

  async #choose(
    which: "input" | "output",
    deviceId: string,
    apply: (call: CallOfStore) => Promise<void>
  ): Promise<boolean> {
    const choose = (id: string) => {
      if (this.#state.devices[which] !== id) this.#set({ devices: { ...this.#state.devices, [which]: id } })
    }
    choose(deviceId)
    const call = this.#call
    try {
      if (call !== undefined) await apply(call)
      this.#used = { ...this.#used, [which]: deviceId }
      void this.#devices.refresh()
      return true
    } catch (error) {
      // another may have been chosen meanwhile
      if (this.#state.devices[which] === deviceId) choose(this.#used[which])
      if (call === this.#call) this.#report(error)
      return false
    }
  }

  #set(changes: Partial<CallState>): void {
    const next = { ...this.#state, ...changes }
    if (keys.every((key) => next[key] === this.#state[key])) return
    this.#state = next
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener()
      } catch (error) {
        reportError(error)
      }
    }
  }
}

const keys: ReadonlyArray<keyof CallState> = [
  "phase",
  "agent",
  "ended",
  "sessionId",
  "muted",
  "hasMicrophone",
  "playbackBlocked",
  "transcript",
  "latencies",
  "incidents",
  "devices"
]

const noWords: Partial<CallState> = { transcript: [], latencies: [], incidents: [] }

const toError = (cause: unknown): VoiceClientError =>
  cause instanceof VoiceClientError
    ? cause
    : new VoiceClientError("connection_failed", "The call could not be set up.", { cause })
