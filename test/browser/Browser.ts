/**
 * A real Chromium with a WAV file as its microphone, and the real server it talks to.
 */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Browser, chromium, type Page } from "playwright-core"
import * as Wav from "../../src/audio/Wav.ts"

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync)

/** Why the browser tests cannot run here; `undefined` when they can. */
export const missing = executable === undefined
  ? "no Chromium found: install it (Debian: apt-get install chromium)"
  : undefined

/** A page whose microphone hears these samples (16 kHz), over and over. */
export const open = async (
  url: string,
  samples: Int16Array,
  options: {
    readonly width?: number
    readonly height?: number
    readonly microphone?: boolean
    /** Whether sound needs the user's gesture first, as in a browser that somebody uses. Default: no. */
    readonly needsGesture?: boolean
    /** Runs in the page before its own scripts. */
    readonly script?: string
  } = {}
): Promise<{ readonly page: Page; readonly browser: Browser; readonly close: () => Promise<void> }> => {
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-browser-"))
  const file = join(directory, "microphone.wav")
  writeFileSync(file, Wav.encode(samples, { sampleRate: 16_000 }))
  const browser = await chromium.launch({
    executablePath: executable ?? "",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--autoplay-policy=${
        options.needsGesture === true ? "document-user-activation-required" : "no-user-gesture-required"
      }`,
      "--allow-loopback-in-peer-connection",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-audio-capture=${file}`,
      ...(options.microphone === false ? ["--deny-permission-prompts"] : ["--use-fake-ui-for-media-stream"])
    ]
  })
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    permissions: options.microphone === false ? [] : ["microphone"]
  })
  const page = await context.newPage()
  // WebRTC of a test stays on loopback: no other candidate leaves the page
  await page.addInitScript(() => {
    const original = globalThis.fetch
    globalThis.fetch = (input, init) => {
      const body = init?.body
      if (typeof body !== "string" || !body.startsWith("v=0")) return original(input, init)
      const kept = body.split(/\r?\n/u).filter((line) =>
        !line.startsWith("a=candidate") || / 127\.0\.0\.1 /u.test(line)
      )
      return original(input, { ...init, body: kept.join("\r\n") })
    }
  })
  if (options.script !== undefined) await page.addInitScript(options.script)
  await page.goto(url)
  return {
    page,
    browser,
    close: async () => {
      await browser.close()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** Starts `serve` as a user would, on a free port; it ends by SIGTERM. */
export const serve = async (
  args: ReadonlyArray<string> = []
): Promise<{
  readonly url: string
  readonly stop: () => Promise<number | null>
  readonly kill: () => Promise<number | null>
}> => {
  const child = spawn(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    "src/cli/main.ts",
    "serve",
    ...(args.length === 0 ? ["--port", "0"] : args)
  ], {
    stdio: ["ignore", "pipe", "pipe"]
  })
  const exit = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)))
  let output = ""
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      const match = /http:\/\/[\d.]+:\d+/u.exec(output)
      if (match !== null) resolve(match[0])
    }
    child.stdout.on("data", read)
    child.stderr.on("data", read)
    child.once("exit", (code) => reject(new Error(`serve ended with ${code}: ${output}`)))
  })
  return {
    url,
    stop: () => {
      child.kill("SIGTERM")
      return exit
    },
    kill: () => {
      child.kill("SIGKILL")
      return exit
    }
  }
}
