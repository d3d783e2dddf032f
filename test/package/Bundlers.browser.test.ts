/**
 * The packed browser client in a page of each bundler, and in a page without one: built with the bundler's defaults, served
 * from an origin of its own, and run in Chromium against the real server over the client's default transport.
 *
 * It installs the bundlers from the registry (or npm's cache).
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Browser from "../browser/Browser.ts"
import { silence } from "../browser/Scene.ts"
import { findFreePort } from "../support/FreePort.ts"
import * as PackedProject from "./PackedProject.ts"
import { serveFolder, type Site } from "./Site.ts"

if (Browser.missing !== undefined) process.stderr.write(`skipped, bundlers: ${Browser.missing}\n`)

const page = (script: string) =>
  `<!doctype html><html><body><script type="module" src="${script}"></script></body></html>`

/** The snippet of the client's README, which tells what it heard. */
const program = `import { VoiceClient } from "effect-voice/client"
globalThis.refusal = (url, options) => VoiceClient.connect({ url, input: false, ...options }).then(
  () => "connected",
  ({ code, details, message }) => ({ code, message, reason: details?.reason })
)
globalThis.talk = async (url) => {
  const call = await VoiceClient.connect({ url })
  const said = new Promise((resolve) => call.on("agent.speech_stopped", ({ text }) => resolve(text)))
  let loudest = 0
  const meter = setInterval(() => { loudest = Math.max(loudest, call.levels.agent) }, 20)
  call.sendText("What is two plus three?")
  const text = await said
  clearInterval(meter)
  call.end()
  return { text, loudest }
}
`

describe.skipIf(Browser.missing !== undefined)("the packed browser client", () => {
  let project = ""
  let voice: Awaited<ReturnType<typeof Browser.serve>>
  let chromium: Awaited<ReturnType<typeof Browser.open>>
  const sites: { [name: string]: Site } = {}

  // One server and one browser for all pages: most of the time goes into starting them.
  beforeAll(async () => {
    const port = await findFreePort()
    project = PackedProject.makeEmpty()
    const own = `default-src 'none'; script-src 'self'; connect-src http://127.0.0.1:${port} ws://127.0.0.1:${port}`
    for (const name of ["dist", "webpack", "esbuild"]) sites[name] = await serveFolder(join(project, name))
    sites["plain"] = await serveFolder(join(project, "plain"), own)
    const config = join(project, "voice.json")
    const origins = Object.values(sites).map(({ url }) => url)
    writeFileSync(
      config,
      JSON.stringify({ server: { port, allowed_origins: origins }, conversation: { greeting: "" } })
    )
    const starting = Browser.serve(["--config", config])
    PackedProject.addClient(project, ["esbuild@0.28.2", "webpack@5.113.0"])
    writeFileSync(join(project, "main.js"), program)
    writeFileSync(join(project, "index.html"), page("/main.js"))
    voice = await starting
    chromium = await Browser.open("about:blank", silence(1))
  })
  afterAll(async () => {
    for (const site of Object.values(sites)) site.close()
    await chromium?.close()
    await voice?.stop()
    if (project !== "") rmSync(project, { recursive: true, force: true })
  })

  /** Opens a site, whose script has set this global function. */
  const visit = async (site: Site | undefined, global: string) => {
    const context = await chromium.browser.newContext({ permissions: ["microphone"] })
    const page = await context.newPage()
    await page.goto(site?.url ?? "")
    await page.waitForFunction((name) => Reflect.has(globalThis, name), global, { timeout: 30_000 })
    return { page, close: () => context.close() }
  }

  /** The page of a site gets a spoken answer over the default transport. */
  const answers = async (name: string) => {
    const { close, page } = await visit(sites[name], "talk")
    try {
      const { loudest, text } = await page.evaluate(
        (url) => Reflect.get(globalThis, "talk")(url) as Promise<{ text: string; loudest: number }>,
        voice.url
      )
      assert.match(text, /five|5/iu)
      assert.isAbove(loudest, 0.01)
    } finally {
      await close()
    }
  }

  it("talks from a page that Vite has built", async () => {
    PackedProject.run(project, process.execPath, [join(PackedProject.root, "node_modules/vite/bin/vite.js"), "build"])
    await answers("dist")
  }, 120_000)

  it("talks from a page that webpack has built", async () => {
    writeFileSync(
      join(project, "webpack.mjs"),
      `import webpack from "webpack"
const options = { mode: "production", context: process.cwd(), entry: "./main.js", output: { path: process.cwd() + "/webpack" } }
webpack(options, (error, stats) => {
  if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString())
})
`
    )
    PackedProject.run(project, process.execPath, ["webpack.mjs"])
    writeFileSync(join(project, "webpack", "index.html"), page("/main.js"))
    await answers("webpack")
  }, 120_000)

  it("talks from a page that esbuild has built", async () => {
    const esbuild = join(project, "node_modules", "esbuild", "bin", "esbuild")
    PackedProject.run(project, esbuild, ["main.js", "--bundle", "--minify", "--format=esm", "--outdir=esbuild"])
    writeFileSync(join(project, "esbuild", "index.html"), page("/main.js"))
    await answers("esbuild")
  }, 120_000)

  it("talks from a plain page, also one whose content security policy allows only its own scripts", async () => {
    mkdirSync(join(project, "plain"), { recursive: true })
    cpSync(join(project, "node_modules", "effect-voice", "dist", "client"), join(project, "plain", "client"), {
      recursive: true
    })
    writeFileSync(join(project, "plain", "main.js"), program.replace("effect-voice/client", "./client/index.js"))
    writeFileSync(join(project, "plain", "index.html"), page("/main.js"))
    await answers("plain")
  }, 120_000)

  it("says in a page of another origin which setting allows it, whichever request comes first", async () => {
    const other = sites["other"] = await serveFolder(join(project, "esbuild"))
    const { close, page } = await visit(other, "refusal")
    try {
      const refusal = (url: string, options: object = {}) =>
        page.evaluate(([url, options]) => Reflect.get(globalThis, "refusal")(url, options), [url, options] as const)
      const created = await (await fetch(`${voice.url}/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user_id: "ada", transport: "websocket" })
      })).json() as { id: string; token: string }
      for (const options of [{}, { session: created }, { session: created, transport: "webrtc" }]) {
        const { code, message, reason } = await refusal(voice.url, options)
        assert.deepStrictEqual(
          [code, reason],
          ["connection_failed", "origin_not_allowed"],
          `${JSON.stringify(options)}: ${message}`
        )
        assert.include(message, "server.allowed_origins")
        assert.include(message, other.url)
      }
      const { message, reason } = await refusal(`http://127.0.0.1:${await findFreePort()}`)
      assert.deepStrictEqual([message, reason], ["The server cannot be reached.", undefined])
    } finally {
      await close()
    }
  }, 120_000)
})
