/**
 * The order of the test files: the longest first, so that no worker ends long before the others, and never two side by side of
 * those that play audio in real time through programs of others, which lose sound on a busy machine.
 */
import { relative } from "node:path"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** How long a file takes, in seconds, where it is more than `SHORT`. */
export const seconds: { readonly [file: string]: number } = {
  "test/providers/livekit/LiveKit.server.test.ts": 120,
  "test/browser/Console.browser.test.ts": 90,
  "test/cluster/Cluster.server.test.ts": 135,
  "test/browser/LiveKit.browser.test.ts": 70,
  "test/providers/livekit/dispatch/Dispatch.server.test.ts": 95,
  "test/fuzz/SlowPeers.server.test.ts": 65,
  "test/store/Servers.server.test.ts": 95,
  "test/store/ClientStores.server.test.ts": 45,
  "test/package/FreshProject.server.test.ts": 155,
  "test/package/Pack.server.test.ts": 75,
  "test/providers/telephony/Asterisk.server.test.ts": 36,
  "test/providers/telephony/AsteriskBed.server.test.ts": 8,
  "test/providers/telephony/TwilioRecovery.server.test.ts": 12,
  "test/cluster/PostgresEngine.server.test.ts": 43,
  "test/cli/workers/Workers.server.test.ts": 42,
  "test/cli/app/App.server.test.ts": 36,
  "test/package/Bundlers.browser.test.ts": 40,
  "test/store/StoreOutages.server.test.ts": 40,
  "test/package/CallPages.browser.test.ts": 25,
  "test/browser/Interruptions.browser.test.ts": 38,
  "test/providers/livekit/SharedRooms.server.test.ts": 34,
  "test/store/StoreFailover.server.test.ts": 33,
  "test/providers/Swap.server.test.ts": 33,
  "test/contract/LiveKit.server.test.ts": 30,
  "test/fuzz/Floods.server.test.ts": 30,
  "test/engines/hosted/stt/SpeechToText.server.test.ts": 27,
  "test/backend/Drain.server.test.ts": 25,
  "test/engines/hosted/tts/TextToSpeech.server.test.ts": 24,
  "test/providers/PipecatBridge.server.test.ts": 22,
  "test/providers/clients/RtviEval.server.test.ts": 25,
  "test/browser/Rtvi.browser.test.ts": 38,
  "test/client/RealNodes.server.test.ts": 30,
  "test/store/VanishedHost.server.test.ts": 22,
  "test/browser/Client.browser.test.ts": 21,
  "test/browser/OpenAi.browser.test.ts": 25,
  "test/recovery/Kill.server.test.ts": 20,
  "test/engines/pipecat/Bot.server.test.ts": 20,
  "test/scenarios/Replay.server.test.ts": 20,
  "test/server/ClockSteps.server.test.ts": 20,
  "test/engines/gemini/Live.server.test.ts": 20,
  "test/engines/openai/Realtime.server.test.ts": 20,
  "test/cli/Reload.server.test.ts": 19,
  "test/clients/Python.server.test.ts": 28,
  "test/store/PostgresWrites.server.test.ts": 17,
  "test/contract/PipecatBridge.server.test.ts": 15
}
const SHORT = 10

const audio =
  /LiveKit\.(?:server|browser)|Rtvi|SharedRooms|PipecatBridge|Swap|clients\/Python|pipecat\/Bot|Replay|Asterisk|AriLink|TwilioRecovery|Console\.|Interruptions|OpenAi\.browser/u
const waiting =
  /SlowPeers|store\/Servers|ClientStores|StoreOutages|StoreFailover|VanishedHost|HangingOwner|ClockSteps|hosted\/|gemini\/|openai\/Realtime|Drain/u

/** What a file does most of its time: play audio in real time, wait (for time-outs of its own), or keep a core busy. */
type Kind = "audio" | "busy" | "waiting"
const kinds: ReadonlyArray<Kind> = ["audio", "busy", "waiting"]

interface Candidate {
  readonly specification: TestSpecification
  readonly seconds: number
  readonly kind: Kind
}

/**
 * The order in which free workers take the files, planned with how long each takes: one of each kind beside the others, so
 * that three workers have two cores enough.
 */
export const plan = <A extends Pick<Candidate, "kind" | "seconds">>(
  candidates: ReadonlyArray<A>,
  workers: number
): ReadonlyArray<A> => {
  const left = candidates.toSorted((a, b) => b.seconds - a.seconds)
  const running = Array.from(
    { length: workers },
    (): { readonly kind?: Kind; readonly until: number } => ({ until: 0 })
  )
  const order: Array<A> = []
  while (left.length > 0) {
    const now = Math.min(...running.map(({ until }) => until))
    const isRunning = (kind: Kind) => running.some((each) => each.kind === kind && each.until > now)
    const wanted = kinds.find((kind) => !isRunning(kind) && left.some((each) => each.kind === kind))
    const isGood = ({ kind }: A) => wanted === undefined ? kind !== "audio" : kind === wanted
    const [next] = left.splice(Math.max(0, left.findIndex(isGood)), 1)
    if (next === undefined) break
    running[running.findIndex(({ until }) => until === now)] = { kind: next.kind, until: now + next.seconds }
    order.push(next)
  }
  return order
}

/** The projects whose files are planned, together. */
const projects: ReadonlySet<string> = new Set(["browser", "servers"])

/** Plans the files of these projects; others go in vitest's own order. */
export class ServerOrder extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const isPlanned = ({ project }: TestSpecification) => projects.has(project.name)
    const candidates = files.filter(isPlanned).map((specification): Candidate => {
      const file = relative("", specification.moduleId).replaceAll("\\", "/")
      const kind = audio.test(file) ? "audio" : waiting.test(file) ? "waiting" : "busy"
      return { specification, seconds: seconds[file] ?? SHORT, kind }
    })
    const planned = plan(candidates, this.ctx.config.maxWorkers).map(({ specification }) => specification)
    return [...await super.sort(files.filter((file) => !isPlanned(file))), ...planned]
  }
}
