import { Effect, Layer } from "effect"
import * as Net from "node:net"
import * as Agent from "../../src/agent/Agent.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import { neverOverloaded } from "../server/support.ts"
import { CANARY } from "./Surface.ts"

export interface TestServerOptions {
  readonly agent?: ((text: string) => string) | undefined
  readonly maxConcurrentSessions?: number | undefined
  readonly server?: Server.ServerOptions | undefined
  readonly words?: ReadonlyArray<string> | undefined
}

/** A whole server on loopback, with scripted engines and the secret as API key. */
export const layer = (options: TestServerOptions = {}) =>
  Server.layer({ port: 0, ...options.server }).pipe(
    Layer.provideMerge(VoiceBackend.layerSttTts({
      agent: Agent.fromCallback((text) => Effect.succeed(options.agent?.(text) ?? "Yes.")),
      config: {
        maxConcurrentSessions: options.maxConcurrentSessions ?? 50,
        overload: neverOverloaded,
        providerConfig: {
          bind_address: "127.0.0.1",
          ice_servers: [{ urls: "turn:127.0.0.1:9", username: "u", credential: "turn-secret" }]
        }
      }
    })),
    Layer.provide([
      Local.layer,
      ScriptedEngines.layerVad(),
      ScriptedEngines.layerStt(options.words ?? []),
      ScriptedEngines.layerTts({ msPerCharacter: 20 })
    ])
  )

/**
 * Writes bytes to a port; returns everything received until the server closes or `waitMs` has passed. `half`: whether our half is closed at
 * once: a server may give up what it has not answered by then. Default: true.
 */
export const exchange = (
  port: number,
  bytes: Uint8Array | string,
  options: { readonly waitMs?: number | undefined; readonly half?: boolean | undefined } = {}
): Promise<{ readonly text: string; readonly closed: boolean }> =>
  new Promise((resolve) => {
    const parts: Array<Buffer> = []
    const socket = Net.connect({ port, host: "127.0.0.1" })
    const done = (closed: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ text: Buffer.concat(parts).toString("utf8"), closed })
    }
    const timer = setTimeout(() => done(false), options.waitMs ?? 5_000)
    socket.on("data", (part) => parts.push(part))
    socket.on("error", () => done(true))
    socket.on("close", () => done(true))
    // Half-close: the server sees the end of the input.
    if (options.half === false) socket.write(bytes)
    else socket.end(bytes)
  })

export const portOf = (url: string): number => Number(new URL(url).port)

export const authorization = `Bearer ${CANARY}`

export interface Created {
  readonly id: string
  readonly token: string
}

/** Creates a session over HTTP. */
export const create = async (url: string, body: object = {}): Promise<Created> => {
  const response = await fetch(`${url}/v1/sessions`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify({ user_id: "ada", transport: "websocket", ...body })
  })
  const created: unknown = await response.json()
  if (
    typeof created !== "object" || created === null || !("id" in created) || !("token" in created) ||
    typeof created.id !== "string" || typeof created.token !== "string"
  ) throw new Error(`no session: ${response.status} ${JSON.stringify(created)}`)
  return { id: created.id, token: created.token }
}
