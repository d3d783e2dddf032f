/**
 * The owner of stored sessions: names a process so that others on the same machine can tell whether it still runs.
 *
 * A process id is only valid within one boot and one PID namespace, and can be reused. So the name also has the boot id, the
 * namespace and the start time of the process. On systems other than Linux only the lease tells.
 *
 * @since 0.1.0
 */
import { randomUUID } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"
import type { SessionLocation } from "../session/persistence/SessionStore.ts"

const read = (what: () => string): string => {
  try {
    return what().trim()
  } catch {
    return ""
  }
}

/** The boot id and the PID namespace; `""` where they are unknown. */
const bootAndNamespace = (): string => {
  const boot = read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"))
  const namespace = read(() => readlinkSync("/proc/self/ns/pid"))
  return boot === "" || namespace === "" ? "" : `${boot},${namespace}`
}

/** State and start time (in ticks since boot; proc(5), fields 3 and 22) of a process. Its name, in parentheses, may contain anything. */
const statOf = (pid: number): { readonly state: string; readonly startedAt: string } | undefined => {
  const fields = read(() => readFileSync(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /su, "").split(" ")
  const [state = "", startedAt = ""] = [fields[0], fields[19]]
  return startedAt === "" ? undefined : { state, startedAt }
}

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return !(cause instanceof Error && "code" in cause && cause.code === "ESRCH")
  }
}

/**
 * Makes a new owner in this process.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): string => {
  const stat = statOf(process.pid)
  return [bootAndNamespace(), process.pid, stat?.startedAt ?? "", randomUUID()].join("|")
}

/**
 * Whether the owner's process ran on this machine and has exited. False when that is unknown.
 *
 * @category predicates
 * @since 0.1.0
 */
export const hasExited = (owner: string): boolean => {
  const [where, pidText, startedAt] = owner.split("|")
  const pid = Number(pidText)
  if (where === undefined || where === "" || startedAt === undefined || startedAt === "") return false
  if (!Number.isSafeInteger(pid) || pid <= 0 || where !== bootAndNamespace()) return false
  if (!exists(pid)) return true
  const stat = statOf(pid)
  // not visible to this process, but it exists
  if (stat === undefined) return false
  return stat.startedAt !== startedAt || stat.state === "Z" || stat.state === "X"
}

/**
 * Whether the owner's process can be asked for here: it runs on this machine, or did, in the same PID namespace.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isHere = (owner: string): boolean => {
  const [where, , startedAt] = owner.split("|")
  return where !== undefined && where !== "" && startedAt !== "" && where === bootAndNamespace()
}

/**
 * The same as `hasExited`, which asks the system only once for each owner.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exits = (): (owner: string) => boolean => {
  const known = new Map<string, boolean>()
  return (owner) => {
    const has = known.get(owner) ?? hasExited(owner)
    known.set(owner, has)
    return has
  }
}

/**
 * Tells who has a session by the owner that is stored (`null` or `""`: nobody) and whether its lease runs.
 *
 * @category conversions
 * @since 0.1.0
 */
export const locationOf = (owner: string | null, isLeased: boolean): SessionLocation =>
  owner === null || owner === ""
    ? { owner: undefined, live: false }
    : { owner, live: isLeased && !hasExited(owner) }
