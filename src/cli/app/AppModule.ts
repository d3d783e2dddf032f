/**
 * Loads the module of an application: TypeScript, whose types Node strips, or JavaScript.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { statSync } from "node:fs"
import { relative, resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { type BackendError, describe, InvalidConfig } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord } from "../../schema/Json.ts"
import { type App, isApp } from "./App.ts"
import * as AppFaults from "./AppFaults.ts"
import * as LayerApp from "./LayerApp.ts"

const op = "App.load"

/** A module may wait for something at its top level. */
const LOAD_WITHIN = "1 minute"

const invalid = (message: string, cause?: unknown) =>
  new InvalidConfig({ op, message, ...(cause === undefined ? {} : { cause }) })

/** Node's message for a file that is not there names the module that asked for it, which is ours. */
const requireFile = (file: string, path: string): Effect.Effect<void, InvalidConfig> =>
  Effect.suspend(() => {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return invalid(`cannot load the application ${file}: no such file`)
    return found.isFile() ? Effect.void : invalid(`cannot load the application ${file}: it is not a file`)
  }).pipe(Effect.catchDefect((cause) => invalid(`cannot load the application ${file}: ${describe(cause)}`, cause)))

/** Where in a file something was thrown, for an error that Node has given a stack: ` (voice.ts:3)`. */
const placeOf = (cause: unknown): string => {
  const stack = cause instanceof Error && typeof cause.stack === "string" ? cause.stack : ""
  const [, url = "", line = ""] = /(file:\/\/[^\s)]+?):(\d+)/.exec(stack) ?? []
  return URL.canParse(url) ? ` (${relative("", fileURLToPath(url))}:${line})` : ""
}

/** A module that ends the process while it is loaded would end a command that has not done its work, without a word. */
const reportExit = (file: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => {
      const report = (code: number) => {
        process.stderr.write(
          `error: the application ${file} ended the process while it was loaded, with code ${code}\n`
        )
        if (code === 0) process.exitCode = 1
      }
      process.once("exit", report)
      return report
    }),
    (report) => Effect.sync(() => process.off("exit", report))
  ))

/** What Node says of `import` and `export` in a file that it takes for CommonJS. */
const asCommonJs = /^(?:Cannot use import statement outside a module|Unexpected token 'export')$/

/** What Node's words for what it does not strip, and for modules that it takes for scripts, leave open. */
const adviceOf = (cause: unknown): string =>
  isRecord(cause) && cause["code"] === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX"
    ? "; Node only strips types: write it as JavaScript has it, or compile the file and give that"
    : cause instanceof SyntaxError && asCommonJs.test(cause.message)
    ? "; set \"type\": \"module\" in its package.json, or name it .mts or .mjs"
    : ""

const importModule = (file: string, path: string): Effect.Effect<unknown, BackendError> =>
  Effect.andThen(
    reportExit(file),
    Effect.tryPromise({
      try: (): Promise<unknown> => import(pathToFileURL(path).href),
      catch: (cause) =>
        invalid(
          `cannot load the application ${file}: ${describe(cause)}${placeOf(cause)}${adviceOf(cause)}`,
          cause
        )
    }).pipe(deadline(op, `the application ${file}`, LOAD_WITHIN))
  ).pipe(Effect.scoped)

/** A module of CommonJS that has its application as `exports.default`, as compilers write it, has it inside Node's default. */
const defaultOf = (exported: unknown): unknown =>
  isRecord(exported) && (exported["__esModule"] === true || isApplication(exported["default"]))
    ? exported["default"]
    : exported

/** A Layer of services; whether it is complete is known when it is built: it dies if not. */
const isClosedLayer = (value: unknown): value is Layer.Layer<never, unknown> => Layer.isLayer(value)

const isApplication = (value: unknown): boolean => isApp(value) || isClosedLayer(value)

/** What kind of value stands where an application should, and what to do about it. */
const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return "a list"
  if (value instanceof Promise) return "a promise: await it"
  if (Effect.isEffect(value)) return "an Effect: make a Layer of it with Layer.unwrap"
  if (typeof value === "function") return "a function: call it"
  if (typeof value !== "object") return `a ${typeof value}`
  return isRecord(value) && AppFaults.keys.some((key) => Object.hasOwn(value, key))
    ? "an object with parts of an application: export default defineApp({ … }) of it"
    : "an object"
}

/**
 * An application that a program gives: one of `defineApp`, or a Layer, which is built in the current scope. Fails
 * `invalid_config` with all faults of its parts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = Effect.fnUntraced(function*(
  given: unknown,
  what: string
): Effect.fn.Return<App, BackendError, Scope.Scope> {
  if (isClosedLayer(given)) return yield* LayerApp.make(given)
  if (!isApp(given)) {
    return yield* invalid(`${what} is ${kindOf(given)}; expected what defineApp gives, or a Layer`)
  }
  if (given.faults.length > 0) return yield* Faults.toError(op, `${what} is not valid`, given.faults)
  return given
})

/**
 * Loads an application from a file; a process loads each file once. A file that is missing or throws, and one whose default
 * export is no application, fail `invalid_config` with a sentence that names it.
 *
 * @category loading
 * @since 0.1.0
 */
export const load = Effect.fnUntraced(function*(file: string): Effect.fn.Return<App, BackendError, Scope.Scope> {
  const path = resolve(file)
  yield* requireFile(file, path)
  const module = yield* importModule(file, path)
  if (!isRecord(module) || !Object.hasOwn(module, "default")) {
    return yield* invalid(`the application ${file} has no default export: expected export default defineApp({ … })`)
  }
  const app = yield* of(defaultOf(module["default"]), `the default export of ${file}`)
  return { ...app, file }
})
