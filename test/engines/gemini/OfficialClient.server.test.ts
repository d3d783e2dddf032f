/** Checks the fake of the Gemini Live API with the vendor's official client. */
import { assert, describe, it } from "@effect/vitest"
import { type FunctionResponse, GoogleGenAI, type LiveServerMessage, Modality } from "@google/genai"
import { Effect } from "effect"
import * as Fake from "../../support/FakeGeminiLive.ts"

const pcm = (ms: number, level: number) => Buffer.from(new Int16Array(16 * ms).fill(level).buffer).toString("base64")

describe("Gemini's official client", () => {
  it.live(
    "works with the fake server: a spoken turn with a tool, a response, a typed turn",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const fake = yield* Fake.start({
          transcripts: ["the weather please"],
          answers: [{ text: "", call: { name: "weather", input: { city: "Ulm" } } }, "Sunny.", "Welcome."],
          resumption: "accept"
        })
        const client = new GoogleGenAI({
          apiKey: Fake.KEY,
          httpOptions: { baseUrl: fake.url.replace(/^ws/u, "http"), apiVersion: "v1beta" }
        })
        const seen: Array<LiveServerMessage> = []
        const closed: Array<string> = []
        const session = yield* Effect.acquireRelease(
          Effect.promise(() =>
            client.live.connect({
              model: "gemini-3.1-flash-live-preview",
              config: {
                responseModalities: [Modality.AUDIO],
                inputAudioTranscription: {},
                outputAudioTranscription: {},
                sessionResumption: {},
                tools: [{ functionDeclarations: [{ name: "weather", parametersJsonSchema: { type: "object" } }] }]
              },
              callbacks: {
                onmessage: (message) => void seen.push(message),
                onclose: (event) => void closed.push(event.reason)
              }
            })
          ),
          (made) => Effect.sync(() => made.close())
        )
        const until = <A>(find: (message: LiveServerMessage) => A | undefined, after = 0) =>
          Effect.sync(() => seen.slice(after).flatMap((message) => find(message) ?? [])[0]).pipe(
            Effect.delay("5 millis"),
            Effect.repeat({ until: (found) => found !== undefined }),
            Effect.timeout("5 seconds")
          )
        yield* until((message) => message.setupComplete)
        session.sendRealtimeInput({ audio: { data: pcm(400, 8_000), mimeType: "audio/pcm;rate=16000" } })
        session.sendRealtimeInput({ audio: { data: pcm(400, 0), mimeType: "audio/pcm;rate=16000" } })
        const call = yield* until((message) => message.toolCall?.functionCalls?.[0])
        assert.deepInclude(call, { name: "weather", args: { city: "Ulm" } })
        const response: FunctionResponse = { id: call?.id ?? "", name: "weather", response: { output: "sunny" } }
        session.sendToolResponse({ functionResponses: [response] })
        yield* until((message) => message.serverContent?.turnComplete)
        const heard = seen.map((message) => message.serverContent?.inputTranscription?.text ?? "").join("")
        const said = seen.map((message) => message.serverContent?.outputTranscription?.text ?? "").join("")
        assert.deepStrictEqual([heard, said], ["the weather please", "Sunny."])
        assert.isAbove(seen.reduce((bytes, message) => bytes + (message.data?.length ?? 0), 0), 6 * 480 * 2)
        assert.match((yield* until((message) => message.sessionResumptionUpdate?.newHandle)) ?? "", /^handle-/u)
        const before = seen.length
        session.sendRealtimeInput({ text: "thanks" })
        yield* until((message) => message.serverContent?.turnComplete, before)
        assert.deepInclude(fake.told.find(({ what }) => what === "message"), { role: "user", text: "thanks" })
        assert.deepStrictEqual(closed, [])
      })),
    20_000
  )
})
