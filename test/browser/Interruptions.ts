/**
 * What a page meets in a real Chromium during a call: no gesture yet, a suspended or closed audio context, devices changed
 * while the connection is lost, words typed meanwhile, a call that is cancelled.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Page } from "playwright-core"
import * as Pcm from "../../src/audio/Pcm.ts"
import type { ConnectOptions, VoiceClient } from "../../src/client/index.ts"
import * as Browser from "./Browser.ts"
import { silence, spoken } from "./Scene.ts"

if (Browser.missing !== undefined) process.stderr.write(`skipped, interruptions: ${Browser.missing}\n`)

/** What the scripts below leave in the page. */
interface Lab {
  readonly contexts: Array<AudioContext>
  readonly audios: Array<HTMLAudioElement>
  readonly channels: Array<RTCDataChannel>
  readonly log: Array<string>
  call: VoiceClient
  loudest: number
  offerDelayMs: number
}

/** Collects what the client makes, so that a test can reach it. */
const watching = `
globalThis.lab = { contexts: [], audios: [], channels: [], log: [], loudest: 0, offerDelayMs: 0 }
{
  const { lab } = globalThis
  const Context = AudioContext
  globalThis.AudioContext = class extends Context { constructor(options) { super(options); lab.contexts.push(this) } }
  const Element = Audio
  globalThis.Audio = class extends Element { constructor() { super(); lab.audios.push(this) } }
  const Peer = RTCPeerConnection
  globalThis.RTCPeerConnection = class extends Peer {
    createDataChannel(label, options) {
      const channel = super.createDataChannel(label, options)
      lab.channels.push(channel)
      return channel
    }
  }
  const fetch = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    if (String(input).endsWith("/offer")) await new Promise((resolve) => setTimeout(resolve, lab.offerDelayMs))
    return await fetch(input, init)
  }
  lab.start = async (options) => {
    const { VoiceClient } = await import("/client/index.js")
    const call = lab.call = await VoiceClient.connect(options)
    for (const type of ["playback.blocked", "playback.started", "microphone.lost", "microphone.restored"]) {
      call.on(type, () => lab.log.push(type))
    }
    call.on("connection", ({ state }) => lab.log.push(state))
    call.on("user.transcript", ({ text }) => lab.log.push("user: " + text))
    call.on("agent.speech_stopped", ({ text }) => lab.log.push("agent: " + text))
    call.on("ended", ({ reason }) => lab.log.push("ended: " + reason))
    setInterval(() => { lab.loudest = Math.max(lab.loudest, call.levels.agent) }, 20)
  }
}
`

const start = (page: Page, options: ConnectOptions) =>
  page.evaluate((options) => {
    const start: (options: ConnectOptions) => Promise<void> = Reflect.get(Reflect.get(globalThis, "lab"), "start")
    return start(options)
  }, options)

const inLab = <A>(page: Page, use: (lab: Lab) => A): Promise<A> =>
  page.evaluate(`(${String(use)})(globalThis.lab)`) as Promise<A>

/** Waits until a line of the log matches, from a line on; returns the number of the lines so far. */
const until = async (page: Page, pattern: RegExp, from = 0): Promise<number> => {
  await page.waitForFunction(
    ({ flags, from, source }) => {
      const { log }: Lab = Reflect.get(globalThis, "lab")
      return log.slice(from).some((line) => new RegExp(source, flags).test(line))
    },
    { source: pattern.source, flags: pattern.flags, from },
    { timeout: 60_000 }
  ).catch(async (cause: unknown) => {
    throw new Error(`no ${pattern} in ${JSON.stringify(await inLab(page, ({ log }) => log))}`, { cause })
  })
  return await inLab(page, ({ log }) => log.length)
}

/** Asks by typing, and gives the loudest of the answer. */
const ask = async (page: Page): Promise<number> => {
  const from = await inLab(page, (lab) => {
    lab.loudest = 0
    lab.call.sendText("What is two plus three?")
    return lab.log.length
  })
  await until(page, /agent: .*(?:five|5)/iu, from)
  return await inLab(page, ({ loudest }) => loudest)
}

