/**
 * Who keeps a session: a process, named so that others on the same machine can tell whether it still lives.
 *
 * A process id means something only within one boot and one namespace of processes, and is given again; so its start time
 * and these are parts of the name. Elsewhere than on Linux only the lease tells.
 *
 * @since 0.1.0
 */
import { randomUUID } from "node:crypto"
import { readFileSync, readlinkSync } from "node:fs"

const read = (what: () => string): string => {
  try {
    return what().trim()
  } catch {
    return ""
  }
}

/** The machine's boot and the namespace in which process ids count; `""` where there is no such thing. */
const place = (): string => {
  const boot = read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"))
  const namespace = read(() => readlinkSync("/proc/self/ns/pid"))
  return boot === "" || namespace === "" ? "" : `${boot},${namespace}`
}

/** State and start time (in ticks since boot; proc(5), fields 3 and 22) of a process; its name may hold anything. */
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
 * A new owner in this process.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): string => {
  const stat = statOf(process.pid)
  return [place(), process.pid, stat?.startedAt ?? "", randomUUID()].join("|")
}

/**
 * Whether an owner is known to have ended: its process was on this machine and is no more. `false` when nobody can say.
 *
 * @category predicates
 * @since 0.1.0
 */
export const hasExited = (owner: string): boolean => {
  const [where, pidText, startedAt] = owner.split("|")
  const pid = Number(pidText)
  if (where === undefined || where === "" || startedAt === undefined || startedAt === "") return false
  if (!Number.isSafeInteger(pid) || pid <= 0 || where !== place()) return false
  if (!exists(pid)) return true
  const stat = statOf(pid)
  // hidden from us, not gone
  if (stat === undefined) return false
  return stat.startedAt !== startedAt || stat.state === "Z" || stat.state === "X"
}
