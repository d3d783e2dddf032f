/**
 * OpenAI's own client in a real Chromium against the real server, over WebRTC: `@openai/agents-realtime`. The engines are scripted, so
 * that the conversation is the same word for word.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { RealtimeSession } from "@openai/agents-realtime"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import type { Page } from "playwright-core"
import * as Agent from "../../src/agent/index.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { neverOverloaded } from "../server/support.ts"
import * as LoudnessVad from "../support/LoudnessVad.ts"
import * as Browser from "./Browser.ts"
import * as OwnPage from "./OwnPage.ts"
import { silence, spoken } from "./Scene.ts"

if (Browser.missing !== undefined) process.stderr.write(`skipped, OpenAI's client in a browser: ${Browser.missing}\n`)

const STORY =
  "Once upon a time there was a king who had a castle and a garden and a river and a very long road to the sea."
const MS_PER_CHARACTER = 50

const model = ScriptedLanguageModel.layer(({ prompt, tools }) => {
  const last = JSON.stringify(prompt.content.at(-1))
  if (last.includes("tool-result")) return [`It is ${last.includes("clear") ? "clear" : "unknown"} over Ulm.`]
  if (last.includes("weather") && tools.includes("weather")) return [{ call: "weather", params: { city: "Ulm" } }]
  if (last.includes("story")) return [STORY]
  return last.includes("stop") ? ["All right."] : ["You are welcome."]
})

/** What is said into the microphone, each time once. */
const said = ["how is the weather", "tell me a story", "stop please"]

const serving = (origin: string) =>
  Server.layer({ port: 0, console: false, grace: "100 millis", allowedOrigins: [origin] }).pipe(
    Layer.provideMerge(VoiceBackend.layerSttTts({
      agent: Agent.fromLanguageModel({}),
      config: {
        conversation: { ...defaultPolicy, greeting: "Hello there.", goodbye: "Goodbye." },
        overload: neverOverloaded
      }
    })),
    Layer.provide([
      Local.layer,
      LoudnessVad.layer,
      ScriptedEngines.layerStt(said),
      ScriptedEngines.layerTts({ voiced: true, msPerCharacter: MS_PER_CHARACTER }),
      model
    ])
  )

interface Client {
  readonly session: RealtimeSession
  readonly openai: {
    readonly log: ReadonlyArray<readonly [type: string, text: string, heardMs: number]>
    readonly start: (url: string, secret: string) => Promise<string | undefined>
    readonly heardMs: () => number
    readonly history: () => ReadonlyArray<readonly [role: string, text: string]>
  }
}

/** Waits for events in their order, one after the other; gives how much sound had been heard with each, in ms. */
const follow = (page: Page) => {
  let at = 0
  return async (type: string, text?: string): Promise<number> => {
    const found = await page.waitForFunction(
      ({ at, text, type }) => {
        const { openai }: Client = globalThis as never
        const index = openai.log.findIndex((each, index) =>
          index >= at && each[0] === type && (text === undefined || each[1] === text)
        )
        return index === -1 ? undefined : { at: index + 1, heardMs: openai.log[index]?.[2] ?? 0 }
      },
      { at, text, type },
      { timeout: 60_000 }
    ).catch(async (cause: unknown) => {
      const log = await page.evaluate((at) => (globalThis as never as Client).openai.log.slice(at), at)
      throw new Error(`no ${type} ${text ?? ""} in ${JSON.stringify(log)}`, { cause })
    })
    const value = await found.jsonValue()
    at = value?.at ?? at
    return value?.heardMs ?? 0
  }
}

