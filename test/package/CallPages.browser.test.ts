/**
 * The pages of the guides, vanilla and React, built by Vite from the packed package, in Chromium and against the real server.
 *
 * It installs React from the registry (or npm's cache).
 */
import { afterAll, assert, beforeAll, describe, it, vi } from "@effect/vitest"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Page } from "playwright-core"
import * as Browser from "../browser/Browser.ts"
import { silence } from "../browser/Scene.ts"
import { findFreePort } from "../support/FreePort.ts"
import * as PackedProject from "./PackedProject.ts"
import { serveFolder, type Site } from "./Site.ts"

if (Browser.missing !== undefined) process.stderr.write(`skipped, pages of calls: ${Browser.missing}\n`)

const WAIT_MS = 120_000

/** The page of the guide, in strict mode, and with a way out. */
const strict =
  `import { AudioBars, CallButton, Transcript, useTranscript, useVoiceCall, VoiceCallProvider } from "effect-voice/react"
import { StrictMode, useState } from "react"
import { createRoot } from "react-dom/client"

globalThis.renders = 0
const Count = () => {
  useTranscript()
  globalThis.renders++
  return null
}
const Interrupt = () => <button onClick={useVoiceCall().interrupt}>Interrupt</button>
const App = () => {
  const [shown, show] = useState(true)
  if (!shown) return <p id="left">left</p>
  return (
    <VoiceCallProvider options={{ connect: { url: "http://127.0.0.1:8080" } }}>
      <CallButton microphone={false} />
      <AudioBars />
      <Transcript />
      <Count />
      <Interrupt />
      <button onClick={() => show(false)}>Leave</button>
    </VoiceCallProvider>
  )
}
createRoot(document.body.appendChild(document.createElement("main"))).render(<StrictMode><App /></StrictMode>)
`

const mount = (script: string) =>
  `<!doctype html><html lang="en"><title>A call</title><body><script type="module" src="./${script}"></script></body></html>`

interface AccessibleNode {
  readonly ignored: boolean
  readonly role?: { readonly value: string }
  readonly name?: { readonly value: string }
  readonly properties?: ReadonlyArray<{ readonly name: string; readonly value: { readonly value: unknown } }>
}

/** What Chromium tells a screen reader: roles with their names, and the states that count here. */
const accessible = async (page: Page): Promise<ReadonlyArray<string>> => {
  const session = await page.context().newCDPSession(page)
  const { nodes } = await session.send("Accessibility.getFullAXTree") as { nodes: ReadonlyArray<AccessibleNode> }
  await session.detach()
  return nodes.filter(({ ignored }) => !ignored).map(({ name, properties = [], role }) => {
    const states = properties.filter(({ name }) => ["pressed", "live", "disabled"].includes(name))
      .map(({ name, value }) => ` ${name}=${String(value.value)}`)
    return `${role?.value ?? ""} ${JSON.stringify(name?.value ?? "")}${states.join("")}`
  })
}

/** Keeps every level that the highest of the bars has shown. */
const watchBars = (page: Page) =>
  page.evaluate(() => {
    const seen = new Set<string>()
    Object.assign(globalThis, { seen })
    const look = () => {
      const bar = document.querySelector<HTMLElement>(".effect-voice-bar:nth-child(3)")
      const level = bar?.style.getPropertyValue("--effect-voice-level") ?? ""
      if (level !== "") seen.add(level)
      requestAnimationFrame(look)
    }
    look()
  })

const seenLevels = (page: Page): Promise<ReadonlyArray<string>> =>
  page.evaluate(() => Array.from(Reflect.get(globalThis, "seen") as Set<string>))

