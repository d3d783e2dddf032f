/**
 * The `cluster` section of a config: one backend of several processes, on one machine or many.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"

/** With `{worker}` and `{port}` filled in, as a process would have it. */
const filledIn = (text: string): string => text.replaceAll("{worker}", "0").replaceAll("{port}", "1")

const NodeUrl = Schema.String.check(
  Schema.isMaxLength(2_048),
  Schema.makeFilter((text: string) => {
    const url = filledIn(text)
    return (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && !/[?#@]/.test(url)) ||
      "expected a URL that begins with http:// or https://, without user, query or fragment"
  }, { toJsonSchema: () => [{ pattern: "^\\s*[hH][tT][tT][pP][sS]?:[^?#@]+$" }, true] })
)

/** A host name, or an address without its brackets. */
const Host = Schema.NonEmptyString.check(
  Schema.isMaxLength(253),
  Schema.makeFilter(
    (text: string) => /^[\w.:%-]+$/.test(text) || "expected a host name or an address, without a port",
    { toJsonSchema: () => [{ pattern: "^[\\w.:%-]+$" }, true] }
  )
)

const CELL = "^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$"
const cellName = new RegExp(CELL)

/**
 * Whether a text can be the name of a cell: 1 to 32 lowercase letters, digits and inner hyphens.
 *
 * @category guards
 * @since 0.1.0
 */
export const isCellName = (text: string): boolean => cellName.test(text)

/** It is part of session ids and may be part of host names. */
const CellName = Schema.String.check(
  Schema.makeFilter(
    (text: string) => isCellName(text) || "expected 1 to 32 lowercase letters, digits and hyphens, no hyphen at an end",
    { toJsonSchema: () => [{ pattern: CELL }, true] }
  )
)

/**
 * One backend of several processes: any of them answers for every session. They find each other in the database of the
 * session store: `store.kind` is `postgres` for several machines, or `sqlite` for several processes of one. Processes talk to
 * each other on the port of the API, under `/internal`. Absent: this process is alone.
 *
 * - `nodeUrl`: the base URL at which clients reach exactly this process; `connection_url` is made of it. `{port}` stands for
 *   the port that it listens on, `{worker}` for its number with `--workers`. Default: clients come through the URL of the
 *   API, and the process that takes a connection passes it on to the session's own.
 * - `address`: the host name or address at which other processes reach this one. Default: `server.host`, or where that is
 *   every address of the machine, its first one that is not loopback.
 * - `maxSessions`: how many sessions may be active in all processes together; `maxConcurrentSessions` counts in each.
 *   Default: no limit but the latter. [1, 10,000,000].
 * - `lockExpiration`: how long a process may be silent until what only one may do is done by another. 5 s, [2 s, 1 min].
 * - `health`: how it is found out that a silent process has gone: `ping` asks it, `k8s` asks Kubernetes whether its pod is
 *   ready. `ping`.
 * - `locks`: how PostgreSQL keeps what only one process may have. `session`: by locks of a connection that stays open. `rows`: by
 *   rows of a table, which also work through PgBouncer in transaction mode. `session`. SQLite has rows in any case.
 * - `cell`: the name of the cell that these processes are: part of the ids of its sessions. Default: none.
 * - `cells`: the base URLs of other cells, by name: clients of their sessions are sent there. Default: none.
 *
 * @category models
 * @since 0.1.0
 */
export const ClusterConfig = Schema.Struct({
  nodeUrl: Schema.optionalKey(NodeUrl),
  address: Schema.optionalKey(Host),
  maxSessions: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000 }))),
  lockExpiration: boundedDuration("2 seconds", "1 minute").pipe(withDefault("5s")),
  health: Schema.Literals(["ping", "k8s"]).pipe(withDefault("ping" as const)),
  locks: Schema.Literals(["session", "rows"]).pipe(withDefault("session" as const)),
  cell: Schema.optionalKey(CellName),
  cells: Schema.optionalKey(Schema.Record(Schema.String, NodeUrl))
}).pipe(encodeKeys({ nodeUrl: "node_url", maxSessions: "max_sessions", lockExpiration: "lock_expiration" }))

/**
 * @category models
 * @since 0.1.0
 */
export type ClusterConfig = typeof ClusterConfig.Type
