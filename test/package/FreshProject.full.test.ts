/**
 * Every example in fresh projects of every kind: npm and pnpm, TypeScript 5.9 and 7, NodeNext and bundler; and the types of
 * the package where nothing optional is installed.
 *
 * With NodeNext, Node runs what the compiler writes; with bundler, what esbuild makes of that. `FreshProject.server.test.ts`
 * runs the sources as they are.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as FreshProject from "./FreshProject.ts"
import * as FreshRuns from "./FreshRuns.ts"

const compilers: ReadonlyArray<FreshProject.Compiler> = ["typescript", "typescript-5"]
const resolutions: ReadonlyArray<FreshProject.Resolution> = ["NodeNext", "bundler"]
const managers: ReadonlyArray<FreshProject.Manager> = ["npm", "pnpm"]
const combinations = compilers.flatMap((compiler) => resolutions.map((resolution) => ({ compiler, resolution })))

const MINUTES = 60_000

for (const manager of managers) {
  describe(`a fresh project of ${manager}`, () => {
    let project = ""

    beforeAll(() => {
      const { ESBUILD, FORMER_TYPESCRIPT, unbundled } = FreshProject
      project = FreshProject.make(manager, [FORMER_TYPESCRIPT, ESBUILD, ...(manager === "pnpm" ? unbundled : [])])
      FreshProject.writeSubpaths(project)
    }, 10 * MINUTES)

    afterAll(() => {
      if (project !== "") rmSync(project, { recursive: true, force: true })
    })

    for (const { compiler, resolution } of combinations) {
      describe(`with ${compiler} and ${resolution}`, () => {
        const built = `${compiler}-${resolution}`
        const outDir = resolution === "bundler" ? `${built}-bundled` : built

        beforeAll(() => {
          assert.strictEqual(FreshProject.compile(project, compiler, resolution, built), "")
          if (resolution === "bundler") FreshProject.bundle(project, built, outDir)
        }, 10 * MINUTES)

        for (const { run, title } of FreshRuns.all) {
          it.concurrent(
            title,
            () =>
              Effect.suspend(() => run(FreshProject.examplesOf(project, outDir))).pipe(
                Effect.scoped,
                Effect.runPromise
              ),
            10 * MINUTES
          )
        }
      })
    }
  })
}

describe("a fresh project with nothing optional", () => {
  let project = ""

  beforeAll(() => {
    project = FreshProject.makeBare([FreshProject.FORMER_TYPESCRIPT])
    FreshProject.writeSubpaths(project)
  }, 10 * MINUTES)

  afterAll(() => {
    if (project !== "") rmSync(project, { recursive: true, force: true })
  })

  for (const { compiler, resolution } of combinations) {
    it(`compiles every subpath with ${compiler} and ${resolution}, declarations too`, () => {
      for (const name of ["redis", "node-datachannel", "@evan/opus", "livekit-client", "@effect/sql-pg"]) {
        assert.isFalse(existsSync(join(project, "node_modules", name)), name)
      }
      assert.strictEqual(FreshProject.compile(project, compiler, resolution, `${compiler}-${resolution}`), "")
    }, 10 * MINUTES)
  }
})
