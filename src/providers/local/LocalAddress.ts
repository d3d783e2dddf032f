/**
 * Finds out whether WebRTC can use an address of this machine.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { createSocket } from "node:dgram"
import { isIPv6 } from "node:net"
import { InvalidConfig } from "../../BackendError.ts"
import { isRecord } from "../../schema/Json.ts"

const PATH = "provider_config.bind_address"

/**
 * Opens a UDP socket on an address and closes it again. Fails `invalid_config` when the address is none of this machine.
 *
 * @category validation
 * @since 0.1.0
 */
export const check = (address: string): Effect.Effect<void, InvalidConfig> =>
  Effect.callback<void, InvalidConfig>((resume) => {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4")
    socket.once("error", (cause) => {
      socket.close()
      const code = isRecord(cause) ? cause["code"] : undefined
      const message = code === "EADDRNOTAVAIL" || code === "ENOTFOUND"
        ? `${address} is not an address of this machine`
        : `no UDP port can be opened on ${address}`
      resume(
        Effect.fail(
          new InvalidConfig({
            op: "BackendProvider.check",
            message: `${PATH}: ${message}`,
            details: { faults: [{ path: PATH, message }] },
            cause
          })
        )
      )
    })
    socket.bind({ address, port: 0, exclusive: true }, () => socket.close(() => resume(Effect.void)))
    return Effect.sync(() => socket.unref())
  })
