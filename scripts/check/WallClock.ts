/**
 * Where the wall clock may be read, and where two of its readings may be subtracted.
 *
 * A step of the wall clock (NTP, an administrator, a machine that was suspended) must change nothing that is heard, so
 * durations come from `src/MonotonicTime.ts`. The wall clock is for what is shown, signed, or shared between processes: each
 * file that reads it stands here, with the reason.
 *
 * Pure: takes paths and texts, gives findings.
 *
 * @since 0.1.0
 */
import type { Finding } from "./ImportFloors.ts"

/**
 * Why a file reads the wall clock, and why it subtracts such readings, if it does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Allowed {
  readonly reads: string
  readonly subtracts?: string
}

/**
 * The files that may, each with its reason.
 *
 * @category models
 * @since 0.1.0
 */
export const allowed: Readonly<Record<string, Allowed>> = {
  "scripts/bench/retention.ts": { reads: "the expiries of sessions that are kept" },
  "src/MonotonicTime.ts": {
    reads: "where timestamps begin, and to find steps of the wall clock",
    subtracts: "the difference to the monotonic clock is what a step changes"
  },
  "src/backend/admission/AccessControl.ts": { reads: "`expiresAt` of an AuthHook's result: set by another machine" },
  "src/backend/health/Health.ts": { reads: "`checkedAt` is shown" },
  "src/builtin/BuiltinAgent.ts": { reads: "the agent says what time it is" },
  "src/cli/Logs.ts": { reads: "the time of a log line is shown" },
  "src/cluster/peers/PeerClient.ts": { reads: "requests between nodes say when they were signed" },
  "src/cluster/peers/PeerGuard.ts": {
    reads: "how old another machine's signature is",
    subtracts: "the time was written by another machine; a step is like clocks that are apart"
  },
  "src/engines/hosted/stt/HostedStt.ts": { reads: "vendors say in Unix time when a connection expires" },
  "src/engines/hosted/llm/HttpModel.ts": { reads: "`Retry-After` may be a date" },
  "src/models/StaleEntries.ts": {
    reads: "the age of files that other processes have left",
    subtracts: "from the time of their last change, on the same clock"
  },
  "src/providers/SessionLinks.ts": { reads: "the expiry of a token is signed" },
  "src/providers/clients/openai/RealtimeSecrets.ts": { reads: "the expiry of a secret is sealed in it" },
  "src/providers/clients/openai/RealtimeSessions.ts": { reads: "the expiry of a token is signed" },
  "src/providers/livekit/room/RoomLink.ts": { reads: "the expiry of a token is signed, the time of an event shown" },
  "src/providers/telephony/telnyx/TelnyxCarrier.ts": { reads: "webhooks say when they were signed" },
  "src/providers/telephony/vonage/VonageCarrier.ts": { reads: "webhooks say when they were signed" },
  "src/providers/telephony/StreamTokens.ts": { reads: "the expiry of a token is signed" },
  "src/providers/telephony/vonage/Rest.ts": { reads: "the expiry of a token is signed" },
  "src/server/nodes/MovedSocket.ts": { reads: "the time of an event is shown" },
  "src/server/nodes/NodeRouting.ts": { reads: "forwarded requests say when they were signed" },
  "src/server/ProcessMetrics.ts": { reads: "the start of the process, in Unix time as Prometheus asks for it" },
  "src/session/retention/SessionRecorder.ts": {
    reads: "how long ago another process began the recording that this one continues",
    subtracts: "the beginning was written by another process; less than 0 counts as 0"
  },
  "src/store/SessionArchiveDirectory.ts": { reads: "dates of folders and expiries of files, for later processes" },
  "src/store/SqliteConnection.ts": { reads: "leases in a file that processes share" },
  "src/telemetry/MonotonicTracer.ts": {
    reads: "times of spans are shown",
    subtracts: "the difference to the monotonic clock is what a step changes"
  },
  "src/telemetry/ToolSpan.ts": { reads: "times of spans are shown; MonotonicTracer takes steps out of them" },
  "src/telemetry/VendorSpan.ts": { reads: "times of spans are shown; MonotonicTracer takes steps out of them" },
  "src/testing/scenario/VirtualTime.ts": { reads: "the wall clock that a scenario steps" },
  "src/transport/SessionTokens.ts": { reads: "issue and expiry of a token are signed" },
  "scripts/bench/budgets.ts": { reads: "the date of a report is shown" },
  "scripts/bench/peers/LiveKitAgents.mjs": { reads: "the other framework asks for it" },
  "scripts/soak/main.ts": { reads: "a seed that is new with each run" }
}

