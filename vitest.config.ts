import { availableParallelism } from "node:os"
import { defaultClientConditions, defaultServerConditions } from "vite"
import { defaultExclude, defineConfig } from "vitest/config"
import { ServerOrder } from "./test/support/ServerOrder.ts"

const project = (name: string, include: Array<string>, exclude: Array<string> = [], retry = 0) => ({
  extends: true as const,
  test: { name, include, exclude: [...defaultExclude, ...exclude], retry }
})

const isAsked = (name: string): boolean =>
  process.argv.some((arg, at) => arg === `--project=${name}` || (arg === name && process.argv[at - 1] === "--project"))

// A safety net for what hangs, never an assertion: a test must also pass on a machine that is eight times slower.
const NET_MS = 300_000

// `import … from "effect-voice"` in a test means the sources: package.json names them under this condition.
const source = "@effect-voice/source"

// The OpenTelemetry SDK has modules under this condition that only a bundler can read. Node knows no such condition.
const forBundlers = "module"

// `verify:full` asks for the project `full`: then the other projects run all their cases (`test/support/Full.ts`).
const isFull = isAsked("full")

// Rooms whose tests change nothing of their process: the files of a worker share one, which loads the modules once. `npm test`
// asks for them so; without the project `shared` they are part of `unit`, each file in a process of its own.
const other = ["test/**/*.{browser,server,full}.test.ts"]
const shared = [
  "agent",
  "audio",
  "backend",
  "builtin",
  "check",
  "conversation",
  "hooks",
  "protocols",
  "scenarios",
  "schema",
  "session",
  "speech",
  "store",
  "telemetry",
  "testing",
  "text",
  "transport",
  "wire"
].map((room) => `test/${room}/**/*.test.ts`)
const projectShared = project("shared", shared, other)

/**
 * Four kinds of tests: `unit` is what `npm test` runs and stays quick; `browser` needs a Chromium; `servers` starts real
 * servers and installs packages; `full` repeats with the counts that take long.
 */
export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions.filter((each) => each !== forBundlers)] } },
  test: {
    passWithNoTests: true,
    // The default leaves one core idle, which is half of a small machine; and files wait for a third of their time.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    testTimeout: NET_MS,
    hookTimeout: NET_MS,
    setupFiles: ["./test/support/setup.ts"],
    sequence: { sequencer: ServerOrder },
    env: isFull ? { VERIFY_FULL: "1" } : {},
    projects: [
      project("unit", ["test/**/*.test.ts"], isAsked("shared") ? [...other, ...shared] : other),
      ...(isAsked("shared") ? [{ ...projectShared, test: { ...projectShared.test, isolate: false } }] : []),
      // Other programs in real time on a busy machine: what fails is run once more, and the report says so.
      project("browser", ["test/**/*.browser.test.ts"], [], 1),
      project("servers", ["test/**/*.server.test.ts"], [], 1),
      project("full", ["test/**/*.full.test.ts"])
    ]
  }
})
