/** The flags of V8 that `serve` sets: that this V8 knows them, and may have them set while it runs. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { pathToFileURL } from "node:url"
import * as Heap from "../../src/cli/Heap.ts"

const node = (...args: ReadonlyArray<string>) => {
  const { status, stderr } = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    encoding: "utf8"
  })
  return [status, stderr]
}

describe("Heap", () => {
  it("has flags that this Node takes at its start", () => {
    assert.isNotEmpty(Heap.FLAGS)
    assert.deepStrictEqual(node(...Heap.FLAGS, "--eval", "0"), [0, ""])
  })

  it("sets them without a word while the process runs", () => {
    const module = pathToFileURL("src/cli/Heap.ts").href
    const script = `import { tune } from "${module}"
import { runSync } from "effect/Effect"
runSync(tune)`
    assert.deepStrictEqual(node("--input-type=module", "--eval", script), [0, ""])
  })
})
