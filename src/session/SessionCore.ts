/**
 * The state of a session, and the shell of its conversation: carries out what the machine decides.
 *
 * `dispatch` is synchronous: holding, releasing and ending speech act before it returns. What takes time (a reply, a timer,
 * a window) is a fiber of the session's scope.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type BackendError, ContextCanceled, type PipelineError } from "../BackendError.ts"
import * as Conversation from "../conversation/Conversation.ts"
import type { Command } from "../conversation/ConversationCommand.ts"
import type { ConversationInput } from "../conversation/ConversationInput.ts"
import type { State, TimerName } from "../conversation/ConversationState.ts"
import type { EngineIncident } from "../EngineIncident.ts"
import type { LanguageChange } from "../LanguageChange.ts"
import { Attachments } from "./Attachments.ts"
import * as AgentPhone from "./call/AgentPhone.ts"
import { SessionPhone } from "./call/SessionPhone.ts"
import { SessionControls } from "./control/SessionControls.ts"
import { ConversationSettings } from "./ConversationSettings.ts"
import { AudioInput } from "./input/AudioInput.ts"
import { EchoGate } from "./input/EchoGate.ts"
import type { ProcessorIncident } from "./input/ProcessorHealth.ts"
import { ReceivedAudio } from "./input/ReceivedAudio.ts"
import type { SessionPersistence } from "./persistence/SessionPersistence.ts"
import type { Pipeline } from "./pipeline/Pipeline.ts"
import { AudioOutput } from "./playout/AudioOutput.ts"
import { ReplyAudio } from "./playout/ReplyAudio.ts"
import type { Convert } from "./playout/ReplyPlayout.ts"
import type { SessionRecorder } from "./retention/SessionRecorder.ts"
import { SessionAgent } from "./SessionAgent.ts"
import type { Metadata } from "./SessionConfig.ts"
import { SessionDispatcher } from "./SessionDispatcher.ts"
import type { SessionEnd, SessionEvent, SessionEventBody } from "./SessionEvent.ts"
import { SessionEvents } from "./SessionEvents.ts"
import { SessionLog } from "./SessionLog.ts"
import type { SessionOptions, SessionRuntime } from "./SessionOptions.ts"
import { SessionReplies } from "./SessionReplies.ts"
import { SessionText } from "./SessionText.ts"
import { Timers } from "./Timers.ts"
import * as UtteranceQueue from "./UtteranceQueue.ts"

const empty = new Int16Array(0)

/**
 * One session's state; all of it is synchronous and belongs to one thread.
 *
 * @category models
 * @since 0.1.0
 */
export class SessionCore {
  readonly options: SessionOptions
  readonly runtime: SessionRuntime
  readonly createdAtMs: number
  readonly settings: ConversationSettings
  readonly agent: SessionAgent
  readonly text: SessionText
  readonly input: AudioInput<TimerName>
  readonly output: AudioOutput
  readonly replyAudio: ReplyAudio
  readonly replies: SessionReplies
  readonly attachments: Attachments
  readonly controls: SessionControls
  readonly phone: SessionPhone
  readonly timers: Timers
  readonly dispatcher: SessionDispatcher
  readonly log: SessionLog
  readonly events: SessionEvents
  readonly receivedAudio = new ReceivedAudio()
  #isTakenOver = false
  metadata: Metadata
  /** Set while the session is assembled, before anything is dispatched; as are the recorder and the pipeline. */
  persistence: SessionPersistence | undefined
  recorder: SessionRecorder | undefined
  pipeline: Pipeline | undefined

