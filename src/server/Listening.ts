/**
 * Errors of listening on a host and port, with what the operator can do about them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { type BackendError, ConnectionFailed, describe, InvalidConfig } from "../BackendError.ts"
import type { ServerConfig } from "./ServerConfig.ts"

const op = "Server.layer"

/**
 * Where a server listens, and the setting of its port. Default: `--port or server.port`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listen extends Pick<ServerConfig, "host" | "port"> {
  readonly setting?: string | undefined
}

/**
 * Turns an error of `listen` into the contract's: `connection_failed` with `details.reason` `port_in_use`, or
 * `invalid_config` for an address that this machine or this user cannot use.
 *
 * @category conversions
 * @since 0.1.0
 */
export const listenError = (config: Listen) => ({ cause }: { readonly cause: unknown }): BackendError => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "unknown"
  const where = `${config.host}:${config.port}`
  const details = { host: config.host, port: config.port, code }
  switch (code) {
    case "EADDRINUSE":
      return new ConnectionFailed({
        op,
        message: `port ${config.port} of ${config.host} is in use; choose another with ${
          config.setting ?? "--port or server.port"
        }`,
        details: { ...details, reason: "port_in_use" },
        cause
      })
    case "EACCES":
      return new InvalidConfig({ op, message: `no permission to listen on ${where}`, details, cause })
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new InvalidConfig({ op, message: `${config.host} is not an address of this machine`, details, cause })
    default:
      return new ConnectionFailed({ op, message: `cannot listen on ${where}: ${describe(cause)}`, details, cause })
  }
}

/**
 * Fails as the layer would if the server could not listen now: to be run before slow work such as fetching models. The port
 * is released again, so it may be taken by the time the layer is built. Gives the port, which for port 0 is one that is free.
 *
 * @category validation
 * @since 0.1.0
 */
export const requireFreePort = (config: Listen): Effect.Effect<number, BackendError> =>
  Effect.callback<number, BackendError>((resume) => {
    const probe = new Net.Server()
    probe.once("error", (cause) => resume(Effect.fail(listenError(config)({ cause }))))
    probe.listen({ host: config.host, port: config.port, exclusive: true }, () => {
      const address = probe.address()
      const port = typeof address === "object" && address !== null ? address.port : config.port
      probe.close(() => resume(Effect.succeed(port)))
    })
    return Effect.sync(() => probe.close())
  })

/**
 * Fails as the layer would if the host is no address of this machine, or the user may not listen on the port. A port that is
 * in use, as by a server that runs, is no fault.
 *
 * @category validation
 * @since 0.1.0
 */
export const requireAddress = ({ host, port }: Listen): Effect.Effect<void, BackendError> =>
  // below 1024 the system asks for a right
  requireFreePort({ host, port: port < 1_024 ? port : 0 }).pipe(
    Effect.catchTag("ConnectionFailed", () => Effect.void),
    Effect.asVoid
  )

/**
 * The URL of a server that listens.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatUrl = (scheme: "http" | "https", host: string, port: number): string =>
  `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`