/** A reading: of Effect's clock (its nanoseconds are wall time as well), of JavaScript, or of the browser. */
const reading =
  /\bcurrentTime(?:Millis|Nanos)(?:Unsafe)?\b(?!\s*:)|\bDate\.now\b|\bnew Date\(\s*\)|(?<![\w.])Date\(\s*\)|\bDateTime\.now\w*|\bperformance\.timeOrigin\b/g

/** What measures by the wall clock inside Effect 4.1: schedules that know the time, and caches. Sleeps and timeouts do not. */
const measuring =
  /\bSchedule\.(?:fixed|windowed|during|elapsed\w*|cron)\b|\bupTo\(\s*(?:\w+,\s*)?\{\s*duration\b|\bStream\.(?:debounce|throttle\w*|groupedWithin|aggregateWithin\w*)\b|\bcached(?:Invalidate)?WithTTL\b|"effect\/(?:Cache|ScopedCache|RcMap|Pool)"/

const minus = "-(?![-=>])"

/** The source without its comments, line by line as before. A comment behind code is taken off at ` // `. */
const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, "")).replace(/(^|\s)\/\/ .*$/gm, "$1")

/** The names in a file that stand for a reading: declared from one, or the parameter of a function that is given one. */
const namesOf = (text: string): ReadonlySet<string> => {
  const names = new Set<string>()
  const given = /\bcurrentTime(?:Millis|Nanos)\b\s*(?:,|\.pipe\(\s*Effect\.\w+\()\s*\(\s*(\w+)\s*\)\s*(?::[^=]+)?=>/g
  for (const [, name] of text.matchAll(given)) if (name !== undefined) names.add(name)
  for (const line of text.split("\n")) {
    if (line.search(reading) < 0) continue
    const declared = /\b(?:const|let)\s+(\w+)\s*(?::[^=]+)?=/.exec(line)?.[1]
    if (declared !== undefined) names.add(declared)
  }
  return names
}

const subtractionIn = (names: ReadonlySet<string>): RegExp => {
  const values = [...names].map((name) => `(?<![.\\w])${name}\\b(?:\\(\\))?(?!\\s*=>)`)
  const value = [...values, "currentTime(?:Millis|Nanos)(?:Unsafe)?\\b(?:\\(\\))?", "Date\\.now\\(\\)"].join("|")
  return new RegExp(`(?:${value})\\)*\\s*${minus}|${minus}\\s*(?:\\(\\s*yield\\*\\s*)?(?:\\w+\\.)*(?:${value})`)
}

/**
 * What is wrong with the times of one file.
 *
 * @category checking
 * @since 0.1.0
 */
export const check = (
  file: string,
  source: string,
  list: Readonly<Record<string, Allowed>> = allowed
): ReadonlyArray<Finding> => {
  const text = withoutComments(source)
  const entry = Object.hasOwn(list, file) ? list[file] : undefined
  const subtraction = subtractionIn(namesOf(text))
  const findings: Array<Finding> = []
  let reads = 0
  let subtracts = 0
  for (const [index, line] of text.split("\n").entries()) {
    const line1 = index + 1
    const [module] = measuring.exec(line) ?? []
    if (module !== undefined) {
      findings.push({ file, line: line1, message: `${module} measures by the wall clock: sleep, or count` })
    }
    const [found] = line.match(reading) ?? []
    if (found !== undefined) {
      reads++
      if (entry === undefined) {
        findings.push({ file, line: line1, message: `${found} is the wall clock: durations come from MonotonicTime` })
      }
    }
    if (!subtraction.test(line)) continue
    subtracts++
    if (entry?.subtracts === undefined) {
      findings.push({
        file,
        line: line1,
        message: "a difference of wall-clock times is no duration: use MonotonicTime"
      })
    }
  }
  if (entry !== undefined && reads === 0) {
    findings.push({ file, line: 1, message: "does not read the wall clock: delete it from scripts/check/WallClock.ts" })
  }
  if (entry?.subtracts !== undefined && subtracts === 0) {
    findings.push({
      file,
      line: 1,
      message: "subtracts no wall-clock times: delete it from scripts/check/WallClock.ts"
    })
  }
  return findings
}