describe.skipIf(Browser.missing !== undefined)("OpenAI's client in a browser", () => {
  let site: Awaited<ReturnType<typeof OwnPage.serve>>
  let voice: Int16Array
  beforeAll(async () => {
    site = await OwnPage.serve(await OwnPage.bundle("test/browser/pages/OpenAiPage.ts"))
    voice = Pcm.concat([await spoken("one two three"), silence(2)])
  }, 120_000)
  afterAll(() => site.close())

  const secret = async (url: string): Promise<string> => {
    const response = await fetch(`${url}/v1/realtime/client_secrets`, { method: "POST" })
    const body: { readonly value: string } = await response.json()
    return body.value
  }

  it("holds a conversation over WebRTC", async () => {
    // its script is heard once
    const scope = Scope.makeUnsafe()
    const context = await Effect.runPromise(Layer.buildWithScope(serving(site.origin), scope))
    const { url } = Context.get(context, Server.VoiceServer)
    const backend = Context.get(context, VoiceBackend)
    const { close, page } = await Browser.open(site.origin, voice)
    try {
      const callId = await page.evaluate(
        ({ key, url }) => (globalThis as never as Client).openai.start(url, key),
        { url, key: await secret(url) }
      )
      const [session] = await Effect.runPromise(backend.listSessions)
      if (session === undefined) return assert.fail("no session")
      assert.strictEqual(callId, `rtc_${session.id}`)

      const next = follow(page)
      const inPage = (use: (client: Client) => void) => page.evaluate(`(${String(use)})(globalThis)`)
      /** Says one thing: the microphone is open from before the voice until it has been heard. */
      const speak = async (): Promise<void> => {
        await inPage(({ session }) => session.mute(false))
        await next("input_audio_buffer.speech_stopped")
        await inPage(({ session }) => session.mute(true))
      }
      const answered = async (text: string): Promise<number> => {
        await next("response.output_audio_transcript.done", text)
        return await next("output_audio_buffer.stopped")
      }

      const greeted = await answered("Hello there.")
      assert.isAbove(greeted, 100)

      await speak()
      await next("conversation.item.input_audio_transcription.completed", "how is the weather")
      await next("tool", "{\"city\":\"Ulm\"}")
      await answered("It is clear over Ulm.")

      /** Interrupts the story, and gives how much of it was heard, in ms. */
      const cut = async (interrupt: (from: number) => Promise<unknown>): Promise<number> => {
        const from = await next("output_audio_buffer.started")
        await interrupt(from)
        return await next("output_audio_buffer.cleared") - from
      }
      await speak()
      const byVoice = await cut(() => inPage(({ session }) => session.mute(false)))
      await next("input_audio_buffer.speech_stopped")
      await inPage(({ session }) => session.mute(true))
      await answered("All right.")

      await inPage(({ session }) => session.sendMessage("another story"))
      const byButton = await cut(async (from) => {
        await page.waitForFunction((from) => (globalThis as never as Client).openai.heardMs() > from + 1_000, from)
        await inPage(({ session }) => session.interrupt())
      })
      await inPage(({ session }) => session.sendMessage("thank you"))
      await answered("You are welcome.")

      const ended = Effect.runPromise(Effect.andThen(session.ended, session.history))
      await inPage(({ session }) => session.close())
      const items = (await ended).map(({ interrupted, role, text }) => ({ role, text, interrupted }))
      const cuts = [items[4]?.text ?? "", items[8]?.text ?? ""] as const
      assert.deepStrictEqual(items, [
        { role: "agent", text: "Hello there.", interrupted: false },
        { role: "user", text: "how is the weather", interrupted: false },
        { role: "agent", text: "It is clear over Ulm.", interrupted: false },
        { role: "user", text: "tell me a story", interrupted: false },
        { role: "agent", text: cuts[0], interrupted: true },
        { role: "user", text: "stop please", interrupted: false },
        { role: "agent", text: "All right.", interrupted: false },
        { role: "user", text: "another story", interrupted: false },
        { role: "agent", text: cuts[1], interrupted: true },
        { role: "user", text: "thank you", interrupted: false },
        { role: "agent", text: "You are welcome.", interrupted: false }
      ])
      for (const [text, heardMs] of [[cuts[0], byVoice], [cuts[1], byButton]] as const) {
        assert.isTrue(STORY.startsWith(text) && text.length < STORY.length, text)
        // to one word, and what the browser holds back of it
        assert.closeTo(text.length * MS_PER_CHARACTER, heardMs, 600, text)
      }
    } finally {
      await close()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }, 180_000)
})
