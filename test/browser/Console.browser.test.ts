/**
 * The console page in a real Chromium, against the real server with the embedded engines.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Page } from "playwright-core"
import * as Pcm from "../../src/audio/Pcm.ts"
import { some } from "../support/Full.ts"
import * as Browser from "./Browser.ts"
import { shot, silence, spoken, watchMeter } from "./Scene.ts"

const start = async (page: Page, transport: "websocket" | "webrtc") => {
  await page.evaluate(() => document.querySelector("#settings")?.setAttribute("open", ""))
  await page.locator(`input[name=transport][value=${transport}]`).check({ force: true })
  await page.locator("#talk").click()
}

if (Browser.missing !== undefined) process.stderr.write(`skipped, console page: ${Browser.missing}\n`)

describe.skipIf(Browser.missing !== undefined)("console page", () => {
  let server: Awaited<ReturnType<typeof Browser.serve>>
  let microphone: Int16Array
  beforeAll(async () => {
    server = await Browser.serve()
    microphone = Pcm.concat([
      // the agent greets first
      silence(10),
      await spoken("Please count to twenty."),
      silence(6),
      await spoken("Please stop, thank you."),
      silence(60)
    ])
  }, 120_000)
  afterAll(async () => {
    assert.strictEqual(await server.stop(), 0)
  }, 60_000)

  for (const transport of some(["webrtc", "websocket"] as const, 1)) {
    it(`talks over ${transport}: is heard, answers aloud, and stops when spoken over`, async () => {
      const { close, page } = await Browser.open(server.url, microphone)
      try {
        await watchMeter(page)
        await start(page, transport)
        await page.locator(".agent-line .said", { hasText: /^Hello! .*interrupt me\./u }).waitFor({ timeout: 30_000 })
        // the user's words appear
        await page.locator(".user-line .said", { hasText: /count to (?:20|twenty)/iu }).waitFor({ timeout: 30_000 })
        // the agent's words appear, and its voice is heard
        await page.locator(".agent-line .said", { hasText: /three/iu }).waitFor({ timeout: 30_000 })
        assert.isAbove(Number(await page.locator("body").getAttribute("data-loudest")), 0.2)
        await shot(page, `${transport}-speaking`)
        // speaking over it cuts it, and what was not heard is struck out or missing
        await page.locator(".agent-line .tag.interrupted").first().waitFor({ timeout: 30_000 })
        const counted = await page.locator("li.turn", {
          has: page.locator(".user-line", { hasText: /count to (?:20|twenty)/iu })
        }).locator(
          ".agent-line .said"
        )
          .first().evaluate((said) => said.firstChild?.textContent ?? "")
        assert.notMatch(counted, /twenty/iu)
        await page.locator(".user-line .said", { hasText: /stop/iu }).waitFor({ timeout: 30_000 })
        await shot(page, `${transport}-interrupted`)
        await page.locator("#end").click()
        await page.locator("#talk-label", { hasText: /start/iu }).waitFor({ timeout: 10_000 })
      } finally {
        await close()
      }
    }, 120_000)
  }

  it("takes a double click for one press: it starts one call, mutes once and asks once", async () => {
    const { close, page } = await Browser.open(server.url, silence(1))
    try {
      await page.locator("#talk").dblclick()
      await page.locator("#mute:enabled").waitFor({ timeout: 30_000 })
      await page.locator("#state", { hasText: /listening/iu }).waitFor({ timeout: 30_000 })
      await page.locator("#mute").dblclick()
      await page.locator("#mute[aria-pressed=true]").waitFor({ timeout: 10_000 })
      await page.locator("#talk").dblclick()
      await page.locator("#mute[aria-pressed=false]").waitFor({ timeout: 10_000 })
      await page.locator(".try").first().dblclick()
      await page.locator(".agent-line .said").first().waitFor({ timeout: 30_000 })
      assert.strictEqual(await page.locator(".user-line").count(), 1)
      await page.locator("#end").dblclick()
      await page.locator("#talk-label", { hasText: /start/iu }).waitFor({ timeout: 10_000 })
    } finally {
      await close()
    }
  }, 120_000)

  it("says in plain words that the microphone was refused, and still takes typing", async () => {
    const { close, page } = await Browser.open(server.url, silence(1), { microphone: false })
    try {
      await start(page, "websocket")
      await page.locator("#banner-text", { hasText: /microphone/iu }).waitFor({ timeout: 20_000 })
      await page.locator("#text").fill("What is two plus three?")
      await page.locator("#text").press("Enter")
      await page.locator(".agent-line .said", { hasText: /\b5\b|five/iu }).waitFor({ timeout: 30_000 })
    } finally {
      await close()
    }
  }, 90_000)

  it("asks for the key of a server that wants one, and tells WebRTC the ICE servers", async () => {
    const directory = mkdtempSync(join(tmpdir(), "effect-voice-key-"))
    const config = join(directory, "voice.json")
    const key = "a-key-of-the-tests-01"
    const ice = { urls: ["turn:127.0.0.1:9?transport=udp"], username: "u", credential: "p" }
    writeFileSync(
      config,
      JSON.stringify({ server: { port: 0, api_keys: [key] }, provider_config: { ice_servers: [ice] } })
    )
    const own = await Browser.serve(["--config", config])
    const { close, page } = await Browser.open(own.url, silence(1), { width: 390, height: 844 })
    try {
      await page.addInitScript(() => {
        const Original = RTCPeerConnection
        globalThis.RTCPeerConnection = class extends Original {
          constructor(options?: RTCConfiguration) {
            super(options)
            document.body.dataset["ice"] = JSON.stringify(options?.iceServers)
          }
          override setRemoteDescription(description: RTCSessionDescriptionInit) {
            document.body.dataset["answer"] = description.sdp ?? ""
            return super.setRemoteDescription(description)
          }
        }
      })
      await page.reload()
      await page.locator("#hint", { hasText: /asks for a key/iu }).waitFor({ timeout: 20_000 })
      assert.strictEqual(await page.locator("#engines li").count(), 0)
      await start(page, "webrtc")
      const dialog = page.getByRole("dialog", { name: "This server asks for a key" })
      await dialog.waitFor({ timeout: 10_000 })
      await shot(page, "key-390")
      assert.isAtMost(await page.evaluate(() => document.documentElement.scrollWidth), 390)
      // a wrong key is asked for again
      const input = dialog.getByLabel("API key")
      assert.isTrue(await input.evaluate((node) => node === document.activeElement))
      await input.fill("not-the-key-of-this-one")
      await input.press("Enter")
      await dialog.getByRole("alert").filter({ hasText: /refused/iu }).waitFor({ timeout: 10_000 })
      await page.setViewportSize({ width: 1280, height: 800 })
      await shot(page, "key-1280-refused")
      await input.fill(` ${key} `)
      await dialog.getByRole("button", { name: "Continue" }).click()
      await page.locator("#state", { hasText: /listening|speaking/iu }).waitFor({ timeout: 30_000 })
      assert.isFalse(await dialog.isVisible())
      assert.isAbove(await page.locator("#engines li").count(), 2)
      assert.include(await page.locator("#engines").textContent(), "smart-turn")
      assert.deepEqual(JSON.parse(await page.locator("body").getAttribute("data-ice") ?? "null"), [ice])
      // the server is on loopback, and so is its side of WebRTC
      const answer = await page.locator("body").getAttribute("data-answer") ?? ""
      const addresses = [...answer.matchAll(/a=candidate:\S+ \d+ \S+ \d+ (\S+)/gu)].map((match) => match[1])
      assert.deepEqual([...new Set(addresses)], ["127.0.0.1"])
      await page.locator("#end").click()
      // kept for the tab, and for nothing else
      assert.notInclude(await page.evaluate(() => JSON.stringify(localStorage) + document.cookie), key)
      await page.reload()
      await page.locator("#engines li").first().waitFor({ timeout: 10_000 })
      await start(page, "websocket")
      await page.locator("#state", { hasText: /listening|speaking/iu }).waitFor({ timeout: 30_000 })
      await page.locator("#end").click()
      // a key that is not good any more is asked for anew; giving up leaves the page as it was
      await page.evaluate(() => sessionStorage.setItem("effect-voice.api-key", "the-key-of-yesterday"))
      await page.locator("#talk").click()
      await dialog.getByRole("alert").filter({ hasText: /former key/iu }).waitFor({ timeout: 10_000 })
      await dialog.getByRole("button", { name: "Not now" }).click()
      await page.locator("#hint", { hasText: /asks for a key/iu }).waitFor({ timeout: 10_000 })
    } finally {
      await close()
      assert.strictEqual(await own.stop(), 0)
      rmSync(directory, { recursive: true, force: true })
    }
  }, 120_000)

  for (const transport of some(["websocket", "webrtc"] as const, 1)) {
    it(`goes on over ${transport} when the server is killed and starts again`, async () => {
      const directory = mkdtempSync(join(tmpdir(), "effect-voice-killed-"))
      const config = join(directory, "voice.json")
      writeFileSync(
        config,
        JSON.stringify({ server: { port: 0 }, store: { kind: "sqlite", path: join(directory, "sessions.db") } })
      )
      const first = await Browser.serve(["--config", config])
      let running = first
      const { close, page } = await Browser.open(first.url, silence(60))
      const type = async (text: string) => {
        await page.locator("#text").fill(text)
        await page.locator("#text").press("Enter")
      }
      try {
        await start(page, transport)
        await page.locator("#state", { hasText: /listening|speaking/iu }).waitFor({ timeout: 30_000 })
        await type("What is two plus three?")
        await page.locator(".agent-line .said", { hasText: /\b5\b|five/iu }).waitFor({ timeout: 30_000 })
        await first.kill()
        await page.locator("#banner-text, #state, #hint", { hasText: /reconnect|connection/iu }).first().waitFor({
          timeout: 20_000
        })
        await shot(page, `${transport}-killed`)
        running = await Browser.serve(["--config", config, "--port", new URL(first.url).port])
        await page.locator("#state", { hasText: /listening|speaking/iu }).waitFor({ timeout: 30_000 })
        // the agent's answer was not finished when the server died, or it was: the conversation goes on either way
        await type("What is four plus four?")
        await page.locator(".agent-line .said", { hasText: /\b8\b|eight/iu }).waitFor({ timeout: 30_000 })
        const listed = await (await fetch(`${first.url}/v1/sessions`)).json() as {
          sessions: ReadonlyArray<{ id: string }>
        }
        const id = listed.sessions[0]?.id ?? ""
        const { history } = await (await fetch(`${first.url}/v1/sessions/${id}/history`)).json() as {
          history: ReadonlyArray<{ role: string; text: string }>
        }
        const asked = history.filter((item) => item.role === "user").map((item) => item.text)
        assert.deepEqual(asked, ["What is two plus three?", "What is four plus four?"])
        await shot(page, `${transport}-resumed`)
        await page.locator("#end").click()
      } finally {
        await close()
        await running.stop()
        rmSync(directory, { recursive: true, force: true })
      }
    }, 120_000)
  }

  it("says that the server is gone, and comes back with it", async () => {
    const own = await Browser.serve()
    const { close, page } = await Browser.open(own.url, silence(1), { width: 390, height: 844 })
    try {
      await page.locator("#link-text", { hasText: /online/iu }).waitFor({ timeout: 20_000 })
      await shot(page, "phone")
      assert.isAtMost(await page.evaluate(() => document.documentElement.scrollWidth), 390)
      assert.strictEqual(await own.stop(), 0)
      await page.locator("#banner-text", { hasText: /cannot be reached/iu }).waitFor({ timeout: 30_000 })
      const again = await Browser.serve(["--port", new URL(own.url).port])
      try {
        await page.locator("#link-text", { hasText: /online/iu }).waitFor({ timeout: 30_000 })
      } finally {
        await again.stop()
      }
    } finally {
      await close()
    }
  }, 120_000)
})
