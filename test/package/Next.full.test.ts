/**
 * The React page of the guide in an application of Next: its server renders it, and Chromium talks from it to the real server.
 *
 * It installs Next from the registry (or npm's cache).
 */
import { afterAll, assert, beforeAll, describe, it, vi } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Browser from "../browser/Browser.ts"
import { silence } from "../browser/Scene.ts"
import { findFreePort } from "../support/FreePort.ts"
import * as PackedProject from "./PackedProject.ts"

if (Browser.missing !== undefined) process.stderr.write(`skipped, Next: ${Browser.missing}\n`)

const NEXT = "next@16.4.6"
const MINUTES = 60_000

const layout = `import "effect-voice/react/styles.css"
export const metadata = { title: "A call" }
export default ({ children }) => <html lang="en"><body>{children}</body></html>
`

const page = `import { Call } from "./Call"
export default () => <main><h1>A call</h1><Call /></main>
`

const call = (url: string) =>
  `"use client"
import { CallButton, ConnectionBanner, DevicePicker, Transcript, VoiceCallProvider } from "effect-voice/react"
export const Call = () => (
  <VoiceCallProvider options={{ connect: { url: "${url}" } }}>
    <ConnectionBanner />
    <CallButton microphone={false} />
    <Transcript />
    <DevicePicker kind="microphone" />
  </VoiceCallProvider>
)
`

describe.skipIf(Browser.missing !== undefined)("an application of Next", () => {
  let project = ""
  let site: ChildProcess | undefined
  let voice: Awaited<ReturnType<typeof Browser.serve>> | undefined
  let address = ""

  beforeAll(async () => {
    const [port, voicePort] = [await findFreePort(), await findFreePort()]
    address = `http://127.0.0.1:${port}`
    project = PackedProject.makeEmpty()
    const config = join(project, "voice.json")
    writeFileSync(config, JSON.stringify({ server: { port: voicePort, allowed_origins: [address] } }))
    const starting = Browser.serve(["--config", config])
    PackedProject.addClient(project, [NEXT, ...["react", "react-dom"].map(PackedProject.ofDevelopment)])
    mkdirSync(join(project, "app"))
    writeFileSync(join(project, "app", "layout.jsx"), layout)
    writeFileSync(join(project, "app", "page.jsx"), page)
    writeFileSync(join(project, "app", "Call.jsx"), call(`http://127.0.0.1:${voicePort}`))
    const next = join(project, "node_modules", "next", "dist", "bin", "next")
    const env = { ...PackedProject.env, NODE_ENV: "production" as const, NEXT_TELEMETRY_DISABLED: "1" }
    const building = spawn(process.execPath, [next, "build"], { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    for (const stream of [building.stdout, building.stderr]) {
      stream.on("data", (text: Buffer) => output += text.toString())
    }
    const [code] = await once(building, "exit")
    assert.strictEqual(code, 0, output)
    site = spawn(process.execPath, [next, "start", "--hostname", "127.0.0.1", "--port", String(port)], {
      cwd: project,
      env,
      stdio: "ignore"
    })
    voice = await starting
    await vi.waitFor(() => fetch(address), { timeout: MINUTES, interval: 100 }).catch((cause: unknown) => {
      throw new Error(`next start does not answer; it ended with ${site?.exitCode}`, { cause })
    })
  }, 10 * MINUTES)
  afterAll(async () => {
    site?.kill("SIGKILL")
    await voice?.stop()
    if (project !== "") rmSync(project, { recursive: true, force: true })
  })

  it("is rendered by the server, hydrated without a complaint, and talks", async () => {
    const html = await (await fetch(address)).text()
    assert.match(html, /<button[^>]*data-phase="idle"[^>]*>Start call<\/button>/u)
    assert.match(html, /<div role="status"><\/div>/u)
    const { close, page } = await Browser.open("about:blank", silence(1))
    try {
      const faults: Array<string> = []
      page.on("pageerror", ({ message }) => faults.push(message))
      page.on("console", (message) => {
        if (message.type() === "error" && message.location().url.endsWith(".js")) faults.push(message.text())
      })
      await page.goto(address)
      await page.getByRole("button", { name: "Start call" }).click()
      await page.locator(".effect-voice-words", { hasText: /^Hello!/u }).waitFor()
      await page.getByRole("button", { name: "End call" }).click()
      await page.getByRole("button", { name: "Start call" }).waitFor()
      assert.deepStrictEqual(faults, [])
    } finally {
      await close()
    }
  }, 5 * MINUTES)
})