type Transports = ReadonlyArray<"websocket" | "webrtc">

/** Over which transports each kind of interruption is tried. */
export interface Kinds {
  readonly gesture: Transports
  readonly context: Transports
  readonly devices: Transports
  /** Cancelled, or hung up while the connection is lost. */
  readonly ends: boolean
}

export const tests = (kinds: Kinds) =>
  describe.skipIf(Browser.missing !== undefined)("a call that is interrupted", () => {
    let server: Awaited<ReturnType<typeof Browser.serve>>
    let microphone: Int16Array
    beforeAll(async () => {
      server = await Browser.serve()
      const words = await spoken("Please tell me what time it is.")
      microphone = Pcm.concat([silence(1), words, silence(3)])
    }, 120_000)
    afterAll(async () => {
      assert.strictEqual(await server.stop(), 0)
    }, 60_000)

    for (const transport of kinds.gesture) {
      it(`starts to play over ${transport} with the first gesture, and asks for one`, async () => {
        // Playwright's own evaluation counts as a gesture, so the page tells by its console.
        const script = `${watching}
addEventListener("load", () => lab.start({ input: false, transport: "${transport}" }).then(() => {
  const look = () => {
    const plays = lab.contexts.every(({ state }) => state === "running") && lab.audios.every(({ paused }) => !paused)
    console.log("lab", navigator.userActivation.hasBeenActive, plays, lab.call.playbackBlocked, lab.log.join(","))
  }
  setInterval(look, 200)
}, (error) => console.log("lab failed", error)))`
        const { close, page } = await Browser.open("about:blank", silence(1), { needsGesture: true, script })
        try {
          const wait = (pattern: RegExp) =>
            page.waitForEvent("console", { predicate: (message) => pattern.test(message.text()), timeout: 60_000 })
          const blocked = wait(/^lab false false true .*playback\.blocked/u)
          await page.goto(server.url)
          await blocked
          const started = wait(/^lab true true false .*playback\.blocked,.*playback\.started/u)
          await page.mouse.click(5, 5)
          await started
          assert.isAbove(await ask(page), 0.01)
        } finally {
          await close()
        }
      }, 120_000)
    }

    for (const transport of kinds.context) {
      it(`goes on over ${transport} when its audio context is suspended, and when it is closed`, async () => {
        const { close, page } = await Browser.open(server.url, silence(1), { script: watching })
        try {
          await start(page, { input: false, transport })
          assert.isAbove(await ask(page), 0.01)
          await inLab(page, async ({ contexts }) => {
            await contexts[0]?.suspend()
          })
          assert.isAbove(await ask(page), 0.01)
          await inLab(page, async ({ contexts }) => {
            await contexts[0]?.close()
          })
          await page.waitForFunction(() => {
            const { contexts }: Lab = Reflect.get(globalThis, "lab")
            return contexts.length === 2 && contexts[1]?.state === "running"
          })
          assert.isAbove(await ask(page), 0.01)
          await inLab(page, ({ call }) => call.end())
          assert.deepStrictEqual(await inLab(page, ({ contexts }) => contexts.map(({ state }) => state)), [
            "closed",
            "closed"
          ])
          assert.notInclude(await inLab(page, ({ log }) => log), "playback.blocked")
        } finally {
          await close()
        }
      }, 180_000)
    }

    for (const transport of kinds.devices) {
      it(`hears the microphone over ${transport} that was changed while it reconnected, muted or not`, async () => {
        const { close, page } = await Browser.open(server.url, microphone, { script: watching })
        try {
          const sockets: Array<() => Promise<void>> = []
          await page.routeWebSocket(/\/audio/u, async (socket) => {
            // The second connection takes a while.
            if (sockets.length > 0) await new Promise((resolve) => setTimeout(resolve, 1_000))
            const server = socket.connectToServer()
            socket.onMessage((message) => server.send(message))
            server.onMessage((message) => socket.send(message))
            sockets.push(() => socket.close({ code: 1001, reason: "server_closed" }))
          })
          await page.reload()
          await start(page, { transport })
          await until(page, /user: .*time/iu)
          await inLab(page, (lab) => {
            lab.offerDelayMs = 1_000
            lab.call.mute()
            const stop = lab.call.on("connection", async ({ state }) => {
              if (state !== "reconnecting") return
              stop()
              lab.call.sendText("What is two plus three?")
              await lab.call.setInputDevice("")
              lab.log.push("changed")
            })
            lab.channels.at(-1)?.close()
          })
          await sockets[0]?.()
          await until(page, /changed/u)
          await until(page, /connected/u)
          // What was typed meanwhile is answered; who is muted is not heard.
          const from = await until(page, /agent: .*(?:five|5)/iu)
          await inLab(page, ({ call }) => call.unmute())
          await until(page, /user: .*time/iu, from)
        } finally {
          await close()
        }
      }, 180_000)
    }

    it.skipIf(!kinds.ends)(
      "is cancelled at once, also while the browser asks for the microphone, and leaves no session behind",
      async () => {
        const directory = mkdtempSync(join(tmpdir(), "effect-voice-cancel-"))
        const config = join(directory, "voice.json")
        writeFileSync(config, JSON.stringify({ server: { port: 0 }, max_concurrent_sessions: 1 }))
        const own = await Browser.serve(["--config", config])
        const { close, page } = await Browser.open(own.url, silence(1), { script: watching })
        try {
          const codes = await page.evaluate(async () => {
            const { VoiceClient }: { VoiceClient: { connect(options: ConnectOptions): Promise<VoiceClient> } } =
              await Reflect
                .get(globalThis, "eval")("import('/client/index.js')")
            const cancelled = async (options: ConnectOptions, wait: () => Promise<unknown>) => {
              const abort = new AbortController()
              const outcome = VoiceClient.connect({ ...options, signal: abort.signal }).then(
                () => "connected",
                (error: { readonly code: string }) => error.code
              )
              await wait()
              abort.abort()
              return await outcome
            }
            const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
            // A question that nobody answers.
            navigator.mediaDevices.getUserMedia = () => new Promise(() => {})
            const asking = await cancelled({}, async () => undefined)
            navigator.mediaDevices.getUserMedia = original
            // The session is there as soon as the request is answered.
            const fetched = globalThis.fetch
            let created: (value: unknown) => void = () => {}
            const wait = new Promise((resolve) => created = resolve)
            globalThis.fetch = async (input, init) => {
              const response = await fetched(input, init)
              if (init?.method === "POST") created(undefined)
              return response
            }
            const opening = await cancelled({ input: false }, () => wait)
            globalThis.fetch = fetched
            return [asking, opening]
          })
          assert.deepStrictEqual(codes, ["aborted", "aborted"])
          // The only place is free again.
          await start(page, { input: false })
          assert.isAbove(await ask(page), 0.01)
        } finally {
          await close()
          assert.strictEqual(await own.stop(), 0)
          rmSync(directory, { recursive: true, force: true })
        }
      },
      120_000
    )

    it.skipIf(!kinds.ends)("ends on the server also when the user hangs up while the connection is lost", async () => {
      const { close, page } = await Browser.open(server.url, silence(1), { script: watching })
      const status = async (id: string) => (await fetch(`${server.url}/v1/sessions/${id}`)).status
      try {
        await start(page, { input: false, transport: "webrtc" })
        const id = await inLab(page, ({ call }) => call.sessionId)
        assert.strictEqual(await status(id), 200)
        await inLab(page, (lab) => {
          lab.call.on("connection", ({ state }) => {
            if (state === "reconnecting") lab.call.end()
          })
          lab.channels[0]?.close()
        })
        await until(page, /ended: ended_by_user/u)
        const deadline = performance.now() + 30_000
        while (await status(id) === 200 && performance.now() < deadline) {
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
        assert.strictEqual(await status(id), 404)
      } finally {
        await close()
      }
    }, 90_000)
  })
