/**
 * `effect-voice/client` and the console page on the port of an Express application, below a prefix.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { join } from "node:path"
import type * as Client from "../../src/client/index.ts"
import { findFreePort } from "../support/FreePort.ts"
import * as Browser from "./Browser.ts"
import { silence } from "./Scene.ts"

if (Browser.missing !== undefined) process.stderr.write(`skipped, attached server in a browser: ${Browser.missing}\n`)

describe.skipIf(Browser.missing !== undefined)("an attached server in a browser", () => {
  it("is talked to from a page of the application, and from the console, below its prefix", async () => {
    const port = await findFreePort()
    const child = spawn(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      "--conditions=@effect-voice/source",
      join("test", "examples", "Express.ts")
    ], { env: { ...process.env, PORT: String(port) }, stdio: "ignore" })
    const url = `http://127.0.0.1:${port}`
    try {
      while (child.exitCode === null && !await fetch(url).then(() => true, () => false)) {
        await new Promise((resume) => setTimeout(resume, 100))
      }
      const { close, page } = await Browser.open(url, silence(1))
      try {
        assert.strictEqual(await page.textContent("body"), "my application")
        // As text, or Vite would replace the import by one of its own.
        await page.evaluate("import('/voice/client/index.js').then((client) => Object.assign(globalThis, { client }))")
        for (const transport of ["websocket", "webrtc"] as const) {
          const greeting = await page.evaluate(async (transport) => {
            const { VoiceClient }: typeof Client = Reflect.get(globalThis, "client")
            const call = await VoiceClient.connect({ url: `${location.origin}/voice/`, transport, input: false })
            const text = await new Promise<string>((resolve) => {
              call.on("agent.transcript", ({ text }) => resolve(text))
            })
            call.end()
            return text
          }, transport)
          assert.notStrictEqual(greeting, "", transport)
        }
        await page.goto(`${url}/voice`)
        assert.strictEqual(page.url(), `${url}/voice/`)
        await page.locator("#talk").click()
        await page.locator("#end").waitFor({ timeout: 60_000 })
        const { sessions } = await page.evaluate(() => fetch("v1/sessions").then((response) => response.json()))
        assert.lengthOf(sessions, 1)
      } finally {
        await close()
      }
    } finally {
      child.kill("SIGKILL")
    }
  }, 180_000)
})