  constructor(options: SessionOptions, runtime: SessionRuntime) {
    const { agent, config, findAgent, history, id, now, restored } = options
    const { cancel, cancellation, resamplers, run } = runtime
    const { dispatch, emit } = this
    this.options = options
    this.runtime = runtime
    this.createdAtMs = restored?.createdAtMs ?? now()
    this.metadata = config.metadata ?? {}
    this.settings = new ConversationSettings(options, () => this.text.settings().language)
    this.text = new SessionText(config, options.text, restored?.changedLanguage)
    this.log = new SessionLog(this)
    this.events = new SessionEvents(this)
    this.dispatcher = new SessionDispatcher({
      settings: this.settings,
      initial: Conversation.initial(restored?.history, restored?.queue, restored?.turn),
      now,
      observer: options.observer,
      left: () => this.output.left,
      execute: (command) => this.#execute(command),
      mayAct: this.mayAct,
      onChange: () => this.persistence?.requestSave(),
      onIdle: () => {
        this.phone.onState(this.state)
        this.replies.play()
      },
      onDefect: (error, isFirst) => this.#onDefect(error, isFirst)
    })
    this.agent = new SessionAgent({
      id,
      agent,
      config,
      findAgent,
      history,
      isClosed: () => this.isClosed,
      connection: () => this.attachments.current,
      onClient: (client) => {
        if (this.pipeline?.setClient?.(client) === false) this.log.clientNotTold()
      },
      emit,
      onHandOver: () => this.persistence?.requestSave(),
      setLanguage: (language) => this.setLanguage(language),
      run
    })
    const echo = options.policy.echoGuard ? new EchoGate(options.clock.now) : undefined
    this.input = new AudioInput<TimerName>(
      resamplers,
      (name) => this.timers.fire(name),
      runtime.processors,
      (cause) => this.dispatcher.fail(cause),
      echo,
      cancellation
    )
    this.output = new AudioOutput(options.clock, {
      audible: (epoch) => dispatch({ _tag: "ReplyAudible", epoch }),
      text: (epoch, text) => dispatch({ _tag: "ReplyText", epoch, text }),
      played: (epoch) => dispatch({ _tag: "ReplyPlayed", epoch }),
      slow: (which) => emit({ type: "connection.slow", connection: which.id }),
      dead: (which) => this.attachments.detach(which, "too slow", "too_slow"),
      drained: () => this.replyAudio.resume(),
      failed: (cause) => this.dispatcher.fail(cause),
      mayPlay: (nowMs) => !this.phone.held && this.mayAct(nowMs)
    })
    this.output.echo = echo
    this.output.reference = cancellation
    this.replyAudio = new ReplyAudio(resamplers, this.output)
    this.replies = new SessionReplies({
      output: this.output,
      replyAudio: this.replyAudio,
      convert: this.convert,
      observer: options.observer,
      agentName: () => this.agent.name,
      dispatch,
      run,
      cancel
    })
    this.timers = new Timers({
      input: this.input,
      run,
      cancel,
      onFired: (name, id) => dispatch({ _tag: "TimerFired", name, id, atSample: this.input.position })
    })
    this.phone = new SessionPhone({
      emit,
      dispatch,
      drain: this.drain,
      handOver: (name) => this.agent.handOver(name, this.state.turn),
      onHeld: (held) => {
        this.settings.held = held
      },
      isClosed: () => this.isClosed,
      outputRate: () => this.output.sampleRate,
      play: this.play,
      state: () => this.state,
      now,
      interruptible: () => this.settings.policy.interruption.enabled,
      language: () => this.text.ofUser(),
      onCollecting: (collecting) => {
        this.settings.collecting = collecting
      },
      onQuiet: (quiet) => {
        this.settings.quiet = quiet
      },
      resumed: restored?.attached ?? false,
      machine: config.call?.dial?.machine,
      ended: runtime.ended,
      run,
      cancel
    })
    this.agent.call = AgentPhone.make(this.phone, {
      dispatch,
      run,
      state: () => this.state,
      isClosed: () => this.isClosed
    })
    this.controls = new SessionControls({
      input: this.input,
      output: this.output,
      settings: this.settings,
      state: () => this.state,
      dispatch,
      requestSave: () => this.persistence?.requestSave(),
      client: this.agent.userClient
    })
    this.attachments = new Attachments({
      control: this.controls.control,
      input: this.input,
      output: this.output,
      convert: this.convert,
      resumeWindow: options.resumeWindow,
      resumed: restored?.attached ?? false,
      takeAudio: options.takeAudio,
      leastWindow: this.phone.leastWindow,
      hears: () => this.phone.hears,
      onDigit: (digit) => this.phone.digit(digit),
      onDetached: () => this.agent.userClient.detached(),
      now,
      emit,
      dispatch,
      state: () => this.state,
      interruptible: () => this.settings.policy.interruption.enabled,
      run,
      cancel
    })
  }

