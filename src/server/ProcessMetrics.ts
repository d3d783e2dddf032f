/**
 * What an operator wants to know of the process, under the names that Prometheus' own clients give it. Nothing is kept or
 * timed in between: everything is read when somebody asks.
 *
 * @since 0.1.0
 */
import { performance } from "node:perf_hooks"
import * as Process from "node:process"

/**
 * The names, in seconds and bytes.
 *
 * @category names
 * @since 0.1.0
 */
export const names = {
  cpu: "process_cpu_seconds_total",
  start: "process_start_time_seconds",
  resident: "process_resident_memory_bytes",
  heapUsed: "nodejs_heap_size_used_bytes",
  heapTotal: "nodejs_heap_size_total_bytes",
  external: "nodejs_external_memory_bytes",
  handles: "nodejs_active_resources",
  utilization: "nodejs_eventloop_busy_seconds_total",
  version: "nodejs_version_info"
} as const

const startSeconds = performance.timeOrigin / 1000

/**
 * The text that follows a registry's in the exposition format.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (): string => {
  const { system, user } = Process.cpuUsage()
  const memory = Process.memoryUsage()
  const loop = performance.eventLoopUtilization()
  const family = (name: string, type: "counter" | "gauge", help: string, value: number, labels = "") =>
    `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name}${labels} ${value}\n`
  return [
    family(names.cpu, "counter", "CPU time of the process in seconds, of user and system", (user + system) / 1e6),
    family(names.start, "gauge", "When the process began, in seconds since 1970", startSeconds),
    family(names.resident, "gauge", "Resident memory in bytes", memory.rss),
    family(names.heapUsed, "gauge", "Used heap of JavaScript in bytes", memory.heapUsed),
    family(names.heapTotal, "gauge", "Heap of JavaScript in bytes", memory.heapTotal),
    family(names.external, "gauge", "Memory of native objects in bytes", memory.external),
    family(
      names.handles,
      "gauge",
      "Sockets, timers and others that keep the process alive",
      Process.getActiveResourcesInfo().length
    ),
    family(names.utilization, "counter", "Time in which the event loop was busy, in seconds", loop.active / 1000),
    family(names.version, "gauge", "The version of Node.js", 1, `{version="${Process.version}"}`)
  ].join("")
}
