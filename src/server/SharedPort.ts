/**
 * A port that several processes of one machine listen on, beside a port of their own: the system gives each new connection
 * to one of them (`SO_REUSEPORT`).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Http from "node:http"
import * as Net from "node:net"
import type { BackendError } from "../BackendError.ts"
import { listenError } from "./Listening.ts"

/**
 * A process that shares a port, and its own URL.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sibling {
  readonly name: string
  readonly url: string
}

/**
 * Where to listen together with other processes. All of them must run as the same user.
 *
 * - `port`: not 0, since the processes could not agree on it.
 * - `name`: the name of this process; `siblings`: the others. `/metrics` of the shared port then shows the metrics of all, with
 *   the name as label `worker`. Default: it shows those of the process that is asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface SharedPort {
  readonly host: string
  readonly port: number
  readonly name?: string | undefined
  readonly siblings?: ReadonlyArray<Sibling> | undefined
}

/** The systems whose kernel spreads connections over the listeners; elsewhere one of them gets all, or `listen` fails. */
const BALANCING: ReadonlySet<NodeJS.Platform> = new Set<NodeJS.Platform>(["linux", "freebsd"])

/**
 * Whether this system spreads the connections of a shared port over the processes that listen on it: Linux and FreeBSD do,
 * macOS and Windows do not.
 *
 * @category guards
 * @since 0.1.0
 */
export const isBalanced = (platform: NodeJS.Platform = process.platform): boolean => BALANCING.has(platform)

/**
 * Gives a server the connections of a shared port until the scope ends; those that are open by then stay open. Fails
 * `connection_failed` when another program has the port (`details.reason` is `port_in_use`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen = (
  server: Http.Server,
  { host, port }: SharedPort,
  secure: boolean
): Effect.Effect<void, BackendError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Server, BackendError>((resume) => {
      // As the server's own sockets are: HTTP ends them itself, TLS does not.
      const listener = Net.createServer({ allowHalfOpen: !secure, noDelay: true }, (socket) => {
        server.emit("connection", socket)
      })
      const failed = (cause: Error) => resume(Effect.fail(listenError({ host, port })({ cause })))
      listener.once("error", failed)
      listener.listen({ host, port, reusePort: true }, () => {
        listener.off("error", failed)
        // A connection that cannot be accepted is no reason to end the process.
        listener.on("error", () => {})
        resume(Effect.succeed(listener))
      })
      return Effect.sync(() => listener.close())
    }),
    // Its callback would wait for the connections; listening ends at once.
    (listener) => Effect.sync(() => void listener.close())
  ).pipe(Effect.asVoid)
