/**
 * Chromium in LiveKit rooms, through the real livekit-server: the console page, and LiveKit's own client without any code of
 * ours.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as LiveKit from "livekit-client"
import { AccessToken, RoomServiceClient } from "livekit-server-sdk"
import * as Pcm from "../../src/audio/Pcm.ts"
import type { VoiceClient } from "../../src/client/index.ts"
import * as Service from "../providers/livekit/Service.ts"
import { isFull } from "../support/Full.ts"
import * as LiveKitServer from "../support/LiveKitServer.ts"
import * as LiveKitUser from "../support/LiveKitUser.ts"
import * as Browser from "./Browser.ts"
import { shot, silence, spoken, watchMeter } from "./Scene.ts"

const missing = Browser.missing ?? LiveKitServer.missing
if (missing !== undefined) process.stderr.write(`skipped, LiveKit in a browser: ${missing}\n`)

const GREETING = "Welcome to the line."

describe.skipIf(missing !== undefined)("Chromium in a LiveKit room", () => {
  const scope = Scope.makeUnsafe()
  let server: LiveKitServer.LiveKitServer
  let service: Service.Service
  let microphone: Int16Array
  beforeAll(async () => {
    const inScope = <A>(effect: Effect.Effect<A, never, Scope.Scope>) =>
      Effect.runPromise(effect.pipe(Scope.provide(scope)))
    server = await inScope(LiveKitServer.make())
    service = await inScope(Service.make({
      server,
      config: { conversation: { first_speaker: "agent", greeting: GREETING } }
    }))
    microphone = Pcm.concat([
      silence(5),
      await spoken("Please count to twenty."),
      silence(6),
      await spoken("Please stop, thank you."),
      silence(60)
    ])
  }, 120_000)
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

  it("the console page talks: is heard, answers aloud, is cut, and outlives a dead livekit-server", async () => {
    // Said twice: now and then the recogniser hears "count at Wendy".
    const request = [silence(5), await spoken("Please count to twenty.")]
    const samples = Pcm.concat([
      ...request,
      ...request,
      silence(6),
      await spoken("Please stop, thank you."),
      silence(60)
    ])
    const { close, page } = await Browser.open(service.url(), samples)
    try {
      await watchMeter(page)
      await page.evaluate(() => document.querySelector("#settings")?.setAttribute("open", ""))
      const liveKit = page.locator("input[name=transport][value=livekit]")
      await page.locator("input[name=transport][value=livekit]:checked").waitFor({ state: "attached" })
      assert.isTrue(await liveKit.isEnabled())
      assert.isFalse(await page.locator("input[name=transport][value=webrtc]").isEnabled())
      await page.locator("#talk").click()
      await page.locator(".agent-line .said", { hasText: GREETING }).waitFor({ timeout: 30_000 })
      await page.locator(".user-line .said", { hasText: /count to (?:20|twenty)/iu }).first().waitFor({
        timeout: 30_000
      })
      await page.locator(".agent-line .said", { hasText: /three/iu }).first().waitFor({ timeout: 30_000 })
      assert.isAbove(Number(await page.locator("body").getAttribute("data-loudest")), 0.2)
      await shot(page, "livekit-speaking")
      await page.locator(".agent-line .tag.interrupted").first().waitFor({ timeout: 30_000 })
      await page.locator(".user-line .said", { hasText: /stop/iu }).first().waitFor({ timeout: 30_000 })

      // the server is gone for a moment: the call goes on by itself, and nobody is greeted again
      await Effect.runPromise(server.kill)
      await page.locator("#state", { hasText: /reconnecting/iu }).waitFor({ timeout: 60_000 }).catch(() => {
        // LiveKit's client may have mended it before anybody saw
      })
      await Effect.runPromise(server.start)
      await page.locator("#text").fill("What is two plus three?")
      await page.locator("#state", { hasText: /listening/iu }).waitFor({ timeout: 60_000 })
      await page.locator("#text").press("Enter")
      await page.locator(".agent-line .said", { hasText: /\bis (?:5|five)\b/iu }).waitFor({ timeout: 60_000 })
      assert.strictEqual(await page.locator(".agent-line .said", { hasText: GREETING }).count(), 1)

      await page.locator("#end").click()
      await page.locator("#talk-label", { hasText: /start/iu }).waitFor({ timeout: 10_000 })
      assert.strictEqual(await page.locator("#end").isEnabled(), false)
    } finally {
      await close()
    }
  }, 240_000)

  it("a room that is deleted ends the page's call", async () => {
    const { close, page } = await Browser.open(service.url(), silence(60))
    try {
      await page.locator("input[name=transport][value=livekit]:checked").waitFor({ state: "attached" })
      await page.locator("#talk").click()
      await page.locator(".agent-line .said", { hasText: GREETING }).waitFor({ timeout: 30_000 })
      const rooms = new RoomServiceClient(server.apiUrl, server.apiKey, server.apiSecret)
      for (const { name } of await rooms.listRooms()) await rooms.deleteRoom(name)
      await page.locator("#talk-label", { hasText: /start/iu }).waitFor({ timeout: 10_000 })
    } finally {
      await close()
    }
  }, 90_000)

  // its client for Node sees the same in CI: `providers/livekit/LiveKit.server.test.ts`
  it.skipIf(!isFull)("LiveKit's own client sees an agent: its kind, its states, the words of both sides", async () => {
    const { close, page } = await Browser.open(service.url(), microphone)
    try {
      const created = await service.create({ user_id: "plain" })
      // as text, so that nothing rewrites the import
      await page.evaluate("import('/vendor/livekit-client.js').then((client) => { globalThis.LivekitClient = client })")
      const seen = await page.evaluate(async ({ connection_url: url, token }) => {
        const client: typeof LiveKit = Reflect.get(globalThis, "LivekitClient")
        const { ParticipantKind, Room, RoomEvent, Track } = client
        const room = new Room()
        const states: Array<string> = []
        const segments: Array<{ who: string; segment: string; final: string; text: string }> = []
        let heard = false
        room.on(RoomEvent.ParticipantAttributesChanged, (changed) => {
          const state = changed["lk.agent.state"]
          if (state !== undefined) states.push(state)
        })
        room.registerTextStreamHandler("lk.transcription", async (reader, { identity }) => {
          const { attributes = {} } = reader.info
          const text = await reader.readAll()
          segments.push({
            who: identity,
            text,
            segment: attributes["lk.segment_id"] ?? "",
            final: attributes["lk.transcription_final"] ?? ""
          })
        })
        room.on(RoomEvent.ActiveSpeakersChanged, (speakers) => {
          heard ||= speakers.some(({ kind }) => kind === ParticipantKind.AGENT)
        })
        room.on(RoomEvent.TrackSubscribed, (track) => {
          if (track.kind === Track.Kind.Audio) document.body.append(track.attach())
        })
        await room.connect(url, token)
        await room.localParticipant.setMicrophoneEnabled(true)
        const kinds = () => Array.from(room.remoteParticipants.values(), ({ kind }) => kind)
        const until = performance.now() + 40_000
        while (performance.now() < until) {
          const over = segments.filter(({ final, who }) => final === "true" && who.startsWith("agent-")).length >= 2
          if (over && states.at(-1) === "listening") break
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
        const agents = kinds().filter((kind) => kind === ParticipantKind.AGENT).length
        await room.disconnect()
        return { agents, states, segments, heard }
      }, { connection_url: created.connection_url, token: created.token })

      assert.strictEqual(seen.agents, 1)
      assert.isTrue(seen.heard, "the agent is an active speaker")
      const order = ["listening", "thinking", "speaking", "listening"]
      let at = 0
      for (const state of seen.states) if (state === order[at]) at++
      assert.strictEqual(at, order.length, seen.states.join(" "))
      const mine = seen.segments.filter(({ who }) => who === "plain")
      assert.isAbove(mine.filter(({ final }) => final === "false").length, 0)
      assert.match(mine.find(({ final }) => final === "true")?.text ?? "", /count/iu)
      const its = seen.segments.filter(({ who }) => who === `agent-${created.id}`)
      assert.deepEqual(its.slice(0, 2).map(({ final, text }) => [final, text]), [["false", GREETING], [
        "true",
        GREETING
      ]])
    } finally {
      await close()
    }
  }, 120_000)

  it(
    "our client hears everybody in a room, believes the agent alone, and stays muted in the room it joins again",
    async () => {
      const inScope = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>) =>
        Effect.runPromise(Effect.orDie(effect).pipe(Scope.provide(scope)))
      const meeting = await inScope(Service.make({ server, provider: { named_rooms: true, participants: "mixed" } }))
      const created = await meeting.create({ connection_url: "livekit:meeting", user_id: "ann" })
      const { close, page } = await Browser.open(meeting.url(), Pcm.concat([silence(1), await spoken("Good morning.")]))
      try {
        await page.evaluate(
          "import('/vendor/livekit-client.js').then((client) => { globalThis.LivekitClient = client })"
        )
        await page.evaluate(
          "import('/client/index.js').then(({ VoiceClient }) => { globalThis.VoiceClient = VoiceClient })"
        )
        await page.evaluate(async ({ created, url }) => {
          const log: Array<string> = []
          const audios: Array<HTMLAudioElement> = []
          const Element = Audio
          globalThis.Audio = class extends Element {
            constructor() {
              super()
              audios.push(this)
            }
          }
          const call: VoiceClient = await Reflect.get(globalThis, "VoiceClient").connect({
            url,
            session: { ...created, protocol: "livekit", connectionUrl: created.connection_url },
            livekit: async () => Reflect.get(globalThis, "LivekitClient")
          })
          // The microphone says something all the time.
          call.mute()
          const lab = { audios, call, log, loudest: 0 }
          Object.assign(globalThis, { lab })
          call.on(
            "message",
            (message) => log.push("text" in message ? `${message.type}: ${message.text}` : message.type)
          )
          setInterval(() => {
            lab.loudest = Math.max(lab.loudest, call.levels.agent)
          }, 20)
        }, { created, url: meeting.url() })
        const playing = () =>
          page.evaluate(() =>
            (Reflect.get(globalThis, "lab").audios as ReadonlyArray<HTMLAudioElement>).filter(({ paused, srcObject }) =>
              srcObject !== null && !paused
            ).length
          )
        const ask = async () => {
          const from = await page.evaluate(() => {
            const lab = Reflect.get(globalThis, "lab")
            lab.loudest = 0
            lab.call.interrupt()
            lab.call.sendText("What is two plus three?")
            return lab.log.length
          })
          await page.waitForFunction(
            (from) =>
              Reflect.get(globalThis, "lab").log.slice(from).some((line: string) =>
                /agent\.speech_stopped: .*(?:five|5)/iu.test(line)
              ),
            from,
            { timeout: 60_000 }
          ).catch(async (cause: unknown) => {
            const seen = await page.evaluate(() => {
              const { call, log } = Reflect.get(globalThis, "lab")
              return JSON.stringify({ connection: call.connection, log })
            })
            throw new Error(`no answer: ${seen}`, { cause })
          })
          return Number(
            await page.evaluate(() => Reflect.get(globalThis, "lab").loudest)
          )
        }
        assert.isAbove(await ask(), 0.01)
        const token = new AccessToken(server.apiKey, server.apiSecret, { identity: "bob" })
        token.addGrant({ room: "meeting", roomJoin: true, canPublishData: true })
        const bob = await inScope(LiveKitUser.join(server.url, await token.toJwt()))
        await page.waitForFunction(
          () => {
            const { audios }: { readonly audios: ReadonlyArray<HTMLAudioElement> } = Reflect.get(globalThis, "lab")
            return audios.filter(({ paused, srcObject }) => srcObject !== null && !paused).length === 2
          },
          undefined,
          { timeout: 30_000 }
        )
        // What somebody in the room sends in the agent's place changes nothing.
        await bob.send({ type: "session.ended", seq: 1, at_ms: 1, reason: "closed" })
        assert.isAbove(await ask(), 0.01)
        await bob.leave()
        await page.waitForFunction(
          () => {
            const { audios }: { readonly audios: ReadonlyArray<HTMLAudioElement> } = Reflect.get(globalThis, "lab")
            return audios.filter(({ srcObject }) => srcObject !== null).length === 1
          },
          undefined,
          { timeout: 30_000 }
        )
        assert.strictEqual(await playing(), 1)
        assert.isAbove(await ask(), 0.01)

        // Muted, and the whole room is lost: what is said is not heard until it is unmuted.
        await page.evaluate(() => Reflect.get(globalThis, "lab").call.mute())
        await Effect.runPromise(server.kill)
        await Effect.runPromise(server.start)
        await page.waitForFunction(() => Reflect.get(globalThis, "lab").call.connection === "connected")
        await page.waitForFunction(
          () => {
            const { log }: { readonly log: ReadonlyArray<string> } = Reflect.get(globalThis, "lab")
            return log.filter((type) => type === "session.started").length >= 2
          },
          undefined,
          { timeout: 120_000 }
        )
        const from = await page.evaluate(() => Reflect.get(globalThis, "lab").log.length)
        assert.isAbove(await ask(), 0.01)
        const heard = (from: number) =>
          page.evaluate(
            (from) =>
              (Reflect.get(globalThis, "lab").log as ReadonlyArray<string>).slice(from).filter((line) =>
                /user\.transcript: .*morning/iu.test(line)
              ),
            from
          )
        assert.deepStrictEqual(await heard(from), [])
        await page.evaluate(() => Reflect.get(globalThis, "lab").call.unmute())
        await page.waitForFunction(
          (from) =>
            Reflect.get(globalThis, "lab").log.slice(from).some((line: string) =>
              /user\.transcript: .*morning/iu.test(line)
            ),
          from,
          { timeout: 60_000 }
        )
      } finally {
        await close()
      }
    },
    300_000
  )
})
