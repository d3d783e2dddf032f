/**
 * The client of OpenAI's own agents SDK against the codec, with a scripted session behind it.
 */
import { assert, describe, it } from "@effect/vitest"
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime"
import { Deferred, Effect } from "effect"
import { at, Client, type ClientOptions } from "./Client.ts"

/** A socket of the client's, at whose other end is the codec. */
class Socket extends EventTarget {
  readyState: number = WebSocket.OPEN
  readonly #client: Client

  constructor(client: Client) {
    super()
    this.#client = client
    client.onFrame = (frame) => this.dispatchEvent(new MessageEvent("message", { data: frame }))
  }

  send(data: string): void {
    this.#client.sendsText(data)
  }

  close(): void {
    this.readyState = WebSocket.CLOSED
    this.dispatchEvent(new Event("close"))
  }
}

/** Waits for what the client does in callbacks of its own, not for a time. */
const until = (condition: () => boolean) =>
  Effect.gen(function*() {
    while (!condition()) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
  }).pipe(Effect.timeout("30 seconds"))

const connect = Effect.fnUntraced(function*(options: ClientOptions = {}) {
  const client = new Client(options)
  const asked = Deferred.makeUnsafe<string>()
  const transport = new OpenAIRealtimeWebSocket({
    skipOpenEventListeners: true,
    // the transport uses of a socket what this one has
    createWebSocket: () => Promise.resolve(new Socket(client) as never)
  })
  const agent = new RealtimeAgent({
    name: "concierge",
    instructions: "Be kind.",
    tools: [tool({
      name: "get_weather",
      description: "Tells the weather.",
      strict: false,
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
        additionalProperties: true
      },
      execute: (input) => {
        Deferred.doneUnsafe(asked, Effect.succeed(String(at(input, "city"))))
        return "20 degrees"
      }
    })]
  })
  const session = yield* Effect.acquireRelease(
    Effect.sync(() => new RealtimeSession(agent, { transport, tracingDisabled: true })),
    (opened) => Effect.sync(() => opened.close())
  )
  const errors: Array<unknown> = []
  session.on("error", (error) => errors.push(error))
  yield* Effect.promise(() => session.connect({ apiKey: "ek_test" }))
  client.starts()
  return { client, session, asked, errors }
})

/** What the client has of the conversation: who, and which words. */
const historyOf = (session: RealtimeSession) =>
  session.history.flatMap((item) => {
    if (item.type !== "message") return item.type === "function_call" ? [["call", item.output ?? ""]] : []
    return item.content.map((part) => [
      item.role,
      "transcript" in part ? part.transcript ?? "" : "text" in part ? part.text : ""
    ])
  })

describe("the client of @openai/agents-realtime", () => {
  it.live("has the words of both sides, runs its tool, and is cut at what was heard", () =>
    Effect.scoped(Effect.gen(function*() {
      const { asked, client, errors, session } = yield* connect()
      yield* until(() => client.controls.some(({ _tag }) => _tag === "Client"))
      assert.deepStrictEqual(client.controls.find(({ _tag }) => _tag === "Policy"), {
        _tag: "Policy",
        change: { turns: "automatic", answers: "automatic", interruptions: true, maxSilenceMs: 4_000 }
      })
      session.sendAudio(new ArrayBuffer(4_800))
      client.tells(
        { type: "user.speech_started" },
        { type: "user.speech_stopped" },
        { type: "user.transcript", turn: 1, text: "How is the weather in Paris?", final: true }
      )
      client.calls("call_1")
      assert.strictEqual(yield* Deferred.await(asked), "Paris")
      yield* until(() => client.controls.some(({ _tag }) => _tag === "ToolResult"))
      assert.deepStrictEqual(client.controls.at(-1), { _tag: "ToolResult", id: "call_1", output: "20 degrees" })
      yield* until(() => client.events.filter(({ type }) => type === "response.created").length === 2)
      client.tells({ type: "agent.speech_started", turn: 1 })
      client.plays(100, 2_000)
      client.tells({ type: "agent.transcript", turn: 1, text: "It is warm and sunny." })
      // the user speaks, and the client says how much it has played
      client.tells(
        { type: "user.speech_started" },
        { type: "playout.clear", turn: 1 },
        { type: "agent.speech_paused", turn: 1 }
      )
      yield* until(() => client.controls.at(-1)?._tag === "Truncate")
      client.tells(
        { type: "agent.speech_stopped", turn: 1, reason: "interrupted", text: "It is warm" },
        { type: "user.speech_stopped" },
        { type: "user.transcript", turn: 2, text: "Thank you.", final: true }
      )
      yield* until(() => historyOf(session).at(-1)?.[1] === "Thank you.")
      assert.deepStrictEqual(historyOf(session), [
        ["user", "How is the weather in Paris?"],
        ["call", "20 degrees"],
        ["assistant", "It is warm"],
        ["user", "Thank you."]
      ])
      assert.deepStrictEqual(client.events.filter(({ type }) => type === "error"), [])
      assert.deepStrictEqual(errors, [])
    })))

  it.live("puts a typed message into the conversation, and is answered", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, session } = yield* connect()
      session.sendMessage("Hello there.")
      yield* until(() => client.controls.some(({ _tag }) => _tag === "Respond"))
      const insert = client.controls.find(({ _tag }) => _tag === "Insert")
      assert.strictEqual(at(insert, "text"), "Hello there.")
      client.tells({ type: "agent.speech_started", turn: 1 })
      client.plays(1)
      client.tells(
        { type: "agent.transcript", turn: 1, text: "Good morning." },
        { type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Good morning." }
      )
      yield* until(() => historyOf(session).length === 2)
      assert.deepStrictEqual(historyOf(session), [["user", "Hello there."], ["assistant", "Good morning."]])
    })))
})
