/**
 * The rules between fields of a config: which fields another one requires or excludes.
 *
 * They read single fields and not the decoded whole, so that their faults come together with those of the fields.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import type { Fault } from "../../schema/Faults.ts"
import { isRecord } from "../../schema/Json.ts"
import * as ServiceUrl from "../../schema/ServiceUrl.ts"
import { isCellName } from "./ClusterConfig.ts"

/**
 * Reads a field by its path in the encoded form (`store`, `url`); `undefined` when it is absent.
 *
 * @category models
 * @since 0.1.0
 */
export type ReadField = (...path: ReadonlyArray<string>) => unknown

const walk = (value: unknown, path: ReadonlyArray<string>, keyOf: (name: string) => string): unknown =>
  path.reduce<unknown>((inner, name) => isRecord(inner) ? inner[keyOf(name)] : undefined, value)

/**
 * Reads the fields of a config before it is decoded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofEncoded = (raw: unknown): ReadField => (...path) => walk(raw, path, (name) => name)

/**
 * Reads the fields of a decoded config by their encoded names.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofDecoded = (config: unknown): ReadField => (...path) =>
  walk(config, path, (name) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))

const pipelineFaults = (read: ReadField): ReadonlyArray<Fault> => {
  const type = read("pipeline_type")
  const required = (key: string) =>
    read(key) === undefined ? [{ path: key, message: `required with pipeline_type ${String(type)}` }] : []
  switch (type) {
    case "stt_tts":
      return [
        ...required("stt_provider"),
        ...required("tts_provider"),
        ...(read("agent_in_loop") === undefined
          ? []
          : [{ path: "agent_in_loop", message: "not available with pipeline_type stt_tts: the agent always answers" }])
      ]
    case "s2s":
      return [
        ...required("s2s_provider"),
        ...(read("turn_detection_provider") === "stt"
          ? [{
            path: "turn_detection_provider",
            message: "stt is not available with pipeline_type s2s: there is no speech-to-text engine"
          }]
          : [])
      ]
    default:
      return []
  }
}

/** The faults of the URL that a kind of store needs. */
const urlFaults = (
  kind: "postgres" | "redis",
  path: string,
  url: unknown,
  required: string
): ReadonlyArray<Fault> => {
  if (url === undefined) return [{ path, message: required }]
  const text = Redacted.isRedacted(url) ? Redacted.value(url) : url
  // what is no text is a fault of its field
  const fault = typeof text === "string" ? ServiceUrl.faultOf(kind, text) : undefined
  return fault === undefined ? [] : [{ path, message: fault }]
}

const storeFaults = (read: ReadField): ReadonlyArray<Fault> => {
  const kind = read("store", "kind")
  return kind === "postgres" || kind === "redis"
    ? urlFaults(kind, "store.url", read("store", "url"), `required with kind ${kind}`)
    : []
}

const rateLimitFaults = (read: ReadField): ReadonlyArray<Fault> => {
  switch (read("rate_limits", "store")) {
    case "redis":
      return urlFaults("redis", "rate_limits.url", read("rate_limits", "url"), "required with store redis")
    case "cluster":
      return read("cluster") === undefined
        ? [{ path: "rate_limits.store", message: "cluster needs a section cluster: without one use memory or redis" }]
        : []
    default:
      return []
  }
}

/** What the processes of a cluster find each other in is the database of their sessions. */
const clusterFaults = (read: ReadField): ReadonlyArray<Fault> => {
  if (read("cluster") === undefined) return []
  const kind = read("store", "kind") ?? "memory"
  const cell = read("cluster", "cell")
  const cells = read("cluster", "cells")
  return [
    ...(kind === "postgres" || kind === "sqlite"
      ? []
      : [{
        path: "store.kind",
        message:
          `${
            kind === "memory" || kind === "redis" ? kind : "this store"
          } has no room for a cluster: use postgres for ` +
          "several machines, or sqlite for several processes of one"
      }]),
    ...(isRecord(cells)
      ? Object.keys(cells).filter((name) => !isCellName(name)).map((name) => ({
        path: `cluster.cells.${name}`,
        message: "the name is none of a cell: expected 1 to 32 lowercase letters, digits and hyphens"
      }))
      : []),
    ...(isRecord(cells) && cell === undefined
      ? [{ path: "cluster.cell", message: "required with cells: which one this is" }]
      : [])
  ]
}

/**
 * Every fault between the fields of a config.
 *
 * @category checks
 * @since 0.1.0
 */
export const faultsOf = (read: ReadField): ReadonlyArray<Fault> => [
  ...pipelineFaults(read),
  ...storeFaults(read),
  ...rateLimitFaults(read),
  ...clusterFaults(read)
]
