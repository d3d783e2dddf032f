/**
 * Rows of speech-to-speech engines.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Pcm from "../../../audio/Pcm.ts"
import { SpeechToSpeech } from "../../../speech/SpeechToSpeech.ts"
import { assertEqual, assertThat, ConformanceError, type Failure, waitUntil } from "../Assertions.ts"
import * as Case from "../Case.ts"
import { assertDescribed, assertRate, assertReleases, failureRow, probeRow } from "./EngineChecks.ts"
import { type ModelSession, open, type S2sPart, type S2sRow } from "./ModelSession.ts"
import { errorRate, wordsOf } from "./Words.ts"

/** What a model may mishear. */
const MISHEARD = 0.34
const HELLO = "Hello, who is there?"

const assertInOrder = ({ disorder }: ModelSession) => {
  const why = disorder()
  return assertThat(why === undefined, `the events of replies are in order: ${why}`)
}

/** Waits for the nth reply, counted from 1, to be heard and to end. */
const reply = (session: ModelSession, count = 1): Effect.Effect<string, Failure> =>
  Effect.gen(function*() {
    const started = yield* session.waitFor("ReplyStarted", count)
    yield* session.ended(started.reply)
    const peak = session.all("ReplyAudio").reduce(
      (most, { pcm, reply }) => reply === started.reply ? Math.max(most, Pcm.peak(pcm)) : most,
      0
    )
    yield* assertThat(peak > 300, `the reply "${started.reply}" can be heard: its loudest sample is ${peak}`)
    yield* assertInOrder(session)
    return started.reply
  })

