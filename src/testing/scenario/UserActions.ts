/**
 * Performs the steps of a scripted user on a session, frame by frame of virtual time.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import type { Recorder } from "../recording/Recorder.ts"
import { timeline } from "../recording/Recording.ts"
import type { Loudspeaker } from "./Loudspeaker.ts"
import type { Script, Step } from "./ScriptedUser.ts"
import * as SpokenAudio from "./SpokenAudio.ts"

/**
 * Reports that something the script waited for did not happen; the message has the conversation's timeline.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScenarioError extends Data.TaggedError("ScenarioError")<{ readonly message: string }> {}

/**
 * The session that a scripted user talks to, its recorder and its clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserContext {
  readonly session: VoiceSession
  readonly recorder: Recorder
  /** The virtual time, in ms. */
  readonly now: () => number
  /** The loudspeaker in the user's room, if there is one. */
  readonly loudspeaker?: Loudspeaker | undefined
  /** Advances virtual time by 20 ms and runs everything that is due. */
  readonly tick: Effect.Effect<void>
}

const FRAME = TIMELINE_RATE / 50

/**
 * Performs a script on a session, in real time of the virtual clock. Returns the texts that the user said.
 *
 * @category running
 * @since 0.1.0
 */
export const runScript = (
  script: Script,
  context: UserContext
): Effect.Effect<ReadonlyArray<string>, BackendError | ScenarioError> =>
  Effect.suspend(() => {
    const { loudspeaker, now, recorder, session, tick } = context
    const said: Array<string> = []
    const quiet = new Int16Array(FRAME)
    const frame = new Int16Array(FRAME)
    /** The number of events when the user last spoke or typed. */
    let eventsBefore = 0

    const pushFrame = (pcm: Int16Array) =>
      Effect.suspend(() => {
        recorder.playDue()
        recorder.link?.push(loudspeaker?.heard(pcm, now()) ?? pcm)
        return tick
      })
    const play = (pcm: Int16Array): Effect.Effect<void> => {
      let at = 0
      return Effect.whileLoop({
        while: () => at < pcm.length,
        body: () => {
          frame.fill(0)
          frame.set(pcm.subarray(at, at + FRAME))
          at += FRAME
          return pushFrame(frame)
        },
        step: () => {}
      }).pipe(Effect.andThen(Effect.sync(() => {
        eventsBefore = recorder.events.length
      })))
    }
    const stayQuiet = (duration: number): Effect.Effect<void> => {
      const until = now() + duration
      return Effect.whileLoop({ while: () => now() < until, body: () => pushFrame(quiet), step: () => {} })
    }
    const until = (
      condition: () => boolean,
      withinMs: number,
      what: string,
      optional = false
    ): Effect.Effect<void, ScenarioError> =>
      Effect.suspend(() => {
        const from = now()
        let met = false
        return Effect.whileLoop({
          while: () => !(met = condition()) && now() - from < withinMs && !isOver(),
          body: () => pushFrame(quiet),
          step: () => {}
        }).pipe(Effect.andThen(Effect.suspend(() => {
          if (met || optional) return Effect.void
          const how = isOver() ? "the session ended" : `${withinMs / 1000} s passed`
          return Effect.fail(
            new ScenarioError({ message: `${how} while the user waited ${what}\n\n${timeline(recorder.trace)}` })
          )
        })))
      })
    const isOver = () => recorder.events.at(-1)?.type === "session.ended"
    const hasAnswered = () =>
      recorder.currentReply === undefined && recorder.events.slice(eventsBefore).some((event) =>
        (event.type === "agent.speech_stopped" && event.reason !== "interrupted") ||
        (event.type === "error" && event.code !== "invalid_config")
      ) && !isBusy()
    const isBusy = () => {
      const state = recorder.events.findLast((event) => event.type === "session.state")?.state
      return state === "processing" || state === "speaking"
    }

    const perform = (step: Step): Effect.Effect<void, BackendError | ScenarioError> => {
      switch (step._tag) {
        case "Say":
          recorder.recordAct(`says "${step.text}"`)
          if (recorder.link !== undefined) said.push(step.text)
          return play(SpokenAudio.encode(step.text, {
            msPerCharacter: step.msPerCharacter,
            voiced: loudspeaker !== undefined
          }))
        case "Sound":
          recorder.recordAct(step.what)
          return play(step.pcm)
        case "Pause":
          return stayQuiet(step.ms)
        case "At":
          return stayQuiet(step.ms - now())
        case "WaitForAgent":
          return until(hasAnswered, step.withinMs, "for the agent's answer", step.optional)
        case "WaitFor": {
          const from = recorder.events.length
          return until(
            () => recorder.events.slice(from).some((event) => event.type === step.event),
            step.withinMs,
            `for ${step.event}`
          )
        }
        case "WaitForSpeech": {
          const what = step.words === "" ? `for ${step.ms} ms of the agent's speech` : `to hear "${step.words}"`
          return until(
            () =>
              recorder.currentReply !== undefined && now() - recorder.currentReply.startedAtMs >= step.ms &&
              recorder.heardNow().includes(step.words),
            step.withinMs,
            what,
            step.optional
          )
        }
        case "Type":
          recorder.recordAct(`types "${step.text}"`)
          recorder.link?.message({ type: "user.text", text: step.text })
          eventsBefore = recorder.events.length
          return Effect.void
        case "PressStop":
          recorder.recordAct("presses stop")
          recorder.link?.message({ type: "agent.interrupt" })
          return Effect.void
        case "SendGarbage":
          recorder.recordAct("sends garbage")
          recorder.link?.malformed("scripted garbage")
          recorder.link?.message({ type: "playout.position", turn: 999, playedMs: -1 })
          return play(Int16Array.from({ length: FRAME }, (_, i) => i % 2 === 0 ? 32_767 : -32_768))
        case "LoseNetwork":
          recorder.recordAct("loses the network")
          recorder.disconnect("network")
          return Effect.gen(function*() {
            yield* stayQuiet(step.ms)
            // a client that reconnects too late is refused
            if (isOver()) return
            recorder.recordAct("is back")
            yield* session.attach(recorder.connect())
          })
        case "HangUp":
          recorder.recordAct("hangs up")
          recorder.disconnect("client_closed")
          return Effect.void
        case "EndCall":
          recorder.recordAct("ends the call")
          recorder.link?.message({ type: "session.end" })
          return Effect.void
        case "Do":
          recorder.recordAct(step.what)
          return step.effect(session)
      }
    }

    const performAll = (steps: Script): Effect.Effect<void, BackendError | ScenarioError> =>
      Effect.forEach(steps, (step) => isScript(step) ? performAll(step) : isOver() ? Effect.void : perform(step), {
        discard: true
      })
    return Effect.as(performAll(script), said)
  })

const isScript = (step: Step | Script): step is Script => Array.isArray(step)
