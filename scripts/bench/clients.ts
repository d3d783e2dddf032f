/**
 * What the clients of other protocols cost: CPU time of the serving process per session and second, and bytes of payload, by OpenAI's
 * Realtime API and by Pipecat's RTVI over WebSockets, beside our own protocol; with real Silero, and engines that take no time. The
 * callers are in this process, each server in one of its own.
 *
 * Usage: `npm run bench -- clients`; behind it `--users 40`, `--seconds 20`, `--rounds 2`. Linux.
 *
 * @since 0.1.0
 */
import { parseArgs } from "node:util"
import * as Clients from "./sockets/Clients.ts"
import * as Sides from "./sockets/Sides.ts"
import { median, quantile } from "./Statistics.ts"

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "40" },
    seconds: { type: "string", default: "20" },
    rounds: { type: "string", default: "2" }
  }
})
const users = Number(values.users)
const seconds = Number(values.seconds)
const protocols = { native: Clients.native, openai: Clients.openai, rtvi: Clients.rtvi }

for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, dial] of Object.entries(protocols)) {
    const traffic: Clients.Traffic = { sent: 0, received: 0 }
    const { answerMs, cpuMs, ms, rssMb, turns, unanswered } = await Sides.ours(
      users,
      seconds,
      (base) => dial(base, traffic)
    )
    const perSecond = (bytes: number) => `${(bytes / users / ms).toFixed(1)} kB`
    process.stdout.write(
      `${name.padEnd(6)} ${users} users: ${cpuMs.toFixed(2)} ms CPU a session and second, ${rssMb.toFixed(0)} MB; ` +
        `${perSecond(traffic.sent)} a second to the server, ${perSecond(traffic.received)} back; ` +
        `last of the speech → first sound p50 ${median(answerMs).toFixed(0)}, p95 ${
          quantile(answerMs, 0.95).toFixed(0)
        } ms, ${unanswered} of ${turns} unanswered\n`
    )
  }
}
