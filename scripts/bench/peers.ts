/**
 * This package beside LiveKit Agents JS, in one run: what each adds to a turn (B1), how fast each falls silent (B2), and
 * what a session costs.
 *
 * Both get the same: 20 ms frames of 16 kHz in real time from one driver, engines that take no time and cost next to
 * nothing, a reply of 2 s in 24 kHz PCM that is there at once, a paced sink of 200 ms. No configured wait is part of any
 * figure: their endpointing delay is 0, and our detector dates the end of speech back by the silence our policy waits
 * for, so that the turn is over with the frame from whose push on we measure. Each run has a process of its own, the
 * sides take turns, and the figures are medians over the rounds. As root on Linux the runs have real-time priority.
 *
 * Usage: `npm run bench -- peers [--rounds 3] [--part turn,barge,scale,idle] [--json FILE] [--profile DIRECTORY]`.
 * The other side is fetched on demand, once; without it only ours is measured. `--profile` writes CPU profiles of ours.
 *
 * @since 0.1.0
 */
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import type { Measured } from "./peers/Driver.ts"
import { install, name, version } from "./peers/Install.ts"
import * as Plan from "./peers/Plan.ts"
import * as Report from "./peers/Report.ts"
import { priority, run } from "./peers/Run.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    part: { type: "string", default: "turn,barge,scale,idle" },
    json: { type: "string" },
    profile: { type: "string" }
  }
})

const installed = install()
if ("missing" in installed) {
  process.stdout.write(`skipped: ${name}@${version} can't be installed (${installed.missing})\n`)
}

const parts = options.part.split(",")
const jobs = Plan.jobs.filter(({ load, part }) =>
  parts.includes(part) && (load.peer !== Plan.theirs || "entry" in installed)
)
const rounds = Number(options.rounds)
const measured = jobs.map((): Array<Measured> => [])
for (let round = 0; round < rounds; round++) {
  for (const [index, job] of jobs.entries()) {
    process.stderr.write(`round ${round + 1}/${rounds}: ${job.load.peer}, ${job.part}, ${job.label}\n`)
    measured[index]?.push(
      await run(job.load, installed, job.load.peer === Plan.ours ? options.profile : undefined)
    )
  }
}
const figures = jobs.map((job, index) => Report.figures({ job, rounds: measured[index] ?? [] }))
const machine = `${process.version} on ${cpus().length} x ${cpus()[0]?.model.trim() ?? process.arch}, ${
  priority.length > 0 ? "real-time priority" : "ordinary priority"
}, ${rounds} rounds; ${Plan.theirs} is ${name}@${version}`
process.stdout.write(`${machine}\n${Report.table(figures)}\n`)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine, figures }, undefined, 2)}\n`)
