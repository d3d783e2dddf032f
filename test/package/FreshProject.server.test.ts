/**
 * A fresh project, made as the guides say, compiles every example with `skipLibCheck: false` and runs those that run nowhere else.
 *
 * Here it is one of pnpm's, TypeScript 7 and NodeNext, whose programs Node runs as they are; `FreshProject.full.test.ts` has
 * every combination. It installs from the registry (or a cache).
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as FreshProject from "./FreshProject.ts"
import * as FreshRuns from "./FreshRuns.ts"
import * as PackedProject from "./PackedProject.ts"

const MINUTES = 60_000

describe("a fresh project of pnpm", () => {
  let project = ""

  beforeAll(() => {
    project = FreshProject.make("pnpm")
    FreshProject.writeSubpaths(project)
  }, 10 * MINUTES)

  afterAll(() => {
    if (project !== "") rmSync(project, { recursive: true, force: true })
  })

  it("sees what the guides say to install, and nothing else", () => {
    const modules = join(project, "node_modules")
    for (const hidden of ["ws", "node-datachannel", ".pnpm/node_modules"]) {
      assert.isFalse(existsSync(join(modules, hidden)), hidden)
    }
  })

  it.concurrent("compiles every example and every subpath, declarations too", () => {
    assert.strictEqual(FreshProject.compile(project, "typescript", "NodeNext", "built"), "")
  }, 10 * MINUTES)

  it("knows how to run every example", () => {
    const examples = readdirSync(join(PackedProject.root, "test", "examples")).filter((file) => file.includes("."))
    assert.sameMembers([...new Set(FreshRuns.files)], examples)
  })

  for (const { run, title } of FreshRuns.all) {
    it.concurrent(
      title,
      () => Effect.suspend(() => run(FreshProject.examplesOf(project))).pipe(Effect.scoped, Effect.runPromise),
      10 * MINUTES
    )
  }
})