  /** The conversation now. */
  get state(): State {
    return this.dispatcher.state
  }

  get isClosed(): boolean {
    return this.dispatcher.isClosed
  }

  /** Publishes an event: to readers, the user's client, recorder and observer. */
  readonly emit = (body: SessionEventBody): void => this.events.emit(body)

  /** Takes an event that has its number: for the user's client, recorder and observer. */
  publish(event: SessionEvent): void {
    const { observer, onLatency } = this.options
    this.attachments.current?.notify(event)
    this.recorder?.event(event)
    if (event.type === "turn.latency") onLatency(event.totalMs)
    observer?.event(event)
    this.countAudio()
    // a user who has connected may reconnect to the restored session
    if (event.type === "connection.attached") this.persistence?.requestSave()
  }

  /** Emits unless the session has ended. */
  readonly emitIfOpen = (body: SessionEventBody): void => {
    if (!this.isClosed) this.emit(body)
  }

  /** Reports how much audio has come in and gone out so far. */
  countAudio(): void {
    this.options.observer?.audio(this.input.arrivedMs, this.output.sentMs)
  }

  /** Gives an input to the conversation, and carries out its commands. */
  readonly dispatch = (input: ConversationInput): void => {
    if (input._tag === "ReplyFailed") {
      const { agent, turn } = this.state
      const answered = agent._tag !== "Silent" && agent.reply.epoch === input.epoch ? agent.reply.turn : turn
      this.log.replyFailed(input.error, this.agent.name, answered)
    }
    this.phone.machine.onInput(input)
    if (input._tag === "EngineDown") this.log.engineFailed(input.engine, input.error)
    this.dispatcher.dispatch(input)
  }

  /** Whether the session may act now; at this monotonic time in ms, where that is known. */
  readonly mayAct = (nowMs?: number): boolean =>
    this.#isTakenOver || this.options.leaseWatch === undefined || this.options.leaseWatch.mayAct(nowMs)

  /** The session may act again: what had to wait happens now. */
  readonly goOn = (): void => {
    this.events.goOn()
    this.dispatcher.goOn()
  }

  /** Another process has the session: it ends here, and what had to wait does not happen. */
  readonly takenOver = (): void => {
    this.#isTakenOver = true
    this.events.discard()
    this.dispatcher.discard()
    this.dispatch({ _tag: "Close", reason: "taken_over" })
  }

  /** Frees buffers and converters; nothing is dispatched any more. */
  release(): void {
    this.dispatcher.stop()
    this.output.attach(undefined, this.convert)
    this.options.clock.remove(this.output)
    this.input.free()
    this.replyAudio.free()
  }

  /** Uses the pipeline from now on. */
  usePipeline(pipeline: Pipeline): void {
    this.pipeline = pipeline
    this.settings.pipeline = pipeline
    this.replies.pipeline = pipeline
  }

  /** Takes a language that is well-formed; whichever engine does not have it goes on in its own. */
  setLanguage(language: string): LanguageChange {
    const engines = this.pipeline?.enginesIn(language) ?? []
    if (this.text.has(language)) return { language, engines }
    this.text.setLanguage(language)
    this.pipeline?.setLanguage(language)
    this.persistence?.requestSave()
    const kept = engines.filter(({ follows }) => !follows)
    if (kept.length > 0) this.log.languageKept(language, kept.map(({ engine }) => engine))
    return { language, engines }
  }

  /** Plays audio at the output's rate to its end, when the agent is silent. */
  readonly play = (op: string, pcm: Int16Array): Effect.Effect<void, BackendError> =>
    Effect.suspend((): Effect.Effect<void, BackendError> => {
      const { sampleRate } = this.output
      if (this.state.lifecycle._tag === "Draining") {
        return Effect.fail(new ContextCanceled({ op, message: "the session is ending" }))
      }
      if (UtteranceQueue.isFull(this.state, "")) return Effect.fail(UtteranceQueue.full(op))
      const key = this.replies.addAudio(pcm, sampleRate)
      this.dispatch({ _tag: "Say", source: { _tag: "Audio", key, uninterruptible: true } })
      return Effect.void
    })

