/** The real livekit-server for tests, on free ports of loopback: one node, no Redis, no STUN server. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createSocket } from "node:dgram"
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { binary } from "../../scripts/livekit/Binary.ts"
import { freePort } from "./FreePort.ts"

export interface LiveKitServer {
  readonly url: string
  readonly apiUrl: string
  readonly apiKey: string
  readonly apiSecret: string
  /** The id of its process, for measurements. */
  readonly pid: () => number
  /** Kills the process. */
  readonly kill: Effect.Effect<void>
  /** Restarts it on the same ports, without its rooms. */
  readonly start: Effect.Effect<void>
  readonly log: () => string
}

export interface LiveKitServerOptions {
  /** Where it sends its webhooks. */
  readonly webhooks?: ReadonlyArray<string>
}

/** LiveKit's client library gathers no loopback addresses: it reaches a server on loopback from another interface. */
const hasInterface = Object.values(networkInterfaces()).flat().some((address) => address?.internal === false)

/** What to install, when something is missing. */
export const missing = !existsSync(binary)
  ? "no livekit-server found: npm run livekit:install (needs Go 1.26)"
  : hasInterface
  ? undefined
  : "LiveKit's client needs a network interface besides loopback"

const freeUdpPort = Effect.callback<number>((resume) => {
  const probe = createSocket("udp4").bind(0, "127.0.0.1", () => {
    const { port } = probe.address()
    probe.close(() => resume(Effect.succeed(port)))
  })
})

const API_KEY = "test-key"
const API_SECRET = "test-secret-test-secret-test-secret-0123"

const config = (port: number, udpPort: number, webhooks: ReadonlyArray<string>): string =>
  JSON.stringify({
    port,
    bind_addresses: ["127.0.0.1"],
    keys: { [API_KEY]: API_SECRET },
    rtc: {
      udp_port: udpPort,
      // 0 is none; the default listens on all interfaces
      tcp_port: 0,
      use_external_ip: false,
      node_ip: "127.0.0.1",
      interfaces: { includes: ["lo"] },
      enable_loopback_candidate: true,
      // without one, clients would be handed public ones
      stun_servers: ["127.0.0.1:9"]
    },
    room: { auto_create: true, empty_timeout: 30, departure_timeout: 20 },
    ...(webhooks.length === 0 ? {} : { webhook: { api_key: API_KEY, urls: webhooks } }),
    logging: { level: "info" }
  })

const pause = (ms: number) =>
  Effect.callback<void>((resume) => {
    setTimeout(() => resume(Effect.void), ms)
  })

const isReady = (apiUrl: string) =>
  Effect.promise(() => fetch(apiUrl).then(({ status }) => status === 200, () => false))

export const make = Effect.fnUntraced(function*(
  options: LiveKitServerOptions = {}
): Effect.fn.Return<LiveKitServer, never, Scope.Scope> {
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-livekit-"))
  const port = yield* freePort
  const udpPort = yield* freeUdpPort
  const file = join(directory, "livekit.yaml")
  const log = join(directory, "log")
  // JSON is YAML
  writeFileSync(file, config(port, udpPort, options.webhooks ?? []))
  const apiUrl = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined

  const kill = Effect.callback<void>((resume) => {
    const running = child
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return resume(Effect.void)
    running.once("exit", () => resume(Effect.void))
    running.kill("SIGKILL")
  })
  const start = Effect.suspend(() => {
    const output = openSync(log, "a")
    child = spawn(binary, ["--config", file], { stdio: ["ignore", output, output] })
    return Effect.flatMap(
      isReady(apiUrl),
      (ready) => ready ? Effect.void : Effect.andThen(pause(50), Effect.fail("not yet"))
    ).pipe(Effect.retry({ times: 200 }), Effect.orDie)
  })
  yield* Effect.addFinalizer(() =>
    Effect.andThen(kill, Effect.sync(() => rmSync(directory, { recursive: true, force: true })))
  )
  yield* start
  return {
    url: `ws://127.0.0.1:${port}`,
    apiUrl,
    apiKey: API_KEY,
    apiSecret: API_SECRET,
    pid: () => child?.pid ?? 0,
    kill,
    start,
    log: () => readFileSync(log, "utf8")
  }
})
