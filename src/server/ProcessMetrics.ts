/**
 * Metrics of the process, under the names of Prometheus' own clients. They are read at each scrape; nothing is kept between.
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
 * The metrics in Prometheus' text format, to be appended to those of the registry.
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
    family(names.cpu, "counter", "User and system CPU time of the process in seconds", (user + system) / 1e6),
    family(names.start, "gauge", "Start time of the process in seconds since the Unix epoch", startSeconds),
    family(names.resident, "gauge", "Resident memory in bytes", memory.rss),
    family(names.heapUsed, "gauge", "Used JavaScript heap in bytes", memory.heapUsed),
    family(names.heapTotal, "gauge", "JavaScript heap in bytes", memory.heapTotal),
    family(names.external, "gauge", "Memory of native objects bound to JavaScript in bytes", memory.external),
    family(
      names.handles,
      "gauge",
      "Sockets, timers and other resources that keep the process alive",
      Process.getActiveResourcesInfo().length
    ),
    family(names.utilization, "counter", "Time that the event loop was busy, in seconds", loop.active / 1000),
    family(names.version, "gauge", "Version of Node.js", 1, `{version="${Process.version}"}`)
  ].join("")
}