  /** Finishes the turn in flight and ends. Without a connection it could not be heard, so the session closes at once. */
  readonly drain = (reason: SessionEnd): void =>
    this.dispatch(this.attachments.isAttached ? { _tag: "Drain", reason } : { _tag: "Close", reason })

  /** Reports what happened to an engine while it worked for this session. */
  readonly onEngineIncident = ({ engine, error, kind, to, what }: EngineIncident): void => {
    if (this.isClosed) return
    if (what === "failed" && error !== undefined) this.log.engineFailed(engine, error)
    this.emit({
      type: "engine.incident",
      engine,
      kind,
      what,
      ...(to === undefined ? {} : { to }),
      ...(error === undefined ? {} : { code: error.code })
    })
    if (what === "unavailable" && error !== undefined) this.dispatch({ _tag: "EngineDown", engine, error })
    if (what === "available") {
      for (const down of this.state.unavailableEngines) this.dispatch({ _tag: "EngineUp", engine: down })
    }
  }

  readonly onProcessorIncident = ({ error, name, what }: ProcessorIncident): void => {
    if (this.isClosed) return
    this.emit({ type: "processor.incident", name, what, ...(error === undefined ? {} : { code: error.code }) })
    if (what === "stopped") this.dispatch({ _tag: "Close", reason: "failed" })
  }

  readonly convert: Convert = (samples, from, to) =>
    Result.getOrElse(this.runtime.resamplers.convert(samples, from, to), () => empty)

  #execute(command: Command): void {
    switch (command._tag) {
      case "Emit":
        return this.emit(command.event)
      case "Append":
        if (command.cut) this.log.cut()
        return this.persistence?.requestSave()
      case "Withdraw":
      case "HistoryChanged":
        return this.persistence?.requestSave()
      case "Collected":
        return this.phone.spoken(command.text)
      case "SetTimer":
        return this.timers.set(command)
      case "CancelTimer":
        return this.timers.cancel(command.name)
      case "Finalize":
        return this.pipeline?.finalize(command.id, command.untilSample)
      case "Abandon":
        return this.pipeline?.abandon?.(command.id)
      case "Start":
        return this.replies.start(command)
      case "Hold":
        return this.replies.hold(command.epoch)
      case "Release":
        return this.replies.release(command.epoch)
      case "Commit":
        return this.replies.commit(command.epoch)
      case "Discard":
        return this.replies.discard(command.epoch)
      case "PredictEndOfTurn":
        return this.#predictEndOfTurn(command)
      case "End": {
        const text = this.replies.end(command, this.state.queue)
        return this.dispatcher.dispatchNext({ _tag: "ReplyEnded", epoch: command.epoch, text })
      }
      case "Close":
        return this.#close(command.reason)
    }
  }

  #predictEndOfTurn({ id, ...question }: Extract<Command, { readonly _tag: "PredictEndOfTurn" }>): void {
    if (this.pipeline?.predictEndOfTurn === undefined) return
    const turn = this.state.turn + 1
    const predicted = this.pipeline.predictEndOfTurn(question).pipe(
      Effect.tap(() => Effect.sync(this.log.detectorWorked)),
      // without the detector's opinion the turn counts as finished
      Effect.catchCause((cause) => Effect.as(this.log.detectorFailed(cause, this.pipeline?.turnDetector), undefined)),
      Effect.map((prediction) =>
        this.dispatch({ _tag: "EndOfTurnPredicted", id, ...(prediction ?? { probability: 1, heard: false }) })
      )
    )
    this.runtime.run("end-of-turn", this.options.observer?.withinTurn(turn)(predicted) ?? predicted)
  }

  #close(reason: SessionEnd): void {
    const { ended } = this.runtime
    try {
      this.events.readers.end()
      this.receivedAudio.end()
      this.attachments.close(Deferred.succeed(ended, reason))
    } catch (cause) {
      // whatever failed, the backend must learn that the session has ended
      Deferred.doneUnsafe(ended, Effect.succeed(reason))
      throw cause
    }
  }

  /** The user gets a generic error; the cause is logged. */
  #onDefect(error: PipelineError, isFirst: boolean): void {
    this.log.defect(error, isFirst)
    if (isFirst) this.emitIfOpen({ type: "error", code: error.code, message: error.message })
  }
}
