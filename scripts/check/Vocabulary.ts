/**
 * The words that this project does not use: names and phrases that only its authors understood, and what to write instead.
 *
 * A module, type or message is named by the noun that the field's documentation uses (LiveKit, Pipecat, OpenAI, WebRTC,
 * Effect), so that an engineer who is new here finds it by searching. Every entry was in the code once and was replaced;
 * this list keeps it from coming back.
 *
 * Pure: takes paths and texts, gives findings.
 *
 * @since 0.1.0
 */
import type { Finding } from "./ImportFloors.ts"

/**
 * Names of modules and exports that were replaced, each with the field's word.
 *
 * @category models
 * @since 0.1.0
 */
export const names: Readonly<Record<string, string>> = {
  Acting: "UserActions",
  ActivityGate: "VadHysteresis",
  AiFailure: "LanguageModelErrors",
  Ambient: "TelemetryContext",
  Arrivals: "ParticipantArrivals",
  Aside: "BargeIn",
  AudioAllowance: "AudioQuota",
  Bounded: "Deadline",
  Draft: "Step",
  Ear: "Subscriber, AudioSink",
  FrameClock: "PlayoutClock",
  Gate: "AccessControl",
  Happening: "ConversationInput",
  HeardAudio: "ReceivedAudio",
  Hearing: "UserTransitions",
  HostedSpeech: "SpeechPieces",
  HostedVoice: "TtsConnection",
  Journal: "SnapshotWriter",
  Keeper: "SessionLeases",
  Keeping: "SessionPersistence",
  KeptState: "SessionSnapshot",
  LagWindow: "EventLoopLag",
  Late: "LateTranscripts",
  Manner: "InterruptionMode",
  Marks: "TurnTimestamps",
  Names: "TelemetryNames, or what is named",
  Operations: "MeteredBackend",
  Outlet: "InputBranch",
  Owner: "StoreOwner, or what is owned",
  Pace: "FloodLimit, TokenBucket",
  Places: "SessionPlacement",
  QuietTracer: "RedactingTracer",
  RawErrors: "MalformedRequests",
  Replying: "ReplyTransitions",
  Retained: "SessionRecorder",
  Retainer: "Retention",
  RouteSupport: "RouteRequest",
  S2sLink: "S2sConnection",
  S2sMemory: "S2sContext",
  S2sTape: "UtteranceBuffer",
  SayQueue: "UtteranceQueue",
  ScriptedHearing: "ScriptedRecogniser",
  SessionWatch: "SessionObserver",
  Stage: "TestBackends, UserContext",
  Support: "LiveUpdate",
  Tape: "UtteranceBuffer, SampleBuffer",
  ToolMemory: "ToolHistory",
  TurnsTalk: "StreamingProtocol",
  VoiceFaults: "VendorError",
  VoiceWire: "TtsProtocol",
  WorkerSide: "Worker"
}

/**
 * Endings of names of modules and exports that were replaced, each with the field's word.
 *
 * @category models
 * @since 0.1.0
 */
export const endings: Readonly<Record<string, string>> = {
  Talk: "Protocol",
  Wire: "Protocol"
}

/**
 * Phrases of comments, messages and documentation that were replaced, each with a sentence that says the same.
 *
 * @category models
 * @since 0.1.0
 */
export const phrases: Readonly<Record<string, string>> = {
  "a key that is no name": "invalid key",
  "a line in memory": "a connection in memory",
  "a player failed": "playout failed",
  "a token is needed": "missing token",
  "as much to do as it can do well": "overloaded",
  "asked ahead": "preemptive",
  "counts for itself": "uses per-process limits",
  "cut what was late": "closed the remaining sessions",
  "do as they are told": "are scripted",
  "does not take the key": "rejected the API key",
  "does not tell when": "has no endpointing",
  "fell silent within": "sent no audio for 5 s within",
  "floors of the house": "floors",
  "has said no": "counts as false",
  "heard no word in": "returned no transcript for",
  "in so much company": "up to a limit",
  "is no WebSocket URL": "is not a valid WebSocket URL",
  "is not listened to": "has no consumer",
  "let go of or erased": "lost",
  "no more incoming sessions": "the provider stopped delivering sessions",
  "nobody came back for": "abandoned",
  "nobody would answer": "no agent",
  "none of its engines knows": "unknown option",
  "not kept at present": "not saved",
  "nothing is kept of": "there is no recording of",
  "nothing left to pay with": "quota exhausted",
  "passed by, told": "bypassed, reported",
  "sent what is no message": "sent a malformed message",
  "so that none be": "so that no … is",
  "spelt speech": "text encoded in audio",
  "the bot has a fault": "the bot reported an error",
  "the token was not accepted": "invalid token",
  "there is room again": "load is normal again",
  "used up for now": "quota exceeded",
  "wait to be said": "are queued",
  "who hears": "who receives",
  "whoever asks": "any caller"
}

// `talk` is a command of the CLI.
const talkCommand = (file: string): boolean => /^(?:src|test)\/cli\//.test(file)

/** Names of companies. */
const companies: ReadonlySet<string> = new Set(["SignalWire"])

const replacementOf = (name: string, file: string): string | undefined => {
  if (companies.has(name)) return undefined
  if (Object.hasOwn(names, name)) return names[name]
  const ending = Object.keys(endings).find((ending) =>
    name.endsWith(ending) && name !== ending && !(ending === "Talk" && talkCommand(file))
  )
  return ending === undefined ? undefined : name.slice(0, -ending.length) + (endings[ending] ?? "")
}

const exported = /^export (?:declare )?(?:abstract )?(?:const|let|class|interface|type|function\*?|namespace) (\w+)/

/**
 * What is wrong with the words of one file: its own name, the names it exports, and the phrases in it.
 *
 * A phrase is found whatever its case, and also where a line break or the margin of a comment is between two words.
 *
 * @category checking
 * @since 0.1.0
 */
export const check = (file: string, text: string): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const module = (file.split("/").at(-1) ?? "").split(".")[0] ?? ""
  const better = replacementOf(module, file)
  if (better !== undefined) {
    findings.push({ file, line: 1, message: `module name ${module}: the field's word is ${better}` })
  }

  for (const [index, line] of text.split("\n").entries()) {
    const name = exported.exec(line)?.[1]
    const better = name === undefined ? undefined : replacementOf(name, file)
    if (better !== undefined) {
      findings.push({ file, line: index + 1, message: `export ${name}: the field's word is ${better}` })
    }
  }

  for (const [phrase, better] of Object.entries(phrases)) {
    const words = phrase.split(" ").map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    for (const match of text.matchAll(new RegExp(words.join("\\s+(?:(?:\\*|//|#|--)\\s+)?"), "gi"))) {
      const line = text.slice(0, match.index).split("\n").length
      findings.push({ file, line, message: `"${phrase}": write "${better}"` })
    }
  }
  return findings
}
