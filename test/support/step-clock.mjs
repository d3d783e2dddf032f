// Preloaded with `node --import`: each SIGUSR2 steps this process's wall clock by the next of STEPS_MS, as NTP or an
// administrator does. Timers and monotonic clocks do not notice, as with a real clock.
const real = Date.now.bind(Date)
const steps = (process.env.STEPS_MS ?? "").split(",").map(Number)
let off = 0
Date.now = () => real() + off
process.on("SIGUSR2", () => {
  const by = steps.shift() ?? 0
  off += by
  process.stderr.write(`the wall clock was stepped by ${by} ms\n`)
})
