/**
 * Pipecat's own clients in a real Chromium against the real server: `client-js` with the transports `websocket-transport` and
 * `small-webrtc-transport`, and `client-react`. The engines are scripted, so that each conversation is the same word for word.
 */
import { afterAll, afterEach, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import type { PipecatClient } from "@pipecat-ai/client-js"
import { Context, Effect, Exit, Layer, Schema, Scope } from "effect"
import { Tool, Toolkit } from "effect/ai"
import type { Page } from "playwright-core"
import * as Agent from "../../src/agent/index.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as SpokenAudio from "../../src/testing/scenario/SpokenAudio.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { neverOverloaded } from "../server/support.ts"
import * as LoudnessVad from "../support/LoudnessVad.ts"
import * as Browser from "./Browser.ts"
import * as OwnPage from "./OwnPage.ts"
import { silence, spoken } from "./Scene.ts"

if (Browser.missing !== undefined) process.stderr.write(`skipped, Pipecat's clients in a browser: ${Browser.missing}\n`)

const STORY =
  "Once upon a time there was a king who had a castle and a garden and a river and a very long road to the sea."

const Weather = Tool.make("weather", {
  description: "The weather in a city now",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.Struct({ sky: Schema.String })
})
const toolkit = Toolkit.make(Weather)

const model = ScriptedLanguageModel.layer(({ prompt }) => {
  const last = JSON.stringify(prompt.content.at(-1))
  if (last.includes("tool-result")) return ["It is clear over Ulm."]
  if (last.includes("weather")) return [{ call: "weather", params: { city: "Ulm" } }]
  if (last.includes("story")) return [STORY]
  return last.includes("stop") ? ["All right."] : ["You are welcome."]
})

/** What is said into the microphone, each time once. */
const said = ["how is the weather", "tell me a story", "stop please"]

const serving = (origin: string) =>
  Server.layer({ port: 0, console: false, grace: "100 millis", allowedOrigins: [origin] }).pipe(
    Layer.provideMerge(VoiceBackend.layerSttTts({
      agent: Agent.fromLanguageModel({ toolkit }),
      config: {
        conversation: { ...defaultPolicy, greeting: "Hello there.", goodbye: "Goodbye." },
        overload: neverOverloaded
      }
    })),
    Layer.provide([
      Local.layer,
      LoudnessVad.layer,
      ScriptedEngines.layerStt(said),
      ScriptedEngines.layerTts({ voiced: true }),
      model,
      toolkit.toLayer({ weather: ({ city }) => Effect.succeed({ sky: `clear over ${city}` }) })
    ])
  )

interface Client {
  readonly client: PipecatClient
  readonly rtvi: {
    readonly log: ReadonlyArray<readonly [name: string, text: string]>
    readonly start: (url: string, transport: string, data: object) => Promise<string>
    readonly received: () => Promise<readonly [number, number]>
    readonly samples: () => string
  }
}

/** Waits for events in their order, one after the other. */
const follow = (page: Page) => {
  let at = 0
  return async (name: string, text?: string): Promise<void> => {
    const found = await page.waitForFunction(
      ({ at, name, text }) => {
        const { rtvi }: Client = globalThis as never
        const index = rtvi.log.findIndex((each, index) =>
          index >= at && each[0] === name && (text === undefined || each[1] === text)
        )
        return index === -1 ? undefined : index + 1
      },
      { at, name, text },
      { timeout: 60_000 }
    )
    at = await found.jsonValue() ?? at
  }
}

describe.skipIf(Browser.missing !== undefined)("Pipecat's clients in a browser", () => {
  let scope: Scope.Closeable
  let url: string
  let backend: VoiceBackend["Service"]
  let site: Awaited<ReturnType<typeof OwnPage.serve>>
  let voice: Int16Array
  beforeAll(async () => {
    site = await OwnPage.serve(await OwnPage.bundle("test/browser/pages/RtviPage.ts"))
    voice = Pcm.concat([await spoken("one two"), silence(1.5)])
  }, 120_000)
  afterAll(() => site.close())
  // a server of its own for each: what is said next stands in its script
  beforeEach(async () => {
    scope = Scope.makeUnsafe()
    const context = await Effect.runPromise(Layer.buildWithScope(serving(site.origin), scope))
    url = Context.get(context, Server.VoiceServer).url
    backend = Context.get(context, VoiceBackend)
  }, 60_000)
  afterEach(async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }, 60_000)

  for (const transport of ["websocket", "webrtc"] as const) {
    it(`hold a conversation over ${transport}`, async () => {
      const { close, page } = await Browser.open(site.origin, voice)
      try {
        const version = await page.evaluate(
          ({ transport, url }) =>
            (globalThis as never as Client).rtvi.start(url, transport, { user_id: "ada", body: { topic: "rain" } }),
          { transport, url }
        )
        assert.strictEqual(version, "2.1.0")
        const [session] = await Effect.runPromise(backend.listSessions)
        if (session === undefined) return assert.fail("no session")
        assert.deepStrictEqual(await Effect.runPromise(session.metadata), { topic: "rain" })

        const next = follow(page)
        /** Says one thing: the microphone is open until it has been heard. */
        const speak = async (): Promise<void> => {
          await page.evaluate(() => (globalThis as never as Client).client.enableMic(true))
          await next("userStopped")
        }
        await next("bot", "Hello there.")
        await next("botStopped")
        await speak()
        await next("user", "how is the weather")
        await next("tool", "weather")
        await next("bot", "It is clear over Ulm.")
        await next("botStopped")
        await speak()
        await next("bot", STORY)
        await speak()
        await next("bot", "All right.")
        await next("botStopped")
        const refused = await page.evaluate(() =>
          (globalThis as never as Client).client.sendClientRequest("made.up", {}).catch(({ type }) => type)
        )
        assert.strictEqual(refused, "error-response")
        await page.evaluate(() => (globalThis as never as Client).client.sendText("thank you"))
        await next("bot", "You are welcome.")
        const received = await page.evaluate(() => (globalThis as never as Client).rtvi.received())
        const history = Effect.runPromise(Effect.andThen(session.ended, session.history))
        await page.evaluate(() => (globalThis as never as Client).client.disconnectBot())
        const items = (await history).map(({ interrupted, role, text }) => ({ role, text, interrupted }))

        const cut = items[4]?.text ?? ""
        assert.deepStrictEqual(items, [
          { role: "agent", text: "Hello there.", interrupted: false },
          { role: "user", text: "how is the weather", interrupted: false },
          { role: "agent", text: "It is clear over Ulm.", interrupted: false },
          { role: "user", text: "tell me a story", interrupted: false },
          { role: "agent", text: cut, interrupted: true },
          { role: "user", text: "stop please", interrupted: false },
          { role: "agent", text: "All right.", interrupted: false },
          { role: "user", text: "thank you", interrupted: false },
          { role: "agent", text: "You are welcome.", interrupted: false }
        ])
        assert.isTrue(STORY.startsWith(cut) && cut.length > 0 && cut.length < STORY.length, cut)

        if (transport === "websocket") {
          const audio = await page.evaluate(() => (globalThis as never as Client).rtvi.samples())
          const words = SpokenAudio.decode(Pcm.copyInt16(Buffer.from(audio, "base64"))).split(/\s+/u)
          const agent = items.filter(({ role }) => role === "agent").map(({ text }) => text).join(" ").split(/\s+/u)
          // of what was interrupted the loudspeaker got a word more, at most
          assert.isTrue(words.length - agent.length <= 1, `${words.join(" ")} | ${agent.join(" ")}`)
        } else {
          const [energy, packets] = received
          assert.isAbove(packets, 100)
          assert.isAbove(energy, 0)
        }
        const shown = await page.textContent("#messages")
        for (const { text } of items.filter(({ interrupted }) => !interrupted)) assert.include(shown, text)
        assert.include(shown, cut)
      } finally {
        await close()
      }
    }, 180_000)
  }
})
