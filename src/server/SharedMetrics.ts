/**
 * The metrics of all processes on a shared port, as one text: whichever of them is asked asks the others.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import type * as Net from "node:net"
import type { BackendError } from "../BackendError.ts"
import type * as PeerTrust from "../cluster/peers/PeerTrust.ts"
import { deadline } from "../Deadline.ts"
import * as ThrownValue from "../ThrownValue.ts"
import * as NodeSocket from "./nodes/NodeSocket.ts"
import type { Sibling } from "./SharedPort.ts"

/** A process that hangs must not keep the others from being shown; Prometheus waits for 10 s by default. */
const WITHIN = "3 seconds"
const MAX_BYTES = 16_777_216

/**
 * Merges metrics in Prometheus' text format, by the names of their processes. Each sample gets the label `worker`; the help and
 * the type of a metric appear once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = (texts: ReadonlyArray<readonly [name: string, text: string]>): string => {
  const families = new Map<string, { readonly head: Set<string>; readonly samples: Array<string> }>()
  for (const [process, text] of texts) {
    const own = `worker="${process}"`
    let family = { head: new Set<string>(), samples: [] as Array<string> }
    for (const line of text.split("\n")) {
      const [, name] = /^# (?:HELP|TYPE) (\S+)/u.exec(line) ?? []
      if (name !== undefined) {
        family = families.get(name) ?? { head: new Set(), samples: [] }
        families.set(name, family)
        family.head.add(line)
        continue
      }
      const [, sample, labels = "", value = ""] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (.+)$/u.exec(line) ?? []
      if (sample === undefined) continue
      family.samples.push(`${sample}{${labels === "" ? own : `${labels},${own}`}} ${value}`)
      // A metric without help and type is a family of its own.
      if (family.head.size === 0) families.set(sample, family)
    }
  }
  return `${Array.from(families.values(), ({ head, samples }) => [...head, ...samples].join("\n")).join("\n")}\n`
}

const read = (socket: Net.Socket, path: string, authorization: string | undefined) =>
  Effect.callback<string, BackendError>((resume) => {
    const failed = (cause?: unknown) => resume(Effect.fail(NodeSocket.unreachable(cause)))
    const request = Http.request({
      createConnection: () => socket,
      path,
      headers: { connection: "close", ...(authorization === undefined ? {} : { authorization }) }
    }, (response) => {
      const chunks: Array<Buffer> = []
      let bytes = 0
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > MAX_BYTES) return void request.destroy(new Error(`more than ${MAX_BYTES} bytes`))
        chunks.push(chunk)
      })
      response.on("error", failed)
      response.on("end", () =>
        response.statusCode === 200
          ? resume(Effect.succeed(Buffer.concat(chunks).toString()))
          : failed(new Error(`status ${response.statusCode}`)))
    })
    request.on("error", failed)
    request.end()
    return Effect.sync(() => request.destroy())
  })

/**
 * Asks the other processes, with the credentials of the request to this one. One that does not answer within 3 seconds is left
 * out.
 *
 * @category accessors
 * @since 0.1.0
 */
export const gather = (
  siblings: ReadonlyArray<Sibling>,
  path: string,
  authorization: string | undefined,
  trust: PeerTrust.PeerTrust
): Effect.Effect<ReadonlyArray<readonly [name: string, text: string]>> =>
  Effect.map(
    Effect.forEach(siblings, ({ name, url }) =>
      NodeSocket.open(new URL(url), trust).pipe(
        Effect.flatMap((socket) => read(socket, path, authorization)),
        Effect.scoped,
        deadline("Server.metrics", `worker ${name}`, WITHIN),
        Effect.map((text) => [[name, text] as const]),
        Effect.catch((error) =>
          Effect.as(Effect.logDebug("metrics of another process are missing", ThrownValue.textOf(error)), [])
        )
      ), { concurrency: "unbounded" }),
    (found) => found.flat()
  )
