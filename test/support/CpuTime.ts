/**
 * How long work takes, for tests that bound it: CPU time of this thread, which waiting for a busy core does not lengthen,
 * against the speed of this machine, which a fixed piece of work shows.
 */

/** CPU time that this thread has used, in ms. */
export const cpuMs = (): number => {
  const { system, user } = process.threadCpuUsage()
  return (system + user) / 1_000
}

/** What `work` takes, in ms of CPU time. */
export const timed = (work: () => void): number => {
  const from = cpuMs()
  work()
  return cpuMs() - from
}

const yardstick = (): number => {
  let sum = 0
  for (let round = 0; round < 200; round++) {
    const text = `${"some words. ".repeat(400)}${round}`
    for (let i = 0; i < text.length; i++) sum = (sum + text.charCodeAt(i)) | 0
    sum += text.replaceAll(/\w+/gu, "x").length
  }
  return sum
}

/** What the yardstick took where the bounds were chosen, in ms. */
const YARDSTICK_MS = 10

let measured: number | undefined

/** How many times slower than that this machine is now; at least 1. Measured once in a process, the best of five. */
export const slowness = (): number =>
  measured ??= Math.max(1, Math.min(...Array.from({ length: 5 }, () => timed(yardstick))) / YARDSTICK_MS)