const turns: ReadonlyArray<S2sRow> = [
  {
    id: "s2s.Describe",
    title: "has a name, rates and languages that are BCP 47 tags",
    check: ({ engine }) =>
      Effect.gen(function*() {
        const { answers, agentInLoop } = engine.capabilities
        yield* assertDescribed(engine.name, engine.capabilities)
        yield* assertRate("inputSampleRate", engine.inputSampleRate)
        yield* assertRate("outputSampleRate", engine.outputSampleRate)
        yield* assertThat(answers || agentInLoop, "it answers by itself, or takes an agent's answers")
      })
  },
  {
    id: "s2s.Turn",
    title: "answers what the user says with one reply that begins, is heard, and ends once",
    check: (part) =>
      Effect.gen(function*() {
        if (!part.engine.capabilities.answers) return yield* Case.skip("the engine does not answer by itself")
        const session = yield* open(part)
        const id = yield* session.say
        yield* reply(session)
        yield* Effect.sleep("1 second")
        const [started, ...others] = session.all("ReplyStarted")
        yield* assertEqual(others.length, 0, "further replies to one turn")
        if (part.engine.capabilities.turnAuthority === "remote") {
          yield* session.waitFor("UserSpeechStarted")
          return yield* assertThat(
            session.events.findIndex(({ _tag }) => _tag === "UserSpeechStarted") <
              session.events.findIndex(({ _tag }) => _tag === "ReplyStarted"),
            "an engine that decides turns tells that the user speaks before it replies"
          )
        }
        yield* assertThat(
          started?.request === undefined || started.request === id,
          `the reply answers "${id}", and not "${started?.request}"`
        )
      })
  },
  {
    id: "s2s.Requests",
    title: "answers each request once, by its id where it names it, with a reply of a new name or with RequestFailed",
    check: (part) =>
      Effect.gen(function*() {
        if (!part.engine.capabilities.answers) return yield* Case.skip("the engine does not answer by itself")
        const session = yield* open(part)
        const asked: Array<string> = []
        for (let n = 1; n <= 3; n++) {
          asked.push(session.type(HELLO))
          yield* reply(session, n)
        }
        const answered = session.all("ReplyStarted").map(({ request }) => request)
        yield* assertEqual(
          answered,
          answered.includes(undefined)
            ? answered.map(() => undefined)
            : asked,
          "the requests that were answered"
        )
        const names = session.all("ReplyStarted").map((event) => event.reply)
        yield* assertEqual(new Set(names).size, 3, "the names of three replies")
        yield* Effect.sleep("1 second")
        yield* assertEqual(session.all("ReplyStarted").length, 3, "replies to three requests")
      })
  },
  {
    id: "s2s.Say",
    title: "speaks a given text, and gives it with its audio",
    check: (part) =>
      Effect.gen(function*() {
        if (!part.engine.capabilities.say) return yield* Case.skip("the engine's capabilities exclude given texts")
        const session = yield* open(part)
        const text = "The line is busy. Please wait."
        session.stream.say(text, session.request())
        const name = yield* reply(session)
        const said = session.all("ReplyAudio").flatMap((event) => event.reply === name ? [event.text] : []).join(" ")
        yield* assertEqual(wordsOf(said), wordsOf(text), "the text of the audio")
      })
  },
  {
    id: "s2s.Truncate",
    title: "stops a reply that is truncated, and answers the next request",
    check: (part) =>
      Effect.gen(function*() {
        const { answers, say } = part.engine.capabilities
        if (!answers && !say) return yield* Case.skip("the engine neither answers nor says a given text by itself")
        const session = yield* open(part)
        const ask = () => answers ? session.type(HELLO) : session.stream.say(HELLO, session.request())
        ask()
        const { reply: cut } = yield* session.waitFor("ReplyAudio")
        session.stream.truncate(cut, 20)
        ask()
        yield* reply(session, 2)
        const next = session.events.findLastIndex(({ _tag }) => _tag === "ReplyStarted")
        yield* assertThat(
          !session.events.slice(next).some((event) => event._tag === "ReplyAudio" && event.reply === cut),
          "a truncated reply is not heard when the next has begun"
        )
      })
  },
  {
    id: "s2s.Tools",
    title: "calls a tool within a reply, and goes on with its result",
    check: (part) =>
      Effect.gen(function*() {
        const { engine, tool } = part
        if (!engine.capabilities.tools) return yield* Case.skip("the engine's capabilities exclude tools")
        if (tool === undefined) return yield* Case.skip("the harness has no tool")
        const session = yield* open(part, { tools: [tool.tool] })
        session.type(tool.ask)
        const call = yield* session.waitFor("ToolCall")
        yield* assertEqual(call.name, tool.tool.name, "the name of the tool")
        yield* assertThat(typeof call.input === "object" && call.input !== null, "the input of a tool is an object")
        const before = session.all("ReplyAudio").length
        session.stream.toolResult(call.id, tool.output)
        yield* session.ended(call.reply)
        yield* assertThat(session.all("ReplyAudio").length > before, "the reply goes on after the result of the tool")
        yield* assertInOrder(session)
      })
  },
  {
    id: "s2s.Agent",
    title: "transcribes a turn for an agent, and speaks only what the agent says",
    check: (part) =>
      Effect.gen(function*() {
        if (!part.engine.capabilities.agentInLoop) {
          return yield* Case.skip("the engine's capabilities exclude an agent in the loop")
        }
        const session = yield* open(part, { answers: false })
        const id = yield* session.say
        const { request } = yield* session.waitFor("UserTurnTranscribed")
        yield* assertThat(
          request === undefined || request === id,
          `the transcript answers "${id}", and not "${request}"`
        )
        yield* assertThat(
          session.all("UserTranscript").some(({ final, text }) => final && text.trim() !== ""),
          "there is a final transcript of the turn"
        )
        const turn = session.events.findIndex(({ _tag }) => _tag === "UserTurnTranscribed")
        const heard = session.events.slice(0, turn).flatMap((event) =>
          event._tag === "UserTranscript" && event.final ? [event.text] : []
        ).join(" ")
        yield* assertThat(
          part.text === undefined || errorRate(part.text, heard) <= MISHEARD,
          `the transcript of the turn "${part.text}" is complete when the turn is told, and adds up: "${heard}"`
        )
        yield* Effect.sleep("1 second")
        yield* assertEqual(session.all("ReplyStarted").length, 0, "replies that nobody asked for")
        session.stream.say("Good morning.", session.request())
        yield* reply(session)
      })
  }
]