describe.skipIf(Browser.missing !== undefined)("the pages of the guides", () => {
  let project = ""
  let site: Site
  let voice: Awaited<ReturnType<typeof Browser.serve>>
  let chromium: Awaited<ReturnType<typeof Browser.open>>

  beforeAll(async () => {
    const port = await findFreePort()
    project = PackedProject.makeEmpty()
    site = await serveFolder(join(project, "pages", "dist"))
    const config = join(project, "voice.json")
    writeFileSync(
      config,
      JSON.stringify({
        stt_provider: "moonshine",
        tts_provider: "flite",
        conversation: { greeting: "Hello! One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve." },
        server: { port, allowed_origins: [site.url] }
      })
    )
    const starting = Browser.serve(["--config", config])
    PackedProject.addClient(project, ["react", "react-dom"].map(PackedProject.ofDevelopment))
    const pages = join(project, "pages")
    mkdirSync(pages)
    const write = (name: string, text: string) =>
      writeFileSync(join(pages, name), text.replace("http://127.0.0.1:8080", `http://127.0.0.1:${port}`))
    const example = (name: string) => readFileSync(join(PackedProject.root, "test", "examples", "pages", name), "utf8")
    write("vanilla.html", example("CallPage.html"))
    write("CallPage.tsx", example("CallPage.tsx"))
    write("react.html", mount("CallPage.tsx"))
    write("Strict.jsx", strict)
    write("strict.html", mount("Strict.jsx"))
    const input = ["vanilla.html", "react.html", "strict.html"]
    write("vite.config.mjs", `export default { build: { rolldownOptions: { input: ${JSON.stringify(input)} } } }`)
    PackedProject.run(pages, process.execPath, [join(PackedProject.root, "node_modules/vite/bin/vite.js"), "build"])
    voice = await starting
    chromium = await Browser.open("about:blank", silence(1))
  })
  afterAll(async () => {
    site?.close()
    await chromium?.close()
    await voice?.stop()
    if (project !== "") rmSync(project, { recursive: true, force: true })
  })

  const visit = async (name: string, reducedMotion: "reduce" | "no-preference" = "no-preference") => {
    const context = await chromium.browser.newContext({ permissions: ["microphone"], reducedMotion })
    const page = await context.newPage()
    page.setDefaultTimeout(WAIT_MS)
    const faults: Array<string> = []
    page.on("pageerror", ({ message }) => faults.push(message))
    // React tells mistakes on the console, and a browser which files there are not
    page.on("console", (message) => {
      if (message.type() === "error" && message.location().url.endsWith(".js")) faults.push(message.text())
    })
    await page.goto(`${site.url}/${name}.html`)
    return { page, faults, close: () => context.close() }
  }

  const untilNoSession = () =>
    vi.waitFor(async () => {
      const { sessions } = await (await fetch(`${voice.url}/v1/sessions`)).json() as { sessions: ReadonlyArray<object> }
      assert.lengthOf(sessions, 0)
    }, { timeout: 60_000, interval: 100 })

  it("talks from the vanilla page", async () => {
    const { close, faults, page } = await visit("vanilla")
    try {
      await page.locator("#talk").click()
      await page.locator("#words li", { hasText: /^agent: Hello!/u }).waitFor()
      await page.locator("#talk", { hasText: "End" }).click()
      await page.locator("#state", { hasText: "The call has ended." }).waitFor()
      assert.deepStrictEqual(faults, [])
    } finally {
      await close()
    }
  })

  it("talks from the React page by the keyboard, and tells a screen reader all of it", async () => {
    const { close, faults, page } = await visit("react")
    try {
      await watchBars(page)
      assert.includeMembers([...await accessible(page)], [
        "button \"Start call\"",
        "button \"Mute\" disabled=true pressed=false",
        "log \"Conversation\""
      ])
      await page.keyboard.press("Tab")
      await page.keyboard.press("Enter")
      const said = page.locator(".effect-voice-entry[data-role=agent] .effect-voice-words")
      await said.filter({ hasText: /^Hello!/u }).waitFor()
      await page.locator("p[aria-live]", { hasText: /^(?:You|Agent): \w/u }).waitFor({ state: "attached" })
      const told = await accessible(page)
      for (
        const part of [
          /^button "End call"/u,
          /^button "Mute" pressed=false/u,
          /^log "Conversation"/u,
          /^combobox "Microphone"/u,
          /^combobox "Speaker"/u,
          /^status ""/u,
          /^alert ""/u
        ]
      ) assert.isTrue(told.some((node) => part.test(node)), `${part}\n${told.join("\n")}`)
      // the fake devices of Chromium have names
      assert.isAbove(await page.getByLabel("Microphone").locator("option").count(), 1)
      assert.isAbove((await seenLevels(page)).length, 5)
      assert.strictEqual(await page.locator(".effect-voice-bar").first().evaluate((bar) => bar.clientWidth > 0), true)
      await page.getByRole("button", { name: "Mute" }).click()
      await page.locator("button[aria-pressed=true]", { hasText: "Mute" }).waitFor()
      // the second click of a double click starts no other call
      await page.getByRole("button", { name: "End call" }).dblclick()
      await page.getByRole("button", { name: "Start call" }).waitFor()
      assert.deepStrictEqual(faults, [])
    } finally {
      await close()
    }
  })

  it("bears strict mode, strikes out what was not heard, moves nothing for who wants no motion, and hangs up when it goes", async () => {
    const { close, faults, page } = await visit("strict", "reduce")
    try {
      await watchBars(page)
      await page.getByRole("button", { name: "Start call" }).click()
      await page.locator(".effect-voice-words", { hasText: /two/u }).waitFor()
      await page.waitForFunction(() => (Reflect.get(globalThis, "seen") as Set<string>).has("0.600"))
      await page.getByRole("button", { name: "Interrupt" }).click()
      await page.locator("del", { hasText: /twelve/u }).waitFor()
      const told = await accessible(page)
      assert.isTrue(told.some((node) => node.startsWith("deletion ")), told.join("\n"))
      assert.isTrue(told.some((node) => node.startsWith("StaticText \"not heard:")), told.join("\n"))
      assert.includeMembers(["0.000", "0.600"], [...await seenLevels(page)])
      // one for each piece of the greeting, twice in strict mode, and none for a level
      assert.isBelow(Number(await page.evaluate("renders")), 100)
      await page.getByRole("button", { name: "Leave" }).click()
      await page.locator("#left").waitFor()
      assert.deepStrictEqual(faults, [])
      await untilNoSession()
    } finally {
      await close()
    }
  })
})
