/** OpenAI's own clients in Node, unchanged, against a whole server: what they hear, run and remember is what happened. */
import { assert, describe, it } from "@effect/vitest"
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime"
import { Deferred, Effect, Schedule } from "effect"
import { readFileSync } from "node:fs"
import { Agent, request } from "node:https"
import OpenAI from "openai"
import { OpenAIRealtimeWS } from "openai/realtime/ws"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import { selfSigned } from "../../server/Certificates.ts"
import { at, type RealtimeServer, silence, speech, start } from "./RealtimeServer.ts"

/** Holds once what the client does in callbacks of its own has happened. */
const until = (what: string, condition: () => boolean) =>
  Effect.suspend(() => condition() ? Effect.void : Effect.fail(`not yet: ${what}`)).pipe(
    Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 3_000 }),
    Effect.orDie
  )

const buffer = (pcm: Int16Array): ArrayBuffer => Uint8Array.from(new Uint8Array(pcm.buffer)).buffer

/** `fetch` that trusts this certificate: Node's own reads such files only when the process starts. */
const fetchWith = (ca: Buffer): typeof fetch => (input, init) =>
  new Promise((resolve, reject) => {
    const { body, headers, method } = new Request(input, { ...init, ...(init?.body == null ? {} : { duplex: "half" }) })
    const sent = request(String(input), {
      agent: new Agent({ ca }),
      method,
      headers: Object.fromEntries(headers.entries())
    }, (answer) => {
      const chunks: Array<Buffer> = []
      answer.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () =>
        resolve(
          new Response(Buffer.concat(chunks), {
            status: answer.statusCode ?? 0,
            headers: { "content-type": answer.headers["content-type"] ?? "" }
          })
        ))
    })
    sent.on("error", reject)
    void new Response(body).arrayBuffer().then((bytes) => sent.end(Buffer.from(bytes)))
  })

const historyOf = (server: RealtimeServer, id: string) =>
  Effect.gen(function*() {
    const session = yield* server.backend.getSession(id)
    return (yield* session.history).map(({ role, text }) => [role === "agent" ? "assistant" : role, text])
  })

describe("OpenAI's clients", () => {
  it.live("openai: makes a secret, connects with it over wss, and is answered", () =>
    Effect.gen(function*() {
      const tls = yield* selfSigned
      const ca = readFileSync(tls.cert)
      const server = yield* start({ server: { tls } })
      const open = (apiKey: string) =>
        new OpenAI({ apiKey, baseURL: `https://localhost:${server.port}/v1`, fetch: fetchWith(ca), maxRetries: 0 })
      const secret = yield* Effect.promise(() =>
        open("any").realtime.clientSecrets.create({
          expires_after: { anchor: "created_at", seconds: 60 },
          session: { type: "realtime", model: "gpt-realtime", instructions: "Be brief." }
        })
      )
      assert.match(secret.value, /^ek_/)
      assert.propertyVal(secret.session, "instructions", "Be brief.")
      const rt = yield* Effect.acquireRelease(
        Effect.sync(() => new OpenAIRealtimeWS({ model: "gpt-realtime", options: { ca } }, open(secret.value))),
        (opened) => Effect.sync(() => opened.socket.terminate())
      )
      const types: Array<string> = []
      const errors: Array<unknown> = []
      let id = ""
      let said = ""
      rt.on("event", (event) => void types.push(event.type))
      rt.on("error", (error) => void errors.push(error))
      rt.on("session.created", ({ session }) => void (id = String(at(session, "id"))))
      rt.on("response.output_audio_transcript.done", ({ transcript }) => void (said = transcript))
      yield* until("session.created", () => id !== "")
      rt.send({ type: "input_audio_buffer.append", audio: speech(600) })
      rt.send({ type: "input_audio_buffer.append", audio: silence(1_200) })
      yield* until("response.done", () => types.includes("response.done"))
      assert.strictEqual(said, "You said hello.")
      assert.deepStrictEqual(yield* historyOf(server, id), [["user", "hello"], ["assistant", "You said hello."]])
      assert.deepStrictEqual(errors, [])
      const { ended } = yield* server.backend.getSession(id)
      rt.close()
      assert.strictEqual(yield* ended, "user_ended")
    }).pipe(Effect.scoped))

  it.live("@openai/agents-realtime: runs its tool, interrupts, types, and has the history that we have", () =>
    Effect.gen(function*() {
      const server = yield* start({
        words: ["how is the weather", "stop please"],
        model: (asked, index) =>
          index === 0 && asked.tools.includes("get_weather")
            ? [{ call: "get_weather", params: { city: "Paris" }, id: "call_1" }]
            : [
              index === 1
                ? "It is warm and sunny, and it will stay so for the whole of the week that comes."
                : "As you like."
            ]
      })
      const asked = Deferred.makeUnsafe<string>()
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
      const transport = new OpenAIRealtimeWebSocket({
        url: `ws://127.0.0.1:${server.port}/v1/realtime?model=gpt-realtime`
      })
      const session = yield* Effect.acquireRelease(
        Effect.sync(() => new RealtimeSession(agent, { transport, tracingDisabled: true })),
        (opened) => Effect.sync(() => opened.close())
      )
      const types: Array<string> = []
      const errors: Array<unknown> = []
      let audio = 0
      let id = ""
      transport.on("*", (event) => {
        types.push(event.type)
        if (event.type === "session.created") id = String(at(event, "session", "id"))
      })
      session.on("audio", () => audio++)
      session.on("error", (error) => errors.push(error))
      yield* Effect.promise(() => session.connect({ apiKey: "any" }))
      yield* until("session.updated", () => types.includes("session.updated"))
      const say = (ms: number) => {
        session.sendAudio(buffer(ScriptedEngines.speech(ms, 24_000)))
        session.sendAudio(buffer(ScriptedEngines.silence(4_500, 24_000)))
      }
      say(600)
      assert.strictEqual(yield* Deferred.await(asked), "Paris")
      yield* until("audio of the answer", () => audio > 5)
      // the user interrupts the agent
      const before = types.length
      session.sendAudio(buffer(ScriptedEngines.speech(900, 24_000)))
      yield* until("the cut", () => types.slice(before).includes("conversation.item.truncated"))
      session.sendAudio(buffer(ScriptedEngines.silence(4_500, 24_000)))
      const spoken = () => session.history.flatMap((item) => item.type === "message" ? [item.role] : [])
      yield* until("the second answer", () => spoken().filter((role) => role === "assistant").length === 2)
      yield* until("its end", () => types.filter((type) => type === "response.done").length >= 3)
      session.sendMessage("And thank you.")
      yield* until("the third answer", () => types.filter((type) => type === "response.done").length >= 4)
      const ours = yield* historyOf(server, id)
      const theirs = session.history.flatMap((item) =>
        item.type === "message"
          ? item.content.map((
            part
          ) => [item.role, "transcript" in part ? part.transcript : "text" in part ? part.text : ""])
          : []
      )
      assert.deepStrictEqual(theirs, ours)
      assert.strictEqual(ours.length, 6)
      assert.isBelow(String(ours[1]?.[1]).length, 60)
      assert.deepStrictEqual(errors, [])
    }).pipe(Effect.scoped))
})