const lives: ReadonlyArray<S2sRow> = [
  probeRow("s2s"),
  {
    id: "s2s.Options",
    title: "opens with all that a session may ask for, also one that is resumed, and answers",
    check: (part) =>
      Effect.gen(function*() {
        const { engine } = part
        if (!engine.capabilities.answers) return yield* Case.skip("the engine does not answer by itself")
        const { keyterms = false, languages, voices = [] } = engine.capabilities
        const language = languages?.[0]
        const session = yield* open(part, {
          speaksText: false,
          onIncident: () => {},
          history: [{ role: "user", text: "Hello." }, { role: "agent", text: "Good morning." }, {
            role: "user",
            text: "…"
          }],
          ...(language === undefined ? {} : { language }),
          ...(voices[0] === undefined ? {} : { voice: voices[0] }),
          ...(keyterms ? { keyterms: ["Žižkov"] } : {})
        })
        session.type(HELLO)
        yield* reply(session)
      })
  },
  {
    id: "s2s.Sessions",
    title: "answers two sessions at once, each in its own events",
    check: (part) =>
      Effect.gen(function*() {
        if (!part.engine.capabilities.answers) return yield* Case.skip("the engine does not answer by itself")
        const both = yield* Effect.forEach([0, 1], (n) => open(part, { sessionId: `conformance-${n}` }))
        yield* Effect.forEach(both, (session) => session.say, { concurrency: 2, discard: true })
        yield* Effect.forEach(both, (session) => reply(session), { concurrency: 2, discard: true })
        for (const session of both) {
          yield* assertEqual(session.all("ReplyStarted").length, 1, "replies in one of two sessions")
        }
      })
  },
  {
    id: "s2s.Reconnect",
    title: "connects again when its connection is lost, says so, and answers the next request",
    check: (part) =>
      Effect.gen(function*() {
        const { disconnect, engine } = part
        if (disconnect === undefined) return yield* Case.skip("the harness has no way to lose a connection")
        if (!engine.capabilities.answers) return yield* Case.skip("the engine does not answer by itself")
        const incidents: Array<string> = []
        const session = yield* open(part, { onIncident: ({ what }) => void incidents.push(what) })
        session.type(HELLO)
        yield* reply(session)
        yield* disconnect
        yield* waitUntil("the engine tells that its connection was lost", () => incidents.length > 0)
        session.type(HELLO)
        yield* reply(session, 2)
      })
  },
  {
    id: "s2s.NeverThrows",
    title: "never throws in the methods of a session, whatever they are called with, not even after it was closed",
    check: (part) =>
      Effect.gen(function*() {
        const use = ({ stream }: ModelSession) =>
          Effect.try({
            try: () => {
              stream.push(new Int16Array(0))
              stream.activity({ _tag: "SpeechStopped", atSample: 0, decidedAtSample: 0 })
              stream.truncate("no such reply", 1_000)
              stream.toolResult("no such call", "{}")
              stream.cancel?.("no such request")
              if (part.engine.capabilities.turnAuthority !== "remote") stream.commit(0, "request-101")
              stream.userText("", "request-102")
              if (part.engine.capabilities.say) stream.say("", "request-103")
            },
            catch: (cause) => new ConformanceError({ message: `a method of a session threw: ${String(cause)}` })
          })
        yield* use(yield* Effect.scoped(Effect.tap(open(part), use)))
      })
  },
  {
    id: "s2s.Release",
    title: "releases a session that is closed in the middle of a reply",
    check: (part) =>
      assertReleases((n) =>
        Effect.gen(function*() {
          const session = yield* open(part, { sessionId: `conformance-${n}` })
          if (!part.engine.capabilities.answers) return
          session.type(HELLO)
          yield* session.waitFor("ReplyStarted")
        })
      )
  },
  failureRow("s2s", (failing: NonNullable<S2sPart["failing"]>) =>
    Effect.gen(function*() {
      const engine = Context.get(yield* Layer.build(failing), SpeechToSpeech)
      const { answers } = engine.capabilities
      const stream = yield* engine.open({ sessionId: "conformance", answers, tools: [], history: [] })
      stream.userText(HELLO, "request-1")
      yield* Stream.runDrain(stream.events)
    }))
]

/**
 * The rows.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<S2sRow> = [...turns, ...lives]
