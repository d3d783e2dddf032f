/**
 * Builds the real livekit-server into the cache: `npm run livekit:install`. It needs Go 1.26 and the Go module proxy.
 *
 * @since 0.1.0
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { binary, directory, version } from "./Binary.ts"

const MIN_GO = [1, 26] as const
const module = "github.com/livekit/livekit-server/cmd/server"

const goVersion = (): readonly [number, number] | undefined => {
  try {
    const [, major, minor] = /go(\d+)\.(\d+)/.exec(execFileSync("go", ["env", "GOVERSION"], { encoding: "utf8" })) ?? []
    return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)]
  } catch {
    return undefined
  }
}

const install = (): string | undefined => {
  if (existsSync(binary)) return undefined
  const go = goVersion()
  if (go === undefined || go[0] < MIN_GO[0] || (go[0] === MIN_GO[0] && go[1] < MIN_GO[1])) {
    return `livekit-server ${version} is built with Go ${MIN_GO.join(".")} or later, and ${
      go === undefined ? "there is no go here" : `this is Go ${go.join(".")}`
    }: https://go.dev/doc/install`
  }
  const started = performance.now()
  mkdirSync(dirname(directory), { recursive: true })
  // built beside its place, so that a half-made one is never found there
  const building = mkdtempSync(`${directory}.building-`)
  try {
    execFileSync("go", ["install", "-ldflags=-s -w", `${module}@v${version}`], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, GOBIN: building, GOFLAGS: "-trimpath", CGO_ENABLED: "0" }
    })
    mkdirSync(directory, { recursive: true })
    renameSync(join(building, "server"), binary)
  } catch (error) {
    return `livekit-server ${version} could not be built: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    rmSync(building, { recursive: true, force: true })
  }
  process.stdout.write(`built in ${((performance.now() - started) / 1000).toFixed(0)} s: `)
  return undefined
}

const failure = install()
if (failure === undefined) process.stdout.write(`${binary}\n`)
else {
  process.stderr.write(`${failure}\n`)
  process.exitCode = 1
}
