/**
 * The kind `audiosocket`: Asterisk's AudioSocket, which connects each call to a TCP port of this process. Any Asterisk since 18 has it.
 *
 * It has no authentication and no encryption: whoever can connect is a caller. So it listens on loopback, and takes connections from
 * there, unless it is told otherwise. It tells nothing of a call but its UUID; the end of the stream is the end of the call.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { BlockList, createServer, isIP, type Server, type Socket } from "node:net"
import { type BackendError, ConnectionFailed } from "../../../BackendError.ts"
import { protocolAt } from "../../../protocols/audiosocket/AudioSocketProtocol.ts"
import { withDefault } from "../../../schema/Defaults.ts"
import { encodeKeys } from "../../../schema/EncodedKeys.ts"
import type { Carrier, CarrierHost, CarrierKind } from "../Call.ts"
import { carrierFields, carrierKeys } from "../CarrierFields.ts"
import * as MediaRoute from "../MediaRoute.ts"
import * as TcpMediaSocket from "./TcpMediaSocket.ts"

/** More streams than one process carries. */
const MAX_CONNECTIONS = 2_048

const Address = Schema.String.check(
  Schema.makeFilter((text: string) => isIP(text) !== 0 || "expected an IP address")
)

/**
 * - `port`: the TCP port to listen on; 0 is any.
 * - `host`: the address to listen on. Default: `127.0.0.1`.
 * - `allowedAddresses`: from where Asterisk may connect. Default: `127.0.0.1` and `::1`.
 * - `sampleRate`: of the dialplan's codec, in Hz: 8,000 for the application `AudioSocket()`, and that of `c(…)` for
 *   `Dial(AudioSocket/…)`. Default: 8,000.
 *
 * @category models
 * @since 0.1.0
 */
export const AudioSocketConfig = Schema.Struct({
  kind: Schema.Literal("audiosocket"),
  ...carrierFields,
  port: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })),
  host: Address.pipe(withDefault("127.0.0.1")),
  allowedAddresses: Schema.Array(Address).pipe(withDefault(["127.0.0.1", "::1"])),
  sampleRate: Schema.Literals([8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000]).pipe(withDefault(8_000 as const))
}).pipe(encodeKeys({ ...carrierKeys, allowedAddresses: "allowed_addresses", sampleRate: "sample_rate" }))

/**
 * @category models
 * @since 0.1.0
 */
export type AudioSocketConfig = typeof AudioSocketConfig.Type

const listOf = (addresses: ReadonlyArray<string>): BlockList => {
  const list = new BlockList()
  for (const address of addresses) list.addAddress(address, isIP(address) === 6 ? "ipv6" : "ipv4")
  return list
}

const listen = (
  { host, port }: AudioSocketConfig,
  onConnection: (socket: Socket) => void
): Effect.Effect<Server, ConnectionFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Server, ConnectionFailed>((resume) => {
      const server = createServer({ pauseOnConnect: true }, onConnection)
      server.maxConnections = MAX_CONNECTIONS
      server.once("error", () =>
        resume(Effect.fail(
          new ConnectionFailed({
            op: "TelephonyProvider.connect",
            message: `AudioSocket cannot listen on port ${port}`,
            details: { port }
          })
        )))
      server.listen(port, host, () => resume(Effect.succeed(server)))
    }),
    // its connections end with their sessions
    (server) => Effect.sync(() => void server.close())
  )

const make = Effect.fnUntraced(function*(
  options: AudioSocketConfig,
  { calls, silence }: CarrierHost
): Effect.fn.Return<Carrier, BackendError, Scope.Scope> {
  const { name, sampleRate } = options
  const allowed = listOf(options.allowedAddresses)
  const protocol = protocolAt(sampleRate)
  const fork = yield* FiberSet.makeRuntime()

  const serve = Effect.fnUntraced(function*(tcp: Socket) {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => TcpMediaSocket.make(tcp)),
      (open) => Effect.sync(() => open.terminate())
    )
    const carried = MediaRoute.carry(socket, {
      protocol,
      returns: false,
      silence,
      callOf: ({ callId, input }) => calls.enter(name, { id: callId, inputSampleRate: input.sampleRate })
    })
    yield* Effect.catch(carried, (error) => MediaRoute.refuse(socket, error))
  }, Effect.scoped)

  yield* listen(options, (tcp) => {
    const address = tcp.remoteAddress?.replace(/^::ffff:/u, "") ?? ""
    const family = isIP(address) === 6 ? "ipv6" : "ipv4"
    if (isIP(address) === 0 || !allowed.check(address, family)) return tcp.destroy()
    fork(serve(tcp))
  })
  return { name, routes: [], returns: false, hangUp: () => Effect.void }
})

/**
 * @category constants
 * @since 0.1.0
 */
export const kind: CarrierKind<AudioSocketConfig> = { kind: "audiosocket", config: AudioSocketConfig, make }
