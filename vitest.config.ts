import { availableParallelism } from "node:os"
import { defaultClientConditions, defaultServerConditions } from "vite"
import { defaultExclude, defineConfig } from "vitest/config"
import { ServerOrder } from "./test/support/ServerOrder.ts"

const project = (name: string, include: Array<string>, exclude: Array<string> = [], retry = 0) => ({
  extends: true as const,
  test: { name, include, exclude: [...defaultExclude, ...exclude], retry }
})

// A safety net for what hangs, never an assertion: a test must also pass on a machine that is eight times slower.
const NET_MS = 300_000

// `import … from "effect-voice"` in a test means the sources: package.json names them under this condition.
const source = "@effect-voice/source"

// `verify:full` asks for the project `full`: then the other projects run all their cases (`test/support/Full.ts`).
const isFull = process.argv.some((arg, at) =>
  arg === "--project=full" || (arg === "full" && process.argv[at - 1] === "--project")
)

/**
 * Four kinds of tests: `unit` is what `npm test` runs and stays quick; `browser` needs a Chromium; `servers` starts real
 * servers and installs packages; `full` repeats with the counts that take long.
 */
export default defineConfig({
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions] } },
  test: {
    passWithNoTests: true,
    // The default leaves one core idle, which is half of a small machine.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: NET_MS,
    hookTimeout: NET_MS,
    setupFiles: ["./test/support/setup.ts"],
    sequence: { sequencer: ServerOrder },
    env: isFull ? { VERIFY_FULL: "1" } : {},
    projects: [
      project("unit", ["test/**/*.test.ts"], ["test/**/*.{browser,server,full}.test.ts"]),
      // Other programs in real time on a busy machine: what fails is run once more, and the report says so.
      project("browser", ["test/**/*.browser.test.ts"], [], 1),
      project("servers", ["test/**/*.server.test.ts"], [], 1),
      project("full", ["test/**/*.full.test.ts"])
    ]
  }
})
